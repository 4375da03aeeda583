"""Which of a row of numbered messages are missing, and since when what they may have said was being said: pure.

They come in whatever order and however often; what is known in the end is the same. Words are shown while they are spoken, and said
once more as a whole, which alone is kept: so where that is missing, what was shown before is lost too.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any

# More than so many mean that nearly everything is lost; the oldest are not waited for any more.
HOLES_MAX = 50
SPANS_MAX = 20
# What was shown for the last time so long ago is followed by no final text: it was noise.
SHOWN_FOR_MS = 20_000
# Four hundred words a minute: nobody speaks faster, so that words which must have begun before others ended belong to these.
FASTEST_MS_PER_WORD = 150

# From when to when something was being said, and as how many words it was shown last.
Span = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Words:
    """What a message says of a track. count: how many words. begun_ms: when the first was spoken, by an estimate."""

    track: str
    count: int
    begun_ms: int
    final: bool


@dataclass(frozen=True, slots=True)
class Shown:
    """Of a track. settled_ms: the time of its latest final text. spans: when the words were spoken that were shown behind it; those
    that overlap are one. resumed: of the first words that came behind a hole, the number of their message, when they had begun at the
    latest, and how many they are; None where none came."""

    track: str
    settled_ms: int = -1
    spans: tuple[Span, ...] = ()
    resumed: tuple[int, int, int] | None = None

    @property
    def waiting(self) -> Sequence[Span]:
        """Those of which final text is still to come. Where the words behind a hole go on with what was shown before it, none was in
        it."""
        return () if self._goes_on else self.spans

    @property
    def _goes_on(self) -> bool:
        """Words that are told in a burst seem to have begun too soon; but fewer than were shown are another sentence's."""
        if not self.spans or self.resumed is None:
            return False
        (_, begun_ms, count), (_, end_ms, shown) = self.resumed, self.spans[-1]
        return begun_ms <= end_ms and count >= shown

    def take(self, words: Words, at_ms: int) -> "Shown":
        if words.final:
            settled_ms = max(self.settled_ms, at_ms)
            return replace(self, settled_ms=settled_ms, spans=_behind(self.spans, settled_ms))
        if not words.count:
            return self
        spans = _joined([*self.spans, (words.begun_ms, at_ms, words.count)])
        return replace(self, spans=_behind(spans, self.settled_ms)[-SPANS_MAX:])

    def resume(self, number: int, words: Words, at_ms: int) -> "Shown":
        """With words that came behind a hole, whichever of them comes first."""
        resumed = (number, at_ms - FASTEST_MS_PER_WORD * words.count, words.count)
        return replace(self, resumed=resumed if self.resumed is None else min(self.resumed, resumed))


def unsettled(shown: Iterable[Shown], until_ms: int) -> Sequence[Span]:
    """What was said until then and may still come as final text."""
    return [span for each in shown for span in each.waiting if until_ms - span[1] < SHOWN_FOR_MS]


def unsettled_from_ms(shown: Iterable[Shown], until_ms: int) -> int:
    """Since when something is being said of which at until_ms no final text had come; until_ms where nothing is."""
    return min([until_ms, *(begun_ms for begun_ms, *_ in unsettled(shown, until_ms))])


