"""The real sandbox as a process beside the tests, on the addresses that the settings name."""

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest

from config.embedded.children import die_with_parent

START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0
# Each request would read all authorities anew, though the sandbox is asked without TLS, some times in most tests.
_AUTHORITIES = ssl.create_default_context()


@dataclass(frozen=True, slots=True)
class Sandbox:
    """The sandbox's control interface. Numbers are E.164."""

    url: str

    def ask(self, method: str, path: str, body: object = None, **params: str) -> Any:
        url = f"{self.url}/sandbox/api{path}"
        response = httpx.request(method, url, json=body, params=params, timeout=10, verify=_AUTHORITIES)
        response.raise_for_status()
        return response.json()

    def messages_at(self, mobile_e164: str) -> list[dict[str, Any]]:
        """What the phone of this number shows, the newest last."""
        return cast(list[dict[str, Any]], self.ask("GET", "/messages", to=mobile_e164))

    def code_at(self, mobile_e164: str) -> str:
        """The newest passcode on the phone."""
        return str(self.messages_at(mobile_e164)[-1]["code"])

    def fail(self, target: str, kind: str, value: int = 0, count: int = 1, **match: str) -> None:
        """match: strikes only where these fields have these values."""
        wanted = {"target": target, "kind": kind, "value": value, "count": count, "match": match}
        self.ask("POST", "/faults", wanted)

    def age_codes(self, seconds: float) -> None:
        self.ask("POST", "/verify/age", {"seconds": seconds})

    def tell_status(self, status: str) -> None:
        """What each code that waits comes to at its next check."""
        self.ask("POST", "/verify/tell", {"status": status})

    def received(self) -> dict[str, Any]:
        """Which fields every service was sent."""
        return cast(dict[str, Any], self.ask("GET", "/received"))

    def told(self, text: str) -> list[str]:
        """Which services were sent a value with this in it, in whatever case."""
        found = self.ask("POST", "/received/scan", {"text": text})
        assert found["whole"]
        return cast(list[str], found["services"])


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox"],
        env={**os.environ, "SANDBOX_STATE_FILE": "", "SANDBOX_TIME_SCALE": "0.05"},
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_parent(signal.SIGTERM),
    )
    found = Sandbox(f"http://localhost:{os.environ['SANDBOX_PORT']}")
    try:
        _wait(process, found)
        yield found
    finally:
        process.terminate()
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Iterator[Sandbox]:
    """The sandbox without any memory of earlier tests. Whatever the product asked of it kept the vendors' contracts."""
    sandbox_process.ask("POST", "/reset")
    yield sandbox_process
    defects = sandbox_process.ask("GET", "/defects")
    sandbox_process.ask("POST", "/reset")
    assert defects == []


def _wait(process: subprocess.Popen[bytes], found: Sandbox) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < limit:
        try:
            found.ask("GET", "/health")
            return
        except httpx.HTTPError:
            time.sleep(0.05)
    pytest.fail("The sandbox did not start; its output is above.")
