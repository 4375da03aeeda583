"""The transcriber process when things go wrong: killed recognisers, a killed server, overload, nonsense."""

import asyncio
import json
import os
import signal
import struct
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from ai.listening.client import TranscriberClient
from ai.listening.model_files import MOONSHINE_TINY_EN, whisper_folder
from ai.listening.recogniser import LOADING_DEATHS_MAX
from ai.listening.transcriber import (
    InterimDropped,
    Kind,
    SpeechRefused,
    TranscriberUnavailable,
)
from tests.listening.conftest import RunningTranscriber, calm
from tests.listening.speech import turn_pcm

PRICE = turn_pcm("smoke", 3)
KINDS: tuple[Kind, ...] = ("interim", "final", "merged")
PRICE_TEXT = "$450 a month"
FLOOD = 8
# Of a recogniser's time: what is done beside the engine's own thread happens before and after it.
ONE_THREAD = 0.7


def _framed(header: bytes, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(header)) + header + struct.pack(">I", len(payload)) + payload


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie, whose command line is empty."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


async def _exchange(transcriber: RunningTranscriber, sent: bytes) -> bytes:
    """What comes back until the transcriber closes the connection or has said enough."""
    reader, writer = await asyncio.open_unix_connection(transcriber.address.removeprefix("unix://"))
    writer.write(sent)
    try:
        return await asyncio.wait_for(reader.read(65_536), 5)
    finally:
        writer.close()


async def test_both_engines_recognise_a_sentence(client: TranscriberClient) -> None:
    final = await client.transcribe(PRICE, "final", "Clearview")
    interim = await client.transcribe(PRICE, "interim")
    assert PRICE_TEXT in final.text
    assert "four hundred and fifty dollars" in interim.text.lower()
    assert 0.5 < final.confidence <= 1
    assert interim.words == ()


@pytest.mark.parametrize("seconds", [1, 5, 9, 10, 12, 14])
async def test_both_engines_take_speech_of_any_length(
    transcriber: RunningTranscriber, client: TranscriberClient, seconds: int
) -> None:
    before = transcriber.worker_pids()
    speech = (PRICE * 10)[: seconds * 16_000]
    for kind in KINDS:
        assert (await client.transcribe(speech, kind)).text
    assert transcriber.worker_pids() == before


@pytest.mark.parametrize("cores", [1, len(os.sched_getaffinity(0))])
def test_there_is_a_recogniser_for_each_core_that_it_may_run_on(tmp_path: Path, cores: int) -> None:
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=0)
    ours = os.sched_getaffinity(0)
    # What is started inherits it.
    os.sched_setaffinity(0, sorted(ours)[:cores])
    try:
        transcriber.start()
    finally:
        os.sched_setaffinity(0, ours)
    try:
        limit_s = time.monotonic() + 30
        while len(transcriber.worker_pids()) < cores and time.monotonic() < limit_s:
            time.sleep(0.05)
        # All are started at once.
        time.sleep(0.3)
        assert len(transcriber.worker_pids()) == cores
    finally:
        transcriber.stop()


def _cpu_s(pid: int) -> dict[int, float]:
    """Of each of its threads."""
    return {thread.id: thread.user_time + thread.system_time for thread in psutil.Process(pid).threads()}


def _read_bytes(pid: int) -> int:
    return psutil.Process(pid).io_counters().read_chars


async def test_many_finals_are_heard_by_all_recognisers_each_on_one_thread_with_the_models_that_it_has(
    transcriber: RunningTranscriber, client: TranscriberClient
) -> None:
    pids = transcriber.worker_pids()
    # The last one may still have been loading.
    for _ in range(300):
        if await client.ping() == len(pids):
            break
        await asyncio.sleep(0.1)
    before = {pid: _cpu_s(pid) for pid in pids}
    read = {pid: _read_bytes(pid) for pid in pids}
    began_s = time.monotonic()
    heard = await asyncio.gather(*(client.transcribe(PRICE, "final") for _ in range(FLOOD)))
    took_s = time.monotonic() - began_s
    assert all("$450" in one.text for one in heard)
    assert transcriber.worker_pids() == pids
    for pid in pids:
        grown_s = [cpu_s - before[pid].get(thread, 0.0) for thread, cpu_s in _cpu_s(pid).items()]
        assert 0 < sum(grown_s) <= 1.1 * took_s
        assert max(grown_s) > ONE_THREAD * sum(grown_s)
        # The models are 75 MB and more.
        assert _read_bytes(pid) - read[pid] < FLOOD * len(PRICE) + 1_000_000
    await calm(client)


