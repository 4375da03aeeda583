"""`make serve`: the same processes, against services that somebody else runs.

Planted bugs that this catches: a look at "localhost" whether a process is ready that listens elsewhere; ports that are looked for at
127.0.0.1 alone.
"""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.embedded import ports
from config.embedded.ports import Ports
from tests.compliance.restoring import make_database
from tests.stack.test_configuration import COMPLETE, PROJECT


def test_serve_runs_the_product_without_databases_and_sandbox_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path, ports.free()) as served:
        assert set(served.state["processes"]) == {"web", "media", "live", "transcriber", "worker", "clock"}
        assert httpx.get(f"{served.environ['PUBLIC_URL']}/readyz").json()["status"] == "ok"
        assert httpx.get(f"http://localhost:{served.environ['PORT_LIVE']}/readyz").json()["status"] == "ok"
    assert not (tmp_path / "postgres").exists()


def test_it_listens_and_is_known_to_be_ready_at_the_address_that_it_is_given(tmp_path: Path) -> None:
    chosen = ports.free()
    # What others hold at another address of this machine is in nobody's way.
    with (
        socket.create_server(("127.0.0.1", chosen.web)),
        serving(tmp_path, chosen, BIND_ADDRESS="127.0.0.2") as served,
    ):
        for port in (chosen.web, chosen.media, chosen.live):
            answer = httpx.get(f"http://127.0.0.2:{port}/readyz", headers={"Host": "localhost"})
            assert answer.json()["status"] == "ok"
            with socket.socket() as elsewhere:
                assert (elsewhere.connect_ex(("127.0.0.3", port)), served.serving.poll()) == (errno.ECONNREFUSED, None)


@pytest.mark.parametrize("bind", ["127.0.0.2", "0.0.0.0", "::"])  # noqa: S104 - only looked at
def test_a_port_that_is_taken_there_is_named_before_anything_starts(bind: str) -> None:
    chosen = ports.free()
    at = "::1" if bind == "::" else "127.0.0.2"
    with (
        socket.create_server((at, chosen.live), family=socket.AF_INET6 if bind == "::" else socket.AF_INET),
        pytest.raises(ports.PortUnusable, match=rf"Port {chosen.live} \(live\) cannot be used.*PORT_LIVE"),
    ):
        ports.check_free(chosen, bind=bind)


@pytest.mark.parametrize("bind", ["192.0.2.1", "2001:db8::1", "my.host.invalid"])
def test_an_address_of_no_port_of_this_machine_is_named(bind: str) -> None:
    with pytest.raises(ports.PortUnusable, match=rf"BIND_ADDRESS is '{bind}'"):
        ports.check_free(ports.free(), bind=bind)


def test_a_model_that_cannot_be_used_stops_the_start_and_is_named_with_its_setting(tmp_path: Path) -> None:
    (empty := tmp_path / "empty").mkdir()
    named = rf"(?s)transcriber cannot start. SECOND_PASS_MODEL_PATH is '{empty}': .*See docs/models.md.*assert 1 == 0"
    with (
        pytest.raises(AssertionError, match=named),
        serving(tmp_path, ports.free(), SECOND_PASS_MODEL_PATH=str(empty)),
    ):
        pass


@dataclass(frozen=True)
class Served:
    """A product that is ready. state: what its supervisor says about its processes."""

    serving: subprocess.Popen[bytes]
    environ: dict[str, str]
    state: dict[str, Any]


@contextmanager
def serving(folder: Path, chosen: Ports, **settings: str) -> Iterator[Served]:
    """`make serve` in a folder of its own, until it was asked to stop, and did."""
    # Each time both anew: a ledger knows the keys that it is written with and the database that it belongs with.
    databases = {name: make_database(f"{name.lower()}_of_serve") for name in ("DATABASE_URL", "ERASURE_LEDGER_URL")}
    services = databases | {"REDIS_URL": os.environ["REDIS_URL"]}
    addresses = {
        "PUBLIC_URL": f"http://localhost:{chosen.web}",
        "MEDIA_SOCKET_URL": f"ws://localhost:{chosen.media}",
        "NUM_PROXIES": "0",
        "PORT_WEB": str(chosen.web),
        "PORT_MEDIA": str(chosen.media),
        "PORT_LIVE": str(chosen.live),
    }
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **COMPLETE, **services, **addresses, **settings}
    output = folder / "serve.out"
    with output.open("wb") as out:
        command = [sys.executable, "-m", "config.embedded.serve"]
        process = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=out, stderr=out)
    try:
        yield Served(process, environ, wait_ready(process, folder / "stack.json", output))
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, output.read_text()


def wait_ready(serving: subprocess.Popen[bytes], state: Path, output: Path, limit_s: float = 240.0) -> dict[str, Any]:
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit and serving.poll() is None:
        if state.exists() and json.loads(state.read_text())["ready"]:
            known: dict[str, Any] = json.loads(state.read_text())
            return known
        time.sleep(0.1)
    raise AssertionError(output.read_text())
