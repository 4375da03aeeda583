"""The wall around each process."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from processors import blocked, guard
from processors.models import BlockedEgress

OUTSIDE = "203.0.113.9"


def egress_folder() -> Path:
    return Path(settings.DATA_DIR) / "egress"


@pytest.mark.policy("C4.9")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("target", [OUTSIDE, "tracker.example"])
def test_a_planted_connection_is_refused_and_becomes_a_row(target: str) -> None:
    blocked.collect(folder=egress_folder())
    BlockedEgress.objects.all().delete()

    with pytest.raises(guard.HostNotListed):
        socket.create_connection((target, 443), timeout=1)

    assert blocked.collect(folder=egress_folder()) == 1
    row = BlockedEgress.objects.get()
    assert (row.host, row.reason) == (target, "host_not_listed")
    assert blocked.collect(folder=egress_folder()) == 0


def test_a_planted_datagram_is_refused() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, pytest.raises(guard.HostNotListed):
        datagrams.sendto(b"hello", (OUTSIDE, 53))


def test_this_machine_may_be_reached_and_is_noted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        socket.create_connection(("localhost", port), timeout=1).close()
    assert f"localhost:{port}" in guard.contacted(egress_folder())


def test_every_process_of_the_product_is_guarded_from_its_start() -> None:
    planted = "import django; django.setup(); import urllib.request as u; u.urlopen('http://203.0.113.9/', timeout=2)"
    done = subprocess.run([sys.executable, "-c", planted], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert '"egress blocked"' in done.stderr
    assert "203.0.113.9 is not a listed recipient" in done.stderr