async def test_a_killed_recogniser_loses_no_utterance(
    transcriber: RunningTranscriber, client: TranscriberClient
) -> None:
    asked = [asyncio.create_task(client.transcribe(PRICE * 3, "final")) for _ in range(6)]
    await asyncio.sleep(0.25)
    before = transcriber.worker_pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    recognised = await asyncio.gather(*asked)
    assert all("$450" in one.text for one in recognised)
    assert not set(before) & set(transcriber.worker_pids())


async def test_a_recogniser_that_hangs_is_replaced_and_its_utterance_heard_in_time(
    transcriber: RunningTranscriber, client: TranscriberClient
) -> None:
    hanging = transcriber.worker_pids()[0]
    os.kill(hanging, signal.SIGSTOP)
    # One for each recogniser, and more, so that the one that hangs gets its share.
    asked = [asyncio.create_task(client.transcribe(PRICE * 3, "final")) for _ in range(4)]
    assert all("$450" in one.text for one in await asyncio.gather(*asked))
    assert hanging not in transcriber.worker_pids()


async def test_a_killed_transcriber_is_asked_again(tmp_path: Path) -> None:
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=1)
    transcriber.start()
    client = TranscriberClient(transcriber.address)
    try:
        await client.ping(60)
        workers = transcriber.worker_pids()
        asked = [asyncio.create_task(client.transcribe(PRICE * 3, "final")) for _ in range(4)]
        await asyncio.sleep(0.2)
        transcriber.kill()
        await asyncio.sleep(0.2)
        assert not [pid for pid in workers if _runs(pid)], "orphaned recognisers"
        transcriber.start()
        assert all("$450" in one.text for one in await asyncio.gather(*asked))
    finally:
        await client.close()
        log = transcriber.stop()
    assert b"450" not in log


async def test_without_a_transcriber_the_asker_is_told_in_time(tmp_path: Path) -> None:
    client = TranscriberClient(f"unix://{tmp_path}/nobody", final_patience_s=0.3, interim_patience_s=0.1)
    with pytest.raises(TranscriberUnavailable):
        await client.transcribe(PRICE, "final")
    with pytest.raises(TranscriberUnavailable):
        await client.transcribe(PRICE, "interim")
    with pytest.raises(TranscriberUnavailable):
        await client.ping(0.1)
    await client.close()


async def test_finals_go_before_interims_and_stale_interims_are_dropped(client: TranscriberClient) -> None:
    finals = [asyncio.create_task(client.transcribe(PRICE * 2, "final")) for _ in range(14)]
    await asyncio.sleep(0)
    with pytest.raises(InterimDropped):
        await client.transcribe(PRICE, "interim")
    assert all("$450" in one.text for one in await asyncio.gather(*finals))
    await calm(client)
    assert (await client.transcribe(PRICE, "interim")).text


@pytest.mark.parametrize(
    ("pcm", "context"), [(b"\x00" * 801, ""), (b"", ""), (PRICE, "x" * 501)], ids=["odd", "empty", "long context"]
)
async def test_unacceptable_speech_is_refused(client: TranscriberClient, pcm: bytes, context: str) -> None:
    with pytest.raises(SpeechRefused):
        await client.transcribe(pcm, "final", context)
    assert PRICE_TEXT in (await client.transcribe(PRICE, "final")).text


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        struct.pack(">I", 2**31),
        _framed(b"not json"),
        _framed(json.dumps({"id": "one", "op": "transcribe"}).encode()),
        _framed(json.dumps({"id": 1, "op": "erase"}).encode()),
        _framed(b"{}" * 40_000),
        struct.pack(">I", 2) + b"{}" + struct.pack(">I", 481_000),
    ],
)
async def test_nonsense_closes_its_connection_and_nothing_else(
    transcriber: RunningTranscriber, client: TranscriberClient, sent: bytes
) -> None:
    assert await _exchange(transcriber, sent) == b""
    assert await client.ping() > 0


