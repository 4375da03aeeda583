"""The wall around each process."""

import resource
import signal
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


@pytest.mark.policy("C4.7")
def test_a_guarded_process_that_crashes_leaves_none_of_its_memory_behind(tmp_path: Path) -> None:
    """Red where whoever runs the product lets processes dump their memory, and ours do."""
    dies = (
        "import contextlib, os, resource, sys; sys.path.insert(0, sys.argv[1]); from processors import guard\n"
        "with contextlib.suppress(ValueError): resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))\n"
        "guard.enclose(); print(*resource.getrlimit(resource.RLIMIT_CORE), flush=True); os.abort()"
    )
    run = [sys.executable, "-c", dies, str(settings.BASE_DIR)]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.split(), list(tmp_path.iterdir())) == (-signal.SIGABRT, ["1", "1"], [])
    # This one runs with the settings of the product.
    assert resource.getrlimit(resource.RLIMIT_CORE) == (1, 1)
