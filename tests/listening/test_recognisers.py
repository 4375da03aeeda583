"""Recognisers of which one cannot load its models while others work, and a number of them that is none.

Planted bugs that this catches: one that cannot, and ends them all; a failed look at a folder that is taken for want of memory.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ai.listening.client import TranscriberClient
from ai.listening.model_files import whisper_folder
from ai.listening.recogniser import LOADING_DEATHS_MAX
from ai.listening.worker import EXIT_UNUSABLE
from tests.listening.conftest import RunningTranscriber

LIMIT_S = 40.0
TRIED_AGAIN = b"recogniser cannot start, it is tried again"


@asynccontextmanager
async def _asked(transcriber: RunningTranscriber) -> AsyncIterator[TranscriberClient]:
    transcriber.start()
    client = TranscriberClient(transcriber.address)
    try:
        yield client
    finally:
        await client.close()


async def _has(client: TranscriberClient, ready: int) -> None:
    limit = time.monotonic() + LIMIT_S
    while await client.ping(LIMIT_S) != ready:
        assert time.monotonic() < limit
        await asyncio.sleep(0.05)


async def _holds(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < limit
        await asyncio.sleep(0.02)


async def test_one_that_is_killed_each_time_it_loads_leaves_the_others_at_work(tmp_path: Path) -> None:
    """As where the memory is enough for the first pass, but not for the second."""
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=2)
    async with _asked(transcriber) as client:
        killed: set[int] = set()
        limit = time.monotonic() + LIMIT_S
        while len(killed) <= LOADING_DEATHS_MAX:
            assert time.monotonic() < limit
            for pid in [pid for pid in transcriber.merging_pids() if pid not in killed]:
                # The first of them lives until the other is up.
                if not killed:
                    os.kill(pid, signal.SIGSTOP)
                    await _has(client, 1)
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
            await asyncio.sleep(0.02)
        assert await client.ping() == 1
        await _has(client, 2)
    assert transcriber.stop().count(TRIED_AGAIN) == len(killed) - LOADING_DEATHS_MAX + 1


async def test_a_model_that_is_away_for_a_while_leaves_those_at_work_that_have_it(tmp_path: Path) -> None:
    folder, aside = tmp_path / "model", tmp_path / "aside"
    shutil.copytree(whisper_folder(""), folder)
    settings = {"WHISPER_MODEL_PATH": str(folder)}
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=2, environment=settings)
    async with _asked(transcriber) as client:
        await _has(client, 2)
        known = set(transcriber.worker_pids())
        folder.rename(aside)
        os.kill(min(known), signal.SIGKILL)
        await _has(client, 1)
        await _holds(lambda: bool(set(transcriber.worker_pids()) - known))
        # It looks for the model, and ends.
        [next_one] = set(transcriber.worker_pids()) - known
        await _holds(lambda: next_one not in transcriber.worker_pids())
        assert await client.ping() == 1
        aside.rename(folder)
        await _has(client, 2)
    log = transcriber.stop()
    assert TRIED_AGAIN in log
    assert f"WHISPER_MODEL_PATH is '{folder}': The model folder {folder} lacks config.json".encode() in log


@pytest.mark.parametrize("given", ["plenty", "-1", "2.5"])
def test_a_number_of_recognisers_that_is_none_stops_the_start_and_is_named(tmp_path: Path, given: str) -> None:
    settings = {"TRANSCRIBER_WORKERS": given}
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", environment=settings)
    transcriber.start()
    assert transcriber.process is not None
    _, log = transcriber.process.communicate(timeout=30)
    assert transcriber.process.returncode == EXIT_UNUSABLE
    assert f"TRANSCRIBER_WORKERS is '{given}'".encode() in log


def test_a_folder_that_cannot_even_be_looked_at_is_named_too(tmp_path: Path) -> None:
    """As one that another user keeps shut. Nothing is shut to a superuser, but no disk knows a name of that length."""
    settings = {"SECOND_PASS_MODEL_PATH": "/" + "x" * 300}
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=1, environment=settings)
    transcriber.start()
    assert transcriber.process is not None
    _, log = transcriber.process.communicate(timeout=LIMIT_S)
    assert transcriber.process.returncode == EXIT_UNUSABLE
    assert b"SECOND_PASS_MODEL_PATH is" in log and b"The model cannot be used: " in log and b"memory" not in log


def test_a_path_that_is_no_text_is_named_all_the_same(tmp_path: Path) -> None:
    """Planted bug that this catches: a reason that cannot be sent, so that memory is blamed."""
    folder = os.fsdecode(b"/nowhere/\xff")
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=1, environment={"WHISPER_MODEL_PATH": folder})
    transcriber.start()
    assert transcriber.process is not None
    _, log = transcriber.process.communicate(timeout=LIMIT_S)
    assert transcriber.process.returncode == EXIT_UNUSABLE
    assert b"WHISPER_MODEL_PATH is" in log and b"memory" not in log
