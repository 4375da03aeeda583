"""Which of a row of numbered messages are missing, in whatever order and however often they come: pure."""

from collections.abc import Sequence
from dataclasses import dataclass

# More than so many mean that nearly everything is lost; the oldest are not waited for any more.
HOLES_MAX = 50


@dataclass(frozen=True, slots=True)
class Hole:
    """Messages that have not come. start_ms: of the one before them; end_ms: of the one after them."""

    first: int
    last: int
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """highest: the highest number so far, 0 before the first. newest_ms: the latest time that any of them told."""

    highest: int = 0
    newest_ms: int = 0
    holes: tuple[Hole, ...] = ()

    def take(self, number: int, at_ms: int) -> "Arrivals":
        """The first one that comes says where the numbering begins."""
        newest_ms = max(self.newest_ms, at_ms)
        if number > self.highest:
            missing = 0 < self.highest < number - 1
            opened = (Hole(self.highest + 1, number - 1, self.newest_ms, newest_ms),) if missing else ()
            return Arrivals(number, newest_ms, self.holes + opened)
        filled = (rest for hole in self.holes for rest in _without(hole, number))
        return Arrivals(self.highest, newest_ms, tuple(filled))

    def give_up(self, *, before_ms: int) -> tuple["Arrivals", Sequence[Hole]]:
        """Without the holes that ended before then, and those. Call-time as in `take`."""
        over = len(self.holes) - HOLES_MAX
        given_up = tuple(hole for at, hole in enumerate(self.holes) if hole.end_ms < before_ms or at < over)
        kept = tuple(hole for hole in self.holes if hole not in given_up)
        return Arrivals(self.highest, self.newest_ms, kept), given_up


def _without(hole: Hole, number: int) -> Sequence[Hole]:
    if not hole.first <= number <= hole.last:
        return (hole,)
    parts = ((hole.first, number - 1), (number + 1, hole.last))
    return [Hole(first, last, hole.start_ms, hole.end_ms) for first, last in parts if first <= last]
