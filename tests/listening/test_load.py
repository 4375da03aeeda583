"""More speech than the recognisers can take: less is done for each call, step by step, and every step is told."""

import asyncio
import itertools
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from ai.listening.client import TranscriberClient
from ai.listening.engines.whisper import FINAL_BEAM, WhisperTranscriber
from ai.listening.jobs import FINAL_LATEST_S, Job, JobQueue
from ai.listening.load import CALM_S, LoadGauge
from ai.listening.model_files import second_pass_files, whisper_folder
from ai.listening.transcriber import InterimDropped, Kind, MergeSkipped, Recognition, TextTooLate
from ai.listening.wire import Request
from tests.listening.conftest import RunningTranscriber, calm
from tests.listening.speech import listen, mulaw, turn_pcm

PRICE = turn_pcm("smoke", 3)
# base writes "the 31st of May", tiny.en "31 May".
DATES = turn_pcm("price_objection", 11)
# Several seconds of work for one recogniser.
MANY = 24


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTranscriber]:
    """Its model is the operator's own, and no larger than the packaged one."""
    folder = shutil.copytree(whisper_folder(""), tmp_path_factory.mktemp("own") / "model")
    with _running(tmp_path_factory, folder) as running:
        yield running


@contextmanager
def _running(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[RunningTranscriber]:
    """One recogniser with an operator's model."""
    settings = {"WHISPER_MODEL_PATH": str(folder)}
    running = RunningTranscriber(f"unix://{tmp_path_factory.mktemp('t')}/s", workers=1, environment=settings)
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture
def larger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTranscriber]:
    """Its model is the operator's own: base."""
    files, folder = second_pass_files(""), tmp_path_factory.mktemp("base")
    (folder / "model.bin").write_bytes(b"".join(part.read_bytes() for part in files.parts))
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).symlink_to(files.folder / name)
    with _running(tmp_path_factory, folder) as running:
        yield running


@pytest_asyncio.fixture
async def idle(client: TranscriberClient) -> AsyncIterator[TranscriberClient]:
    await calm(client)
    yield client


def _flood(client: TranscriberClient, count: int = MANY, pcm: bytes = PRICE) -> list[asyncio.Task[Recognition]]:
    return [asyncio.create_task(client.transcribe(pcm, "final")) for _ in range(count)]


async def test_steps_go_up_with_the_wait_and_down_again(idle: TranscriberClient) -> None:
    seen: list[int] = []
    idle.watch(seen.append)
    asked = _flood(idle)
    async with asyncio.timeout(60):
        # How many it takes depends on how fast the machine is.
        while 4 not in seen:
            asked += _flood(idle, 4)
            await asyncio.sleep(0.1)
    # On a slow machine the last of them are given up.
    await asyncio.gather(*asked, return_exceptions=True)
    await calm(idle)
    assert seen[0] >= 1
    assert seen[-1] == 0
    falling = seen[seen.index(4) :]
    # There is no smaller model than this one.
    assert falling == [4, 2, 1, 0]
    assert 3 not in seen


async def test_a_model_that_the_operator_put_in_place_writes_the_text(idle: TranscriberClient) -> None:
    packaged = WhisperTranscriber(whisper_folder("")).with_beam(FINAL_BEAM)
    assert (await idle.transcribe(PRICE, "final")).text == packaged.transcribe(PRICE, "").text


