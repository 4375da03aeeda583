"""One request to a server that a customer named, and to no other: the address is looked up once, has to be one that the
Internet can reach, and is the very one that is connected to. No redirect is followed, no proxy asked, no cookie kept.

What may be in the request is `processors/egress.py`'s to say.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import SplitResult, urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from processors import guard

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Failure = Literal["name_unknown", "address_refused", "not_reached", "tls_failed", "timed_out", "answer_unreadable"]

CONNECT_WITHIN_S: Final = 3.0
# From the connection to the end of the answer, however slowly it trickles.
ALL_WITHIN_S: Final = 10.0
ADDRESSES_TRIED_MAX: Final = 3
# Of an answer nothing but its status counts; a little more is taken so that the other side is not cut off.
ANSWER_BYTES_MAX: Final = 4_096
_ONE_WORD: Final = re.compile(r"[!-~]+")
# Ranges that lead to IPv4 addresses which are part of them (RFC 6052, RFC 3056, RFC 4380).
_CARRIES_IPV4: Final = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class AddressRefused(ValueError):
    """Nothing may be sent to this address. The message says why, in words for whoever typed it. Permanent."""


class NotDelivered(OSError):
    """The request was not answered; failure says in a code how. Retryable."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure: Final = failure


def checked_url(url: str, *, networks: Sequence[Network]) -> str:
    """The address as it is kept. networks: those that may be sent to though the Internet cannot reach them.

    What a name leads to is looked up when something is sent, each time anew. Raises AddressRefused.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("This is no address. Write it as https://hooks.example.com/klosesales.") from None
    if not _ONE_WORD.fullmatch(url) or not parts.hostname or port == 0:
        raise AddressRefused("This is no address. Write it as https://hooks.example.com/klosesales.")
    if parts.scheme != "https" and not (parts.scheme == "http" and networks):
        raise AddressRefused(
            "The address has to begin with https://, so that nobody on the way can read along. Change it."
        )
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(
            "The address may hold no name and password. Remove them: the signature says that a message is from us."
        )
    if parts.fragment:
        raise AddressRefused("The address may hold no #, since what follows it is never sent. Remove it.")
    literal = _address(parts.hostname)
    if literal is not None and not may_reach(literal, scheme=parts.scheme, networks=networks):
        raise AddressRefused("This address cannot be reached from the Internet. Choose another.")
    return url


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def may_reach(address: Address, *, scheme: str, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks or, over TLS alone, one that the Internet can reach."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    if any(address in network for network in networks):
        return True
    if scheme != "https" or any(address in network for network in _CARRIES_IPV4):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def post(url: str, *, body: bytes, headers: Mapping[str, str], networks: Sequence[Network]) -> int:
    """Sends the body once and returns the status of the answer. Raises NotDelivered."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    with guard.letting_through([host]):
        addresses = _looked_up(host, port, parts.scheme, networks)
    with guard.letting_through([str(each) for each in addresses]):
        connection = _connected(addresses, port)
    with connection, _cut_after(connection) as was_cut:
        try:
            status = _exchanged(connection, parts, port, body, headers)
        except ssl.SSLError as error:
            raise NotDelivered("timed_out" if was_cut.is_set() else "tls_failed") from error
        except (TimeoutError, http.client.HTTPException, OSError) as error:
            late = was_cut.is_set() or isinstance(error, TimeoutError)
            broken = isinstance(error, http.client.HTTPException) and not isinstance(error, OSError)
            raise NotDelivered("timed_out" if late else "answer_unreadable" if broken else "not_reached") from error
        if was_cut.is_set():
            # Headers that break off look like headers that end.
            raise NotDelivered("timed_out")
        return status


def _looked_up(host: str, port: int, scheme: str, networks: Sequence[Network]) -> list[Address]:
    """Every address that the name leads to. One that may not be reached refuses them all: it is a trap or a mistake."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
    except (OSError, UnicodeError, ValueError) as error:
        raise NotDelivered("name_unknown") from error
    if not all(may_reach(address, scheme=scheme, networks=networks) for address in addresses):
        raise NotDelivered("address_refused")
    return list(dict.fromkeys(addresses))


def _connected(addresses: Sequence[Address], port: int) -> socket.socket:
    failure: OSError | None = None
    for address in addresses[:ADDRESSES_TRIED_MAX]:
        try:
            return socket.create_connection((str(address), port), timeout=CONNECT_WITHIN_S)
        except OSError as error:
            failure = error
    raise NotDelivered("timed_out" if isinstance(failure, TimeoutError) else "not_reached") from failure


def _exchanged(
    connection: socket.socket, parts: SplitResult, port: int, body: bytes, headers: Mapping[str, str]
) -> int:
    host = parts.hostname or ""
    connection.settimeout(ALL_WITHIN_S)
    line = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    asked = line(host, port)
    asked.sock = _tls().wrap_socket(connection, server_hostname=host) if parts.scheme == "https" else connection
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        asked.request("POST", target, body=body, headers={**headers, "Connection": "close"})
        answer = asked.getresponse()
        with suppress(http.client.HTTPException, OSError):
            answer.read1(ANSWER_BYTES_MAX)
        return answer.status
    finally:
        asked.close()


@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    """Trusts what this machine trusts, and what browsers do."""
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    return context


@contextmanager
def _cut_after(connection: socket.socket) -> Iterator[threading.Event]:
    """Ends the connection when the time for all of it is over: a time-out of the socket begins anew with every byte."""
    # TLS takes the socket over; this one goes on meaning the same connection.
    same = connection.dup()
    was_cut = threading.Event()

    def cut() -> None:
        was_cut.set()
        with suppress(OSError):
            same.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(ALL_WITHIN_S, cut)
    timer.daemon = True
    timer.start()
    try:
        yield was_cut
    finally:
        timer.cancel()
        same.close()
