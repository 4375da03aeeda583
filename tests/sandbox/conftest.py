"""A sandbox of its own on free ports, with waiting cut to a twentieth and a dialogue of 0.8 seconds."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from twilio.rest import Client

from config.embedded import ports
from tests.sandbox.product import AUTH_TOKEN, Product

T = TypeVar("T")

ACCOUNT_SID = "AC" + "a1" * 16
SERVICE_SID = "VA" + "b2" * 16
APP_SID = "AP" + "c3" * 16
API_KEY = ("SK" + "d4" * 16, "e5" * 16)
CALLEE_SERVICE_SID = "VA" + "b3" * 16
CALLER_ID = "+12025550147"
REP = "+12025550101"
LEAD = "+12025550120"
PADDLE_KEY = "pdl_sandbox_key"
PADDLE_SECRET = "pdl_ntfset_secret"
CLIENT_TOKEN = "test_client_token"
# What the two tracks of the test's dialogue are made of, so that every frame shows whose it is.
AGENT_BYTE, CALLEE_BYTE = b"\x21", b"\x42"
DIALOGUE_S = 0.8
# What is said in it; the tracks are no voices, so that nobody has to understand them.
TURNS = [
    {"speaker": "agent", "start_ms": 0, "end_ms": 300, "text": "Good morning David"},
    {"speaker": "callee", "start_ms": 350, "end_ms": 500, "text": "Hello there"},
]


@dataclass
class Sandbox:
    """A running sandbox: its control API, and Twilio's own SDK pointed at it."""

    url: str
    smtp_port: int
    http: httpx.AsyncClient
    twilio: Client

    async def get(self, path: str, **query: str) -> Any:
        return (await self.http.get(f"/sandbox/api{path}", params=query)).raise_for_status().json()

    async def post(self, path: str, **body: Any) -> Any:
        return (await self.http.post(f"/sandbox/api{path}", json=body)).raise_for_status().json()

    async def fault(self, target: str, kind: str, value: int = 0, count: int = 1, **match: str) -> None:
        await self.post("/faults", target=target, kind=kind, value=value, count=count, match=match)

    async def sdk(self, work: Callable[[Client], T]) -> T:
        """Twilio's SDK is synchronous, so it runs beside the loop that answers its webhooks."""
        return await asyncio.to_thread(work, self.twilio)

    async def call(self, product: Product, to: str = REP, **options: Any) -> str:
        """Call `to` the way the product does; returns the SID."""
        wanted: dict[str, Any] = {
            "url": f"{product.url}/agent",
            "status_callback": f"{product.url}/status",
            "status_callback_event": ["initiated", "ringing", "answered", "completed"],
            **options,
        }
        call = await self.sdk(lambda client: client.calls.create(to=to, from_=CALLER_ID, **wanted))
        return str(call.sid)

    async def defects(self) -> list[dict[str, Any]]:
        """Breaches of the contract so far; a test that makes some takes them with `forget`."""
        found: list[dict[str, Any]] = await self.get("/defects")
        return found

    async def forget(self) -> list[dict[str, Any]]:
        """All that happened so far; returns the breaches among it."""
        found = await self.defects()
        await self.post("/reset")
        return found


def free_port() -> int:
    return ports.free().sandbox


def write_speech(folder: Path) -> None:
    """Two dialogues: one in the test's bytes, one that is read out by nobody."""
    entries = []
    for name, seconds in (("short", DIALOGUE_S), ("blank", 0.2)):
        samples = int(seconds * 8_000)
        (folder / f"{name}.agent.ulaw").write_bytes(AGENT_BYTE * samples)
        (folder / f"{name}.callee.ulaw").write_bytes(CALLEE_BYTE * samples)
        (folder / f"{name}.json").write_text(json.dumps({"turns": TURNS if name == "short" else []}))
        tracks = {track: f"{name}.{track}.ulaw" for track in ("agent", "callee")}
        entries.append({"id": name, "title": name, "turns_file": f"{name}.json", "tracks": tracks})
    (folder / "dialogues.json").write_text(json.dumps({"dialogues": entries}))


def start_sandbox(port: int, smtp_port: int, **settings: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SANDBOX_")}
    environment |= {
        "SANDBOX_PORT": str(port),
        "SANDBOX_SMTP_PORT": str(smtp_port),
        "SANDBOX_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "SANDBOX_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
        "SANDBOX_TWILIO_VERIFY_SERVICE_SID": SERVICE_SID,
        "SANDBOX_TWILIO_VERIFY_CALLEE_SERVICE_SID": CALLEE_SERVICE_SID,
        "SANDBOX_TWILIO_CALLER_ID": CALLER_ID,
        "SANDBOX_PADDLE_API_KEY": PADDLE_KEY,
        "SANDBOX_PADDLE_WEBHOOK_SECRET": PADDLE_SECRET,
        "SANDBOX_PADDLE_CLIENT_TOKEN": CLIENT_TOKEN,
        "SANDBOX_TIME_SCALE": "0.05",
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "sandbox"], env=environment, stdin=subprocess.DEVNULL)
    for _ in range(400):
        try:
            httpx.get(f"http://127.0.0.1:{port}/sandbox/api/health").raise_for_status()
            return process
        except httpx.HTTPError:
            assert process.poll() is None, "the sandbox ended at once"
            time.sleep(0.05)
    process.kill()
    raise AssertionError("the sandbox did not start")


@pytest.fixture(scope="session")
def product_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, product_port: int) -> Iterator[tuple[int, int]]:
    port, smtp_port = free_port(), free_port()
    folder = tmp_path_factory.mktemp("speech")
    write_speech(folder)
    process = start_sandbox(
        port,
        smtp_port,
        SANDBOX_SPEECH_FOLDER=str(folder),
        SANDBOX_PADDLE_WEBHOOK_URL=f"http://localhost:{product_port}/paddle/webhook",
        SANDBOX_TWILIO_MESSAGES_URL=f"http://localhost:{product_port}/messages",
        SANDBOX_TWILIO_TWIML_APP_SID=APP_SID,
        SANDBOX_TWILIO_API_KEY_SID=API_KEY[0],
        SANDBOX_TWILIO_API_KEY_SECRET=API_KEY[1],
        SANDBOX_TWILIO_VOICE_URL=f"http://localhost:{product_port}/agent",
        SANDBOX_TWILIO_VOICE_STATUS_URL=f"http://localhost:{product_port}/status",
    )
    yield port, smtp_port
    process.terminate()
    process.wait(10)


def twilio_client(url: str, token: str = AUTH_TOKEN) -> Client:
    client = Client(ACCOUNT_SID, token)
    client.api.base_url = url
    client.verify.base_url = url
    return client


@pytest.fixture
async def sandbox(running: tuple[int, int]) -> AsyncIterator[Sandbox]:
    port, smtp_port = running
    url = f"http://localhost:{port}"
    async with httpx.AsyncClient(base_url=url, timeout=10) as http:
        sandbox = Sandbox(url, smtp_port, http, twilio_client(url))
        await sandbox.post("/reset")
        yield sandbox
        defects = await sandbox.defects()
        await sandbox.post("/reset")
        assert defects == []


@pytest.fixture
async def product(product_port: int) -> AsyncIterator[Product]:
    product = Product(product_port)
    await product.start()
    yield product
    await product.stop()
