"""What one track loses is counted and marked, and the rest of the call is heard.

Planted bugs that this catches: a detector's failure that makes a track deaf for the rest of the call; one frame with a time far
ahead, after which every later one is a repetition; what is dropped before anything was heard, without a mark; times far ahead
that are believed although no time has passed.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from ai.listening.client import TranscriberClient
from ai.listening.jobs import INTERIM_FRESH_S
from ai.listening.track import MAX_UNFINISHED, MAX_WAITING_BYTES, TrackListener
from ai.listening.transcriber import Recognition, TranscriberUnavailable
from ai.listening.vad import SileroDetector
from ai.listening.wire import Request
from tests.listening.answering import Answering, says, transcriber, yes
from tests.listening.speech import mulaw, turns

FRAME_MS, FRAME_BYTES = 20, 160
# Three turns, each some seconds from the next.
SPOKEN = turns("smoke", "callee")[:3]
SPEECH = mulaw("smoke", "callee")[: (SPOKEN[-1]["end_ms"] + 1_000) * 8]
WAITING_MS = MAX_WAITING_BYTES // 8
Frame = tuple[int, bytes]


def frames(first_ms: int = 0, until_ms: int = len(SPEECH) // 8) -> list[Frame]:
    return [(at, SPEECH[at * 8 : at * 8 + FRAME_BYTES]) for at in range(first_ms, until_ms, FRAME_MS)]


def silence(first_ms: int, lasts_ms: int) -> list[Frame]:
    return [(at, b"\xff" * FRAME_BYTES) for at in range(first_ms, first_ms + lasts_ms, FRAME_MS)]


class Failing(SileroDetector):
    """A detector whose memory gets lost, so that the network does not take it."""

    for_good = False

    def reset(self) -> None:
        super().reset()
        if self.for_good:
            self.fail(for_good=True)

    def fail(self, *, for_good: bool = False) -> None:
        self.for_good = for_good
        self.context = np.zeros((1, 1), dtype=np.float32)


@dataclass
class Track:
    """A listener and what it reported. may_report: cleared, whoever it reports gaps to does not come back.

    passed_ms: real time that has passed beside that of the sound which was played.
    """

    listener: TrackListener
    detector: Failing
    finals: list[tuple[int, int]]
    gaps: list[tuple[int, int]]
    may_report: asyncio.Event
    passed_ms: list[int]

    async def plays(self, sent: Iterable[Frame]) -> None:
        """Two seconds at a time, of the ten that may wait."""
        rest = iter(sent)
        while batch := list(itertools.islice(rest, 100)):
            for timestamp_ms, sound in batch:
                self.listener.feed(sound, timestamp_ms)
                self.passed_ms.append(FRAME_MS)
            await asyncio.sleep(0.1)

    def heard_turns(self) -> list[int]:
        """Which of the turns that were spoken have text."""
        return [
            number
            for number, turn in enumerate(SPOKEN)
            if any(start_ms < turn["end_ms"] and end_ms > turn["start_ms"] for start_ms, end_ms in self.finals)
        ]


@asynccontextmanager
async def listening(folder: Path, answering: Answering = yes) -> AsyncIterator[Track]:
    async with transcriber(f"{folder}/s", answering) as address:
        client = TranscriberClient(address)
        finals: list[tuple[int, int]] = []
        gaps: list[tuple[int, int]] = []
        may_report = asyncio.Event()
        may_report.set()

        async def on_final(_recognition: Recognition, start_ms: int, end_ms: int) -> None:
            finals.append((start_ms, end_ms))

        async def on_gap(start_ms: int, end_ms: int) -> None:
            await may_report.wait()
            gaps.append((start_ms, end_ms))

        async def on_interim(_text: str, _start_ms: int, _end_ms: int) -> None:
            pass

        detector = Failing()
        passed_ms: list[int] = []
        listener = TrackListener(
            track="inbound",
            client=client,
            on_interim=on_interim,
            on_final=on_final,
            on_gap=on_gap,
            elapsed_ms=lambda: sum(passed_ms),
            detector=detector,
        )
        try:
            yield Track(listener, detector, finals, gaps, may_report, passed_ms)
        finally:
            may_report.set()
            await listener.cancel()
            await client.close()


async def test_where_the_detector_fails_is_a_gap_and_what_follows_is_heard(tmp_path: Path) -> None:
    fails_ms = (SPOKEN[1]["start_ms"] + SPOKEN[1]["end_ms"]) // 2
    async with listening(tmp_path) as track:
        await track.plays(frames(until_ms=fails_ms))
        await asyncio.sleep(0.3)
        track.detector.fail()
        await track.plays(frames(fails_ms))
        await track.listener.flush()
    assert {0, 2} <= set(track.heard_turns())
    [(start_ms, end_ms)] = track.gaps
    assert start_ms <= SPOKEN[1]["start_ms"] + 250
    assert fails_ms <= end_ms <= SPOKEN[1]["end_ms"] + 2_500
    assert not [one for one in track.finals if one[0] < end_ms and one[1] > start_ms]
    assert track.listener.settled_ms >= SPOKEN[-1]["end_ms"]


async def test_a_detector_that_fails_to_the_end_leaves_one_gap_to_the_end(tmp_path: Path) -> None:
    async with listening(tmp_path) as track:
        await track.plays(frames(until_ms=5_000))
        await asyncio.sleep(0.3)
        track.detector.fail(for_good=True)
        await track.plays(frames(5_000))
        await track.listener.flush()
    assert track.heard_turns() == [0]
    [(start_ms, end_ms)] = track.gaps
    assert start_ms <= 5_000
    assert end_ms == len(SPEECH) // 8


async def test_what_cannot_wait_is_counted_and_is_a_gap_also_before_anything_was_heard(tmp_path: Path) -> None:
    """Fifteen seconds come at once: no tick can be in between."""
    sent = frames(until_ms=15_000)
    dropped_ms = 15_000 - WAITING_MS
    async with listening(tmp_path) as track:
        for timestamp_ms, sound in sent:
            track.listener.feed(sound, timestamp_ms)
        await track.listener.flush()
    assert track.gaps == [(0, dropped_ms)]
    assert track.listener.counts.dropped_frames == dropped_ms // FRAME_MS
    assert track.listener.counts.frames == len(sent)
    assert 1 in track.heard_turns()


async def test_what_waits_behind_too_many_unfinished_ones_is_counted_and_is_a_gap(tmp_path: Path) -> None:
    """Nobody takes the first report; behind it no more than so many are kept, and then no more sound than may wait."""
    # Half a second of silence, then a hole, over and over.
    step_ms = 1_000
    holes = MAX_UNFINISHED + 4
    before = [frame for number in range(holes) for frame in silence(number * step_ms, 500)]
    begins_ms = holes * step_ms
    after = silence(begins_ms, WAITING_MS + 5_000)
    async with listening(tmp_path) as track:
        track.may_report.clear()
        await track.plays(before)
        await asyncio.sleep(0.3)
        for timestamp_ms, sound in after:
            track.listener.feed(sound, timestamp_ms)
        assert track.gaps == []
        track.may_report.set()
        await track.listener.flush()
    counted = track.listener.counts.dropped_frames
    assert counted >= 5_000 // FRAME_MS
    assert track.gaps == sorted(track.gaps)
    heard = {timestamp_ms for timestamp_ms, _ in (*before, *after)}
    unheard = {at for at in heard if any(start_ms <= at < end_ms for start_ms, end_ms in track.gaps)}
    assert len(unheard) == counted


@pytest.mark.parametrize("far_ms", [5_000, 40_000_000, 999_999_999])
async def test_a_frame_with_a_time_far_ahead_takes_nothing_away_from_those_after_it(
    tmp_path: Path, far_ms: int
) -> None:
    sent = frames()
    strays = sent[100::100]
    for number, stray in enumerate(strays):
        sent.insert(sent.index(stray), (stray[0] + far_ms + number, b"\x00" * FRAME_BYTES))
    async with listening(tmp_path) as track:
        await track.plays(sent)
        await track.listener.flush()
    assert track.heard_turns() == [0, 1, 2]
    assert track.gaps == []
    assert track.listener.counts.dropped_frames == len(strays)


async def test_where_so_much_time_has_passed_a_time_far_ahead_is_believed_and_what_lies_between_is_a_gap(
    tmp_path: Path,
) -> None:
    before, after = frames(until_ms=5_000), frames(5_000)
    async with listening(tmp_path) as track:
        await track.plays(before)
        track.passed_ms.append(60_000)
        await track.plays([(at + 60_000, sound) for at, sound in after])
        await track.listener.flush()
    assert track.gaps == [(5_000, 65_000)]
    assert track.listener.counts.dropped_frames == 0
    for turn in SPOKEN[1:]:
        assert any(abs(start_ms - turn["start_ms"] - 60_000) < 300 for start_ms, _ in track.finals)


async def test_times_that_run_ahead_of_real_time_leave_no_gap_and_move_nothing(tmp_path: Path) -> None:
    before, after = frames(until_ms=5_000), frames(5_000)
    async with listening(tmp_path) as track:
        await track.plays([*before, *((at + 60_000, sound) for at, sound in after)])
        await track.listener.flush()
    assert track.heard_turns() == [0, 1, 2]
    assert track.gaps == []
    assert track.listener.counts.dropped_frames == 0


async def test_what_somebody_before_it_dropped_is_a_gap_also_where_nothing_follows(tmp_path: Path) -> None:
    async with listening(tmp_path) as track:
        await track.plays(frames(until_ms=5_000))
        track.passed_ms.append(3_000)
        track.listener.missed(150, 8_000)
        await track.listener.flush()
    assert track.gaps == [(5_000, 8_000)]
    assert track.listener.counts.dropped_frames == 150


async def test_where_the_carrier_counts_anew_everything_after_it_is_heard_in_its_place(tmp_path: Path) -> None:
    before, after = frames(until_ms=5_000), frames(5_000)
    async with listening(tmp_path) as track:
        await track.plays([*before, *((at - 5_000, sound) for at, sound in after)])
        await track.listener.flush()
    assert track.heard_turns() == [0, 1, 2]
    assert track.gaps == []
    assert track.listener.counts.dropped_frames == 0


async def test_interim_text_that_is_made_too_late_is_not_shown(tmp_path: Path) -> None:
    """Whether it has waited or was worked on, a second is what it may be old when it comes."""
    asked = asyncio.Event()

    async def slowly(request: Request, _pcm: bytes) -> Recognition:
        asked.set()
        await asyncio.sleep(INTERIM_FRESH_S + 0.4)
        return says(request.kind)

    async with transcriber(f"{tmp_path}/s", slowly) as address:
        client = TranscriberClient(address)
        began_s = asyncio.get_running_loop().time()
        with pytest.raises(TranscriberUnavailable):
            await client.transcribe(SPEECH[:16_000], "interim")
        took_s = asyncio.get_running_loop().time() - began_s
        assert (await client.transcribe(SPEECH[:16_000], "final")).text == "final"
        await client.close()
    assert asked.is_set()
    assert took_s < INTERIM_FRESH_S + 0.3
