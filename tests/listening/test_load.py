"""More speech than the recognisers can take: less is done for each call, step by step, and every step is told."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from ai.listening.client import TranscriberClient
from ai.listening.jobs import FINAL_LATEST_S, Job, JobQueue
from ai.listening.load import CALM_S, LoadGauge
from ai.listening.transcriber import InterimDropped, Kind, MergeSkipped, TextTooLate
from ai.listening.wire import Request
from tests.listening.conftest import RunningTranscriber, calm
from tests.listening.speech import listen, mulaw, turn_pcm

PRICE = turn_pcm("smoke", 3)
# Several seconds of work for one recogniser.
MANY = 24


@pytest.fixture(scope="module")
def transcriber(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTranscriber]:
    running = RunningTranscriber(f"unix://{tmp_path_factory.mktemp('t')}/s", workers=1)
    running.start()
    yield running
    running.stop()


@pytest_asyncio.fixture
async def idle(client: TranscriberClient) -> AsyncIterator[TranscriberClient]:
    await calm(client)
    yield client


def _flood(client: TranscriberClient, count: int = MANY) -> list[asyncio.Task[object]]:
    return [asyncio.create_task(client.transcribe(PRICE, "final")) for _ in range(count)]


async def test_steps_go_up_with_the_wait_and_down_again(idle: TranscriberClient) -> None:
    seen: list[int] = []
    idle.watch(seen.append)
    asked = _flood(idle)
    async with asyncio.timeout(60):
        # How many it takes depends on how fast the machine is.
        while 3 not in seen:
            asked += _flood(idle, 4)
            await asyncio.sleep(0.1)
    await asyncio.gather(*asked)
    await calm(idle)
    assert seen[0] >= 1
    assert max(seen) == 3
    assert seen[-1] == 0
    falling = seen[seen.index(3) :]
    assert falling == [3, 2, 1, 0]


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
    assert await idle.ping()
    assert all(os.getpriority(os.PRIO_PROCESS, pid) > 0 for pid in transcriber.worker_pids())


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
    gauge.waited(1.2, 1)
    assert gauge.level(1) == 2
    gauge.waited(0.7, 3)
    assert gauge.level(3 + CALM_S - 0.1) == 2
    assert gauge.level(3 + CALM_S) == 1
    assert gauge.level(3 + 2 * CALM_S) == 0
