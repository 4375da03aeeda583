"""The real transcriber, with the real models, on a socket of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ai.listening.client import TranscriberClient
from ai.listening.worker import HEARS_AGAIN

ROOT = Path(__file__).parents[2]


@dataclass
class RunningTranscriber:
    """A transcriber process that a test may kill and start again at the same address. workers: 0 for as many as it thinks right."""

    address: str
    workers: int = 2
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {
            **os.environ,
            "TRANSCRIBER_ADDRESS": self.address,
            "TRANSCRIBER_WORKERS": str(self.workers or ""),
            **self.environment,
        }
        command = [sys.executable, "-m", "ai.listening.server"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE)

    def worker_pids(self) -> list[int]:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def merging_pids(self) -> list[int]:
        """Those that hear merged turns, and so load every model."""
        wanted = f"{HEARS_AGAIN}=yes".encode()
        return [pid for pid in self.worker_pids() if wanted in _environment(pid)]

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.communicate()

    def stop(self) -> bytes:
        """What it wrote to its log."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=20)
        return log


def _environment(pid: int) -> list[bytes]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return []


async def calm(client: TranscriberClient, *, within_s: float = 30.0) -> None:
    """Returns when the transcriber leaves out nothing any more for lack of time."""
    for _ in range(int(within_s / 0.2)):
        await client.ping()
        if client.level == 0:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(f"still at level {client.level} after {within_s:g} s")


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTranscriber]:
    running = RunningTranscriber(f"unix://{tmp_path_factory.mktemp('t')}/s")
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def client(transcriber: RunningTranscriber) -> AsyncIterator[TranscriberClient]:
    connected = TranscriberClient(transcriber.address, interim_patience_s=20)
    assert await connected.ping(60) > 0
    yield connected
    await connected.close()
