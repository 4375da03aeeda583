"""`make serve`: the same processes, against services that somebody else runs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from config.embedded import ports
from tests.compliance.restoring import make_database
from tests.stack.test_configuration import COMPLETE, PROJECT


def test_serve_runs_the_product_without_databases_and_sandbox_of_its_own(tmp_path: Path) -> None:
    chosen = ports.free()
    # The ledger knows the keys that it is written with, and these are others than the tests'.
    ledger = {"ERASURE_LEDGER_URL": make_database("erasures_of_serve")}
    services = ledger | {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL")}
    addresses = {
        "PUBLIC_URL": f"http://localhost:{chosen.web}",
        "MEDIA_SOCKET_URL": f"ws://localhost:{chosen.media}",
        "NUM_PROXIES": "0",
        "PORT_WEB": str(chosen.web),
        "PORT_MEDIA": str(chosen.media),
        "PORT_LIVE": str(chosen.live),
    }
    environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), **COMPLETE, **services, **addresses}
    output = tmp_path / "serve.out"
    with output.open("wb") as out:
        command = [sys.executable, "-m", "config.embedded.serve"]
        serving = subprocess.Popen(command, cwd=PROJECT, env=environ, stdout=out, stderr=out)
    try:
        state = wait_ready(serving, tmp_path / "stack.json", output)
        assert set(state["processes"]) == {"web", "media", "live", "transcriber", "worker", "clock"}
        assert httpx.get(f"{environ['PUBLIC_URL']}/readyz").json()["status"] == "ok"
        assert httpx.get(f"http://localhost:{chosen.live}/readyz").json()["status"] == "ok"
    finally:
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0, output.read_text()
    assert not (tmp_path / "postgres").exists()


def wait_ready(serving: subprocess.Popen[bytes], state: Path, output: Path, limit_s: float = 240.0) -> dict[str, Any]:
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit and serving.poll() is None:
        if state.exists() and json.loads(state.read_text())["ready"]:
            known: dict[str, Any] = json.loads(state.read_text())
            return known
        time.sleep(0.1)
    raise AssertionError(output.read_text())