async def test_a_field_of_a_later_release_is_passed_over(
    transcriber: RunningTranscriber, client: TranscriberClient
) -> None:
    assert await client.ping() > 0
    answered = await _exchange(transcriber, _framed(json.dumps({"id": 77, "op": "ping", "more": 1}).encode()))
    assert b'"id":77' in answered


async def test_only_our_own_user_may_reach_it(transcriber: RunningTranscriber, client: TranscriberClient) -> None:
    assert await client.ping() > 0
    assert os.stat(transcriber.address.removeprefix("unix://")).st_mode & 0o077 == 0  # noqa: PTH116


@pytest.mark.parametrize("address", ["", "http://here", "unix://relative", "tcp://nowhere", f"unix:///{'x' * 120}"])
def test_a_wrong_address_is_named(address: str) -> None:
    with pytest.raises(ValueError, match="TRANSCRIBER_ADDRESS"):
        TranscriberClient(address)


def _stopped_by(folder: Path, tmp_path: Path, setting: str = "WHISPER_MODEL_PATH") -> bytes:
    """What the transcriber says when it refuses to start with this model."""
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=1, environment={setting: str(folder)})
    transcriber.start()
    assert transcriber.process is not None
    try:
        _, log = transcriber.process.communicate(timeout=60)
    finally:
        transcriber.process.kill()
    assert transcriber.process.returncode == 78
    return log


def test_a_model_that_does_not_understand_speech_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in whisper_folder("").iterdir():
        (folder / file.name).symlink_to(file)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    words = {token: number for token, number in tokenizer["model"]["vocab"].items() if number < 50_000}
    # Another model's vocabulary: every word is one that it does not mean.
    tokenizer["model"]["vocab"] |= {token: (number + 7_000) % 50_000 for token, number in words.items()}
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    log = _stopped_by(folder, tmp_path)
    assert b"does not understand English telephone speech" in log


def test_a_model_that_was_copied_in_part_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for file in whisper_folder("").iterdir():
        if file.name != "model.bin":
            (folder / file.name).symlink_to(file)
    (folder / "model.bin").write_bytes((whisper_folder("") / "model.bin").read_bytes()[:-1_000_000])
    log = _stopped_by(folder, tmp_path)
    assert b"No Whisper model can be loaded from" in log


def test_a_model_folder_without_a_model_stops_the_start(tmp_path: Path) -> None:
    log = _stopped_by(tmp_path, tmp_path)
    assert b"lacks config.json, model.bin, tokenizer.json" in log


def test_a_folder_of_another_engines_model_stops_the_start(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in MOONSHINE_TINY_EN:
        (folder / name).symlink_to(whisper_folder("") / "config.json")
    log = _stopped_by(folder, tmp_path, "MOONSHINE_MODEL_PATH")
    assert f"No Moonshine model can be loaded from {folder}".encode() in log


def test_a_second_pass_without_a_model_stops_the_start(tmp_path: Path) -> None:
    log = _stopped_by(tmp_path, tmp_path, "SECOND_PASS_MODEL_PATH")
    assert f"The model folder {tmp_path} lacks config.json, model.bin, tokenizer.json".encode() in log


def test_recognisers_that_are_killed_each_time_they_load_their_models_stop_the_start(tmp_path: Path) -> None:
    """As the kernel does where the memory is used up."""
    transcriber = RunningTranscriber(f"unix://{tmp_path}/s", workers=1)
    transcriber.start()
    assert transcriber.process is not None
    killed: set[int] = set()
    limit_s = time.monotonic() + 30
    try:
        while transcriber.process.poll() is None and time.monotonic() < limit_s:
            with suppress(FileNotFoundError):
                for pid in set(transcriber.worker_pids()) - killed:
                    os.kill(pid, signal.SIGKILL)
                    killed.add(pid)
            time.sleep(0.02)
        _, log = transcriber.process.communicate(timeout=5)
    finally:
        transcriber.process.kill()
    assert (transcriber.process.returncode, len(killed)) == (78, LOADING_DEATHS_MAX)
    assert b"Is there enough memory for them?" in log