@dataclass(frozen=True, slots=True)
class Hole:
    """Messages that have not come. start_ms: of the one before them; end_ms: of the one after them. shown: by those before them."""

    first: int
    last: int
    start_ms: int
    end_ms: int
    shown: tuple[Shown, ...] = ()

    @property
    def said_from_ms(self) -> int:
        """Since when what is missing may have been said."""
        return unsettled_from_ms(self.shown, self.start_ms)

    def take(self, number: int, at_ms: int, words: Words | None) -> Sequence["Hole"]:
        """What is left of it once that message has come."""
        if number < self.first:
            return (replace(self, shown=_taken(self.shown, words, at_ms)),)
        if number > self.last:
            return (replace(self, shown=_resumed(self.shown, number, words, at_ms)),)
        # A time that lies outside, as of a clock that was wrong, says nothing about what is still missing.
        is_inside = self.start_ms <= at_ms <= self.end_ms
        end_ms, start_ms = (at_ms, at_ms) if is_inside else (self.end_ms, self.start_ms)
        before = replace(self, last=number - 1, end_ms=end_ms, shown=_resumed(self.shown, number, words, at_ms))
        behind = replace(self, first=number + 1, start_ms=start_ms, shown=_taken(self.shown, words, at_ms))
        return [part for part in (before, behind) if part.first <= part.last]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """highest: the highest number so far, 0 before the first. newest_ms: the latest time that any of them told, before the first the
    time since when they are expected."""

    highest: int = 0
    newest_ms: int = 0
    holes: tuple[Hole, ...] = ()
    shown: tuple[Shown, ...] = ()

    @classmethod
    def read(cls, highest: int, newest_ms: int, holes: Iterable[Sequence[Any]], shown: object) -> "Arrivals":
        """holes, shown: as `rows` gives them, and JSON keeps them; `shown` of any other form tells nothing.

        Who knows nothing of `shown` may have changed `holes` since: what is a part of a hole that was is taken for that, and what is
        behind all of them was opened behind all that was shown.
        """
        noted = shown if isinstance(shown, Mapping) else {}
        now = _read(noted.get("by_now", ()))
        known = [(first, last, _read(rows)) for first, last, rows in noted.get("before_holes", ())]
        highest_known = max((last for _, last, _ in known), default=0)
        read = []
        for first, last, start_ms, end_ms, *_ in holes:
            otherwise = now if first > highest_known else ()
            before = next((each for low, high, each in known if low <= first <= high), otherwise)
            read.append(Hole(first, last, start_ms, end_ms, before))
        return cls(highest, newest_ms, tuple(read), now)

    def rows(self) -> tuple[list[list[int]], dict[str, Any]]:
        """The holes, and what was shown: until now, and before each hole. Rows of another form must have other names."""
        holes = [[hole.first, hole.last, hole.start_ms, hole.end_ms] for hole in self.holes]
        before = [[hole.first, hole.last, [astuple(each) for each in hole.shown]] for hole in self.holes]
        return holes, {"by_now": [astuple(each) for each in self.shown], "before_holes": before}

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


def _read(rows: Iterable[Sequence[Any]]) -> tuple[Shown, ...]:
    return tuple(
        Shown(
            track,
            settled_ms,
            tuple((begun_ms, end_ms, count) for begun_ms, end_ms, count in spans),
            None if resumed is None else (resumed[0], resumed[1], resumed[2]),
        )
        for track, settled_ms, spans, resumed in rows
    )


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for begun_ms, end_ms, count in sorted(spans):
        if joined and begun_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], *max(joined[-1][1:], (end_ms, count)))
        else:
            joined.append((begun_ms, end_ms, count))
    return tuple(joined)


def _behind(spans: Iterable[Span], settled_ms: int) -> tuple[Span, ...]:
    return tuple((max(begun_ms, settled_ms), end_ms, count) for begun_ms, end_ms, count in spans if end_ms > settled_ms)


def _taken(shown: tuple[Shown, ...], words: Words | None, at_ms: int) -> tuple[Shown, ...]:
    return shown if words is None else _with(shown, _of(shown, words.track).take(words, at_ms))


def _resumed(shown: tuple[Shown, ...], number: int, words: Words | None, at_ms: int) -> tuple[Shown, ...]:
    """Words that come behind a hole, whatever else comes before it later."""
    if words is None or not words.count:
        return shown
    return _with(shown, _of(shown, words.track).resume(number, words, at_ms))


def _of(shown: Iterable[Shown], track: str) -> Shown:
    return next((each for each in shown if each.track == track), Shown(track))


def _with(shown: Iterable[Shown], changed: Shown) -> tuple[Shown, ...]:
    others = (each for each in shown if each.track != changed.track)
    return tuple(sorted((*others, changed), key=lambda each: each.track))
