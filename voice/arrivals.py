"""Which of a row of numbered messages are missing, and since when what they may have said was being said: pure.

They come in whatever order and however often. Words are shown while they are spoken, and said once more as a whole, which alone is
kept: so where that is missing, what was shown before is lost too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

# More than so many mean that nearly everything is lost; the oldest are not waited for any more.
HOLES_MAX = 50
# What was shown for the last time so long ago is followed by no final text: it was noise.
SHOWN_FOR_MS = 20_000
# Four hundred words a minute: nobody speaks faster, so that words which must have begun before others ended belong to these.
FASTEST_MS_PER_WORD = 150


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says of a track. count: how many words. begun_ms: when the first was spoken, by an estimate."""

    track: str
    count: int
    begun_ms: int
    final: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """Of a track: settled_ms is the time of its latest final text; what was shown behind it began at begun_ms and was shown last at
    seen_ms."""

    track: str
    settled_ms: int = -1
    begun_ms: int = 0
    seen_ms: int = -1

    @property
    def waits(self) -> bool:
        """Whether final text is still to come."""
        return self.seen_ms > self.settled_ms

    def take(self, words: Words, at_ms: int) -> "Shown":
        if words.final:
            settled_ms = max(self.settled_ms, at_ms)
            return replace(self, settled_ms=settled_ms, begun_ms=max(self.begun_ms, settled_ms))
        if not words.count or at_ms <= self.settled_ms:
            return self
        begun_ms = min(self.begun_ms, words.begun_ms) if self.waits else words.begun_ms
        return replace(self, begun_ms=max(begun_ms, self.settled_ms), seen_ms=max(self.seen_ms, at_ms))

    def go_on(self, words: Words, at_ms: int) -> "Shown":
        """With words that came behind a hole: where they began before it, no final text was in it."""
        began_before = at_ms - FASTEST_MS_PER_WORD * words.count <= self.seen_ms
        return replace(self, settled_ms=max(self.settled_ms, self.seen_ms)) if began_before else self


def unsettled_from_ms(shown: Iterable[Shown], until_ms: int) -> int:
    """Since when something is being said of which at until_ms no final text had come; until_ms where nothing is."""
    waiting = (each for each in shown if each.waits and until_ms - each.seen_ms < SHOWN_FOR_MS)
    return min([until_ms, *(each.begun_ms for each in waiting)])


@dataclass(frozen=True, slots=True)
class Hole:
    """Messages that have not come. start_ms: of the one before them; end_ms: of the one after them. shown: by those before them."""

    first: int
    last: int
    start_ms: int
    end_ms: int
    shown: tuple[Shown, ...] = ()

    @classmethod
    def read(cls, row: Sequence[Any]) -> "Hole":
        """As `astuple` gives it, and JSON keeps it."""
        first, last, start_ms, end_ms, *more = row
        return cls(first, last, start_ms, end_ms, tuple(Shown(*each) for each in (more[0] if more else ())))

    def row(self) -> tuple[Any, ...]:
        return astuple(self)

    @property
    def said_from_ms(self) -> int:
        """Since when what is missing may have been said."""
        return unsettled_from_ms(self.shown, self.start_ms)

    def take(self, number: int, at_ms: int, words: Words | None) -> Sequence["Hole"]:
        """What is left of it once that message has come."""
        if number < self.first:
            return (replace(self, shown=_taken(self.shown, words, at_ms)),)
        before = replace(self, last=min(self.last, number - 1), shown=_gone_on(self.shown, words, at_ms))
        behind = replace(self, first=number + 1, shown=_taken(self.shown, words, at_ms))
        return [part for part in (before, behind) if part.first <= part.last]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """highest: the highest number so far, 0 before the first. newest_ms: the latest time that any of them told, before the first the
    time since when they are expected."""

    highest: int = 0
    newest_ms: int = 0
    holes: tuple[Hole, ...] = ()
    shown: tuple[Shown, ...] = ()

    def take(self, number: int, at_ms: int, words: Words | None = None) -> "Arrivals":
        """They are numbered from 1."""
        newest_ms = max(self.newest_ms, at_ms)
        holes = [rest for hole in self.holes for rest in hole.take(number, at_ms, words)]
        if self.highest < number - 1:
            opened = Hole(self.highest + 1, number - 1, self.newest_ms, newest_ms, self.shown)
            holes += opened.take(number, at_ms, words)
        shown = _taken(self.shown, words, at_ms)
        return Arrivals(max(self.highest, number), newest_ms, tuple(holes), shown)

    def give_up(self, *, before_ms: int) -> tuple["Arrivals", Sequence[Hole]]:
        """Without the holes that ended before then, and those. Call-time as in `take`."""
        over = len(self.holes) - HOLES_MAX
        given_up = tuple(hole for at, hole in enumerate(self.holes) if hole.end_ms < before_ms or at < over)
        kept = tuple(hole for hole in self.holes if hole not in given_up)
        return replace(self, holes=kept), given_up


def _taken(shown: tuple[Shown, ...], words: Words | None, at_ms: int) -> tuple[Shown, ...]:
    if words is None:
        return shown
    known = next((each for each in shown if each.track == words.track), Shown(words.track))
    return (*(each for each in shown if each.track != words.track), known.take(words, at_ms))


def _gone_on(shown: tuple[Shown, ...], words: Words | None, at_ms: int) -> tuple[Shown, ...]:
    if words is None:
        return shown
    return tuple(each.go_on(words, at_ms) if each.track == words.track else each for each in shown)
