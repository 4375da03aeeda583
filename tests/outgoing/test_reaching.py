"""Which addresses a customer's server may have, and that it is the one whose certificate it shows."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_django.fixtures import Settings

from processors import customers, guard
from tests.outgoing.conftest import Receiver, listening, serve


@pytest.mark.policy("C4.9")
def test_the_guard_lets_nobody_else_through_meanwhile_or_afterwards() -> None:
    with guard.letting_through(["hooks.example.com", "203.0.113.9"]), pytest.raises(guard.HostNotListed):
        socket.create_connection(("203.0.113.10", 443), timeout=1)
    with pytest.raises(guard.HostNotListed):
        socket.create_connection(("203.0.113.9", 443), timeout=1)


PUBLIC = (
    ("93.184.216.34", True),
    ("2606:2800:220:1:248:1893:25c8:1946", True),
    ("10.0.0.1", False),
    ("100.64.0.1", False),
    ("127.0.0.1", False),
    ("169.254.169.254", False),
    ("192.168.1.1", False),
    ("198.18.0.1", False),
    ("224.0.0.1", False),
    ("255.255.255.255", False),
    ("::1", False),
    ("::ffff:169.254.169.254", False),
    ("64:ff9b::a9fe:a9fe", False),
    ("2002:a9fe:a9fe::1", False),
    ("fe80::1", False),
    ("fc00::1", False),
    ("ff02::1", False),
)


def test_only_public_addresses_may_be_reached() -> None:
    for address, may in PUBLIC:
        assert customers.may_reach(ip_address(address), scheme="https", networks=()) is may, address
        assert customers.may_reach(ip_address(address), scheme="http", networks=()) is False, address


@pytest.fixture
def over_tls(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A server at localhost with a certificate that this machine trusts."""
    settings.WEBHOOK_NETWORKS = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    customers._tls.cache_clear()
    server, received = listening()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    received.url = f"https://localhost:{server.server_port}/hook"
    yield from serve(server, received)
    customers._tls.cache_clear()


def test_over_tls_the_certificate_has_to_be_the_names(over_tls: Receiver) -> None:
    status = customers.post(
        over_tls.url, body=b"{}", headers={}, networks=(ip_network("127.0.0.0/8"), ip_network("::1"))
    )
    assert (status, over_tls.took[0][0]["host"]) == (200, over_tls.url.split("/")[2])
    # The very same server by its address, which the certificate does not name.
    other = over_tls.url.replace("localhost", "127.0.0.1")
    with pytest.raises(customers.NotDelivered) as refused:
        customers.post(other, body=b"{}", headers={}, networks=(ip_network("127.0.0.0/8"),))
    assert (refused.value.failure, len(over_tls.took)) == ("tls_failed", 1)


def test_a_certificate_that_nobody_vouches_for_is_refused(over_tls: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    customers._tls.cache_clear()
    with pytest.raises(customers.NotDelivered) as refused:
        customers.post(over_tls.url, body=b"{}", headers={}, networks=(ip_network("127.0.0.0/8"), ip_network("::1")))
    assert (refused.value.failure, over_tls.took) == ("tls_failed", [])
