"""Where sound is placed, whatever times the carrier writes on it.

Planted bugs that this catches: a jump ahead that is believed for ever, although no time has passed; a jump that is not believed,
although so much time has passed; sound that is lost on the way.
"""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ai.listening.timeline import BELIEVED_AFTER_MS, FAR_MS, Timeline

FRAME_MS, FRAME = 20, b"\xff" * 160
# In a row, more than is needed to be believed.
FRAMES = BELIEVED_AFTER_MS // FRAME_MS + 5
# Each stretch of sound comes so much later than the one before ended, and its times say that it is so much later.
STRETCHES = st.lists(st.tuples(st.integers(0, 60_000), st.integers(-60_000, 10**8)), max_size=6)


class Line:
    """A carrier that writes what it likes on its frames, and those frames as they were placed."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.written_ms = 0
        self.dropped = 0
        self.sent = 0
        self.placed: list[int] = []
        self.timeline = Timeline(self._drop, lambda: self.now_ms)

    def _drop(self, frames: int) -> None:
        self.dropped += frames

    def plays(self, passed_ms: int = 0, moved_ms: int = 0, frames: int = FRAMES, frame_ms: int = FRAME_MS) -> None:
        """frame_ms: in which each comes."""
        self.now_ms += passed_ms
        self.written_ms += moved_ms
        for _ in range(frames):
            self.placed += [at_ms for at_ms, _, _ in self.timeline.placed(self.written_ms, FRAME)]
            self.sent += 1
            self.now_ms += frame_ms
            self.written_ms += FRAME_MS

    def holes(self) -> list[tuple[int, int]]:
        return [(one + FRAME_MS, other) for one, other in pairwise(self.placed) if other != one + FRAME_MS]


# Bytes, 8 of which are a millisecond; the first one comes within the stream's first second.
@given(st.integers(1, 400), st.integers(0, 19))
def test_frames_of_any_size_whose_times_are_whole_milliseconds_lie_where_those_say(size: int, first: int) -> None:
    """Planted bug that this catches: the time that is expected next counted from whole milliseconds of each frame."""
    dropped: list[int] = []
    timeline = Timeline(dropped.append, lambda: 0)
    times_ms = [number * size // 8 for number in range(first, 3_000)]
    assert [at_ms for each_ms in times_ms for at_ms, _, _ in timeline.placed(each_ms, bytes(size))] == times_ms
    assert dropped == []
    assert abs(timeline.next_ms - 3_000 * size // 8) <= 1


@given(STRETCHES)
def test_sound_is_all_there_in_order_and_never_ahead_of_real_time(stretches: list[tuple[int, int]]) -> None:
    line = Line()
    line.plays()
    for passed_ms, moved_ms in stretches:
        # A time that is not far off, or will not be before it is believed, is taken as it is.
        moved_ms = max(moved_ms, -line.written_ms)
        line.plays(passed_ms, moved_ms if abs(moved_ms) > FAR_MS + BELIEVED_AFTER_MS else 0)
    assert line.dropped == 0
    assert len(line.placed) == line.sent
    assert line.placed == sorted(line.placed)
    assert line.placed[-1] <= line.now_ms + FAR_MS


@given(st.lists(st.integers(2 * FAR_MS, 10**8), min_size=1, max_size=6))
def test_sound_that_comes_faster_than_it_was_said_is_in_its_place_whatever_jumps_ahead(jumps_ms: list[int]) -> None:
    line = Line()
    line.plays(frames=200, frame_ms=0)
    for moved_ms in jumps_ms:
        line.plays(0, moved_ms, frame_ms=0)
    assert line.holes() == []
    assert len(line.placed) == line.sent


@given(st.integers(2 * FAR_MS, 600_000), st.integers(0, FAR_MS))
def test_where_time_has_passed_the_hole_is_as_long_as_the_carrier_says(lost_ms: int, early_ms: int) -> None:
    line = Line()
    line.plays()
    until_ms = line.written_ms
    line.plays(lost_ms - early_ms, lost_ms)
    assert line.holes() == [(until_ms, until_ms + lost_ms)]


def test_where_less_time_has_passed_the_hole_is_as_long_as_that() -> None:
    line = Line()
    line.plays()
    until_ms = line.written_ms
    line.plays(3_000, 999_000_000 - until_ms)
    assert line.holes() == [(until_ms, until_ms + 3_000)]


@given(st.integers(0, 10**9), st.integers(0, 60_000))
def test_nobody_has_missed_what_nobody_can_have_said_yet(until_ms: int, passed_ms: int) -> None:
    line = Line()
    line.plays()
    heard_ms = line.written_ms
    line.now_ms += passed_ms
    marked = line.timeline.missed(until_ms)
    assert all(heard_ms < at_ms <= line.now_ms + FAR_MS and not sound for at_ms, sound, _ in marked)
    assert bool(marked) == (heard_ms < until_ms and (passed_ms > 0 or until_ms <= line.now_ms + FAR_MS))
