"""A model that the operator chose and that cannot be used, as the operator's terminal tells of it.

Planted bugs that this catches: a transcriber that is taken for ready once its socket accepts, or once a recogniser is up that has no
second pass to load; a reason that stands in the log alone; a start that tries again and again what cannot work; a transcriber that dies
in operation, and never says why it does not come back.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai.listening import probe
from ai.listening.client import TranscriberClient
from ai.listening.model_files import moonshine_folder, whisper_folder
from config.embedded.handle import Stack, StackFailed
from tests.listening.conftest import RunningTranscriber

REMEDY = "Set {setting} to a folder with a model that this machine can use, or to nothing for the packaged one. See docs/models.md."


def _moonshine_of_few_words(folder: Path) -> None:
    """It loads, and fails over the first word that it hears."""
    _linked(folder, moonshine_folder(""))
    (folder / "tokenizer.bin").unlink()
    (folder / "tokenizer.bin").write_bytes(b"\x01a")


def _linked(folder: Path, model: Path) -> None:
    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).symlink_to(file)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all starts, since making the databases takes longest."""
    return tmp_path_factory.mktemp("models") / "data"


def test_a_model_that_cannot_be_used_stops_the_start_with_one_sentence_that_says_which_setting_is_wrong(
    data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    _moonshine_of_few_words(folder)
    stack = Stack(data_dir, settings={"MOONSHINE_MODEL_PATH": str(folder)})
    with pytest.raises(StackFailed, match="The stack ended"):
        stack.start()
    assert stack.stop() == 1
    [told] = [line for line in stack.output.splitlines() if "transcriber" in line]
    wrong = f"MOONSHINE_MODEL_PATH is '{folder}': The Moonshine model fails over the spoken self-test: "
    assert told.startswith(f"transcriber cannot start. {wrong}")
    assert told.endswith(REMEDY.format(setting="MOONSHINE_MODEL_PATH"))
    assert "Klosesales is ready" not in stack.output


@pytest.fixture
def loading(tmp_path: Path) -> Iterator[RunningTranscriber]:
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=2)
    transcriber.start()
    yield transcriber
    transcriber.stop()


async def test_a_transcriber_is_ready_when_each_model_is_loaded_though_it_takes_speech_before(
    loading: RunningTranscriber,
) -> None:
    limit = time.monotonic() + 30
    while not (held := loading.merging_pids()):
        assert time.monotonic() < limit
        await asyncio.sleep(0.01)
    os.kill(held[0], signal.SIGSTOP)
    client = TranscriberClient(loading.address)
    try:
        assert await client.ping(30) == 1
        assert not probe.is_proved(loading.address, 2.0)
        os.kill(held[0], signal.SIGCONT)
        while not probe.is_proved(loading.address, 2.0):
            assert time.monotonic() < limit
            await asyncio.sleep(0.05)
        assert await client.ping() == 2
    finally:
        await client.close()


def test_in_operation_it_is_started_again_until_it_can_and_the_terminal_says_why_it_cannot(
    data_dir: Path, tmp_path: Path
) -> None:
    folder, aside = tmp_path / "model", tmp_path / "aside"
    _linked(folder, whisper_folder(""))
    with Stack(data_dir, settings={"WHISPER_MODEL_PATH": str(folder)}) as stack:
        shutil.move(folder, aside)
        stack.kill("transcriber")
        limit = time.monotonic() + 30
        while "died before it was ready again" not in stack.output:
            assert time.monotonic() < limit, stack.output
            time.sleep(0.05)
        shutil.move(aside, folder)
        stack.wait_ready(limit_s=60)
        told = [line for line in stack.output.splitlines() if line.startswith("transcriber: ")]
    log = stack.data_dir / "logs" / "transcriber.log"
    assert told[0].startswith("transcriber: died (SIGKILL); starting it again in ")
    assert told[0].endswith(f" Its log is {log}.") and log.exists()
    assert told[1].startswith("transcriber: died before it was ready again (exit code 78); starting it again in ")
    assert f"WHISPER_MODEL_PATH is '{folder}': The model folder {folder} lacks config.json" in told[1]
    assert told[-1] == "transcriber: runs again"
