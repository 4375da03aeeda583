"""Cutting a stream into utterances, whatever its frames look like.

Planted bug that this catches: sound that is cut, or silence put into it, because the carrier says times in whole milliseconds.
"""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ai.listening.audio import decode_mulaw
from ai.listening.segmenter import Event, Gap, InterimDue, Segmenter, SpeechEnded, SpeechStarted
from ai.listening.vad import SileroDetector
from tests.listening.speech import mulaw, turns

BYTES_PER_MS = 16
CALLEE = decode_mulaw(mulaw("smoke", "callee"))
WITHOUT_PAUSES = b"".join(
    CALLEE[turn["start_ms"] * BYTES_PER_MS : turn["end_ms"] * BYTES_PER_MS] for turn in turns("smoke", "callee") * 3
)


def _segment(pcm: bytes, frame_bytes: list[int], *, start_ms: int = 0) -> list[Event]:
    segmenter = Segmenter(SileroDetector())
    events: list[Event] = []
    at = 0
    for size in itertools.cycle(frame_bytes):
        if at >= len(pcm):
            break
        events += segmenter.feed(pcm[at : at + size], start_ms + at // BYTES_PER_MS)
        at += size
    return events + segmenter.finish()


def _utterances(events: list[Event]) -> list[tuple[int, int]]:
    return [(event.start_ms, event.end_ms) for event in events if isinstance(event, SpeechEnded)]


def test_every_turn_begins_and_ends_where_it_was_spoken() -> None:
    found = _utterances(_segment(CALLEE, [320]))
    for turn in turns("smoke", "callee"):
        assert any(abs(start_ms - turn["start_ms"]) <= 250 for start_ms, _ in found), turn
        assert any(abs(end_ms - turn["end_ms"]) <= 200 for _, end_ms in found), turn


# Of 12.5, 6 and 2.125 ms.
ODD_SIZES = [200, 96, 34]


@pytest.mark.parametrize(
    "sizes",
    [[16], [48, 336, 1_024], [8_000], [2 * 16_000], [len(CALLEE)], *([size] for size in ODD_SIZES), [*ODD_SIZES, 2]],
)
def test_the_size_of_frames_changes_nothing(sizes: list[int]) -> None:
    assert _segment(CALLEE, sizes) == _segment(CALLEE, [320])


@pytest.mark.parametrize("rounded", [math.floor, round, math.ceil])
@pytest.mark.parametrize("size", ODD_SIZES)
def test_times_in_whole_milliseconds_add_nothing_to_the_sound_and_take_nothing_from_it(
    size: int, rounded: Callable[[float], int]
) -> None:
    """The sound begins between two of them, as behind a hole."""
    first = 200
    pcm = CALLEE[first : turns("smoke", "callee")[1]["end_ms"] * BYTES_PER_MS]
    segmenter = Segmenter(SileroDetector())
    events: list[Event] = []
    for at in range(0, len(pcm), size):
        events += segmenter.feed(pcm[at : at + size], rounded((first + at) / BYTES_PER_MS))
    assert events + segmenter.finish() == _segment(pcm, [320], start_ms=rounded(first / BYTES_PER_MS))


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number"):
        Segmenter(SileroDetector()).feed(b"\x00" * 319, 0)


def test_an_empty_frame_and_an_empty_stream_are_nothing() -> None:
    segmenter = Segmenter(SileroDetector())
    assert segmenter.feed(b"", 0) == []
    assert segmenter.finish() == []


def test_speech_is_announced_while_it_goes_on() -> None:
    events = _segment(CALLEE, [320])
    first = next(event for event in events if isinstance(event, SpeechStarted))
    kinds = [type(event) for event in events]
    assert kinds.index(SpeechStarted) < kinds.index(InterimDue) < kinds.index(SpeechEnded)
    interims = [event for event in events if isinstance(event, InterimDue) and event.start_ms == first.start_ms]
    assert [event.end_ms for event in interims] == sorted(event.end_ms for event in interims)
    assert all(event.audio_start_ms <= event.start_ms for event in interims)


def test_a_long_utterance_is_announced_as_often_as_a_short_one_and_nothing_of_it_is_left_out() -> None:
    """What each has to hear is bounded: the beginning is let go of in parts, which come once."""
    events = _segment(WITHOUT_PAUSES, [320])
    longest = max((e for e in events if isinstance(e, SpeechEnded)), key=lambda e: e.end_ms - e.start_ms)
    dues = [event for event in events if isinstance(event, InterimDue) and event.start_ms == longest.start_ms]
    assert longest.end_ms - longest.start_ms > 10_000
    assert sum(bool(due.part) for due in dues) >= 2
    steps_ms = [later.end_ms - before.end_ms for before, later in itertools.pairwise(dues)]
    assert max(steps_ms) < 1_100
    assert max(len(due.part) + len(due.pcm) for due in dues) < 6_500 * BYTES_PER_MS
    for index, due in enumerate(dues):
        before_ms, heard = longest.audio_start_ms, b"".join(one.part for one in dues[: index + 1]) + due.pcm
        assert heard == WITHOUT_PAUSES[before_ms * BYTES_PER_MS : due.end_ms * BYTES_PER_MS]
        assert due.audio_start_ms == due.end_ms - len(due.pcm) // BYTES_PER_MS


def test_missing_audio_is_a_gap_and_the_rest_keeps_its_place() -> None:
    segmenter = Segmenter(SileroDetector())
    lost = range(10_000, 12_000)
    events: list[Event] = []
    for start_ms in range(0, len(CALLEE) // BYTES_PER_MS, 20):
        if start_ms not in lost:
            pcm = CALLEE[start_ms * BYTES_PER_MS : (start_ms + 20) * BYTES_PER_MS]
            events += segmenter.feed(pcm, start_ms)
    events += segmenter.finish()
    assert [event for event in events if isinstance(event, Gap)] == [Gap(10_000, 12_000)]
    whole = _utterances(_segment(CALLEE, [320]))
    after_ms = 16_000
    kept = [one for one in _utterances(events) if one[0] > after_ms]
    assert len(kept) == len([one for one in whole if one[0] > after_ms]) > 0
    for (start_ms, end_ms), (wanted_start_ms, wanted_end_ms) in zip(
        kept, (one for one in whole if one[0] > after_ms), strict=True
    ):
        assert abs(start_ms - wanted_start_ms) <= 64
        assert abs(end_ms - wanted_end_ms) <= 64


def test_a_single_lost_frame_is_filled_without_a_mark() -> None:
    frames = [(at // BYTES_PER_MS, CALLEE[at : at + 320]) for at in range(0, len(CALLEE), 320)]
    segmenter = Segmenter(SileroDetector())
    events: list[Event] = []
    for index, (start_ms, pcm) in enumerate(frames):
        if index % 20:
            events += segmenter.feed(pcm, start_ms)
    events += segmenter.finish()
    assert not [event for event in events if isinstance(event, Gap)]
    assert len(_utterances(events)) >= len(turns("smoke", "callee"))


def test_frames_that_come_twice_or_late_are_heard_once() -> None:
    segmenter = Segmenter(SileroDetector())
    events: list[Event] = []
    for at in range(0, len(CALLEE), 320):
        for repeated in (at, max(0, at - 640), at):
            events += segmenter.feed(CALLEE[repeated : repeated + 320], repeated // BYTES_PER_MS)
    events += segmenter.finish()
    assert events == _segment(CALLEE, [320])


def test_a_jump_of_hours_needs_no_memory() -> None:
    segmenter = Segmenter(SileroDetector())
    segmenter.feed(bytes(320), 0)
    assert segmenter.feed(bytes(320), 40_000_000) == [Gap(20, 40_000_000)]


def test_a_stream_may_begin_late() -> None:
    assert _utterances(_segment(CALLEE, [320], start_ms=60_000)) == [
        (start_ms + 60_000, end_ms + 60_000) for start_ms, end_ms in _utterances(_segment(CALLEE, [320]))
    ]


class _Script(SileroDetector):
    """A detector that hears speech until a given window, and then less and less: the quietest place is the newest."""

    def __init__(self, until: int) -> None:
        super().__init__()
        self._until, self._seen = until, 0

    def speech_probability(self, window: NDArray[np.float32]) -> float:
        self._seen += 1
        return 0.9 if self._seen < self._until else 0.3 / (1 + self._seen - self._until)


def test_silence_right_after_a_cut_is_no_utterance() -> None:
    longest_windows = 14_000 // 32
    for until in range(longest_windows - 14, longest_windows):
        segmenter = Segmenter(_Script(until))
        events = segmenter.feed(bytes(16_000 * BYTES_PER_MS), 0) + segmenter.finish()
        assert all(event.pcm for event in events if isinstance(event, SpeechEnded))


def test_speech_without_a_pause_is_cut_before_it_gets_too_long() -> None:
    events = [event for event in _segment(WITHOUT_PAUSES, [320]) if isinstance(event, SpeechEnded)]
    assert len(events) >= 3
    assert all(len(event.pcm) <= 14_000 * BYTES_PER_MS for event in events)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(events))
    covered_ms = sum(event.end_ms - event.start_ms for event in events)
    assert covered_ms > 0.9 * len(WITHOUT_PAUSES) / BYTES_PER_MS