async def test_a_smaller_model_writes_before_the_text_of_a_larger_one_comes_late(larger: RunningTranscriber) -> None:
    smaller = WhisperTranscriber(whisper_folder("")).transcribe(DATES, "", thrifty=True).text
    client = TranscriberClient(larger.address)
    seen: list[int] = []
    try:
        assert await client.ping(60)
        usual = (await client.transcribe(DATES, "final")).text
        client.watch(seen.append)
        asked = _flood(client, 8, DATES)
        async with asyncio.timeout(60):
            # How many it takes depends on how fast the machine is.
            for more in itertools.count(2):
                if max(seen, default=0) >= 3:
                    break
                asked += _flood(client, more // 2, DATES)
                await asyncio.sleep(0.2)
        # Of many more than it can do, some are given up.
        answers = await asyncio.gather(*asked, return_exceptions=True)
        texts = [answer.text for answer in answers if isinstance(answer, Recognition)]
    finally:
        await client.close()
    assert usual != smaller
    assert texts[0] == usual
    assert smaller in texts


async def test_while_finals_wait_there_is_no_interim_text_and_no_merged_turn(idle: TranscriberClient) -> None:
    flood = _flood(idle)
    reached = asyncio.Event()
    idle.watch(lambda level: reached.set() if level >= 2 else None)
    await reached.wait()
    with pytest.raises(InterimDropped):
        await idle.transcribe(PRICE, "interim")
    with pytest.raises(MergeSkipped):
        await idle.transcribe(PRICE, "merged")
    assert all(await asyncio.gather(*flood))


async def test_a_track_tells_each_step_to_whoever_listens(idle: TranscriberClient) -> None:
    flood = _flood(idle)
    heard = await listen(idle, mulaw("smoke", "callee"))
    await asyncio.gather(*flood)
    assert max(heard.levels) >= 1
    assert all(a != b for a, b in zip(heard.levels, heard.levels[1:], strict=False))
    assert heard.finals
    assert not heard.gaps


async def test_recognisers_leave_the_processor_to_the_rest_of_the_machine(
    transcriber: RunningTranscriber, idle: TranscriberClient
) -> None:
    """Also where the kernel shares it out among sessions first: one in the same session as a page's server takes from its share."""
    assert await idle.ping()
    pids = transcriber.worker_pids()
    assert all(os.getpriority(os.PRIO_PROCESS, pid) > 0 for pid in pids)
    assert {os.getsid(pid) for pid in pids} == set(pids)
    shares = [Path(f"/proc/{pid}/autogroup") for pid in pids]
    assert all(int(share.read_text().split()[-1]) > 0 for share in shares if share.exists() and share.read_text())


def _job(kind: Kind, *, waited_s: float = 0.0) -> Job:
    loop = asyncio.get_running_loop()
    return Job(Request(id=1, op="transcribe", kind=kind), b"\x00" * 320, loop.create_future(), loop.time() - waited_s)


async def test_a_final_that_has_waited_too_long_is_given_up() -> None:
    jobs = JobQueue()
    late, soon = _job("final", waited_s=FINAL_LATEST_S + 1), _job("final")
    await jobs.put(late)
    await jobs.put(soon)
    assert await jobs.get(merges=False) is soon
    with pytest.raises(TextTooLate):
        late.answer.result()


async def test_one_that_has_not_waited_is_done_however_long_the_last_ones_took() -> None:
    jobs = JobQueue()
    jobs.worked("merged", 600)
    fresh = Job(Request(id=1, op="transcribe", kind="merged", patience_ms=15_000), b"", asyncio.Future())
    await jobs.put(fresh)
    async with asyncio.timeout(1):
        assert await jobs.get(merges=True) is fresh


async def test_an_interim_result_that_has_waited_a_second_is_dropped_and_a_newer_one_is_made() -> None:
    jobs = JobQueue()
    stale, fresh = _job("interim", waited_s=1.1), _job("interim", waited_s=0.5)
    await jobs.put(stale)
    await jobs.put(fresh)
    assert await jobs.get(merges=False) is fresh
    with pytest.raises(InterimDropped):
        stale.answer.result()


async def test_merged_turns_come_last_and_only_to_those_who_take_them() -> None:
    jobs = JobQueue()
    first, interim, final, later = _job("merged"), _job("interim"), _job("final"), _job("final")
    for job in (first, interim, final):
        await jobs.put(job)
    assert [await jobs.get(merges=True) for _ in range(2)] == [final, interim]
    waiting = asyncio.create_task(jobs.get(merges=False))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await jobs.put(later)
    assert await waiting is later
    assert await jobs.get(merges=True) is first


def test_one_late_final_takes_a_step_and_calm_takes_it_back() -> None:
    gauge = LoadGauge()
    gauge.waited(0.1, 0)
    assert gauge.level(0) == 0
    gauge.waited(1.7, 1)
    assert gauge.level(1) == 2
    gauge.waited(0.7, 3)
    assert gauge.level(3 + CALM_S - 0.1) == 2
    assert gauge.level(3 + CALM_S) == 1
    assert gauge.level(3 + 2 * CALM_S) == 0


def test_where_there_is_a_smaller_model_it_is_a_step_of_its_own() -> None:
    gauge = LoadGauge()
    gauge.allow_smaller_model()
    gauge.waited(1.7, 0)
    assert gauge.level(0) == 3
    gauge.waited(2.6, 1)
    assert [gauge.level(1 + steps * CALM_S) for steps in range(5)] == [4, 3, 2, 1, 0]
