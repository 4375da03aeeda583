"""Where one track's frames lie in stream time, whatever the carrier writes on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ai.listening.audio import SAMPLES_PER_MS

# A frame whose time is farther off than this from where the next one is expected is not believed at once.
FAR_MS = 1_000
# So much sound in a row, with nothing that is expected between, is believed.
BELIEVED_AFTER_MS = 500

# Time in ms, mu-law of any length, and of how many of the carrier's frames it is.
Frame = tuple[int, bytes, int]


class Timeline:
    """Keeps frames aside whose time lies far off, until it is clear whether it is their time or a fault.

    A single strange time would otherwise put a huge gap into the text, and make everything true that follows look like a
    repetition. Times that are believed and lie ahead leave a gap, which is no longer than real time allows: nobody has missed
    sound that nobody can have made yet. Those that lie behind, because the carrier counts anew, go on where the sound before
    ended: whatever was said is said later than what was heard.

    Sound that follows what was heard before is never asked for the time, so it may come as fast as anybody likes.
    """

    def __init__(self, on_dropped: Callable[[int], None], elapsed_ms: Callable[[], int]) -> None:
        """on_dropped(frames): their times were faults. elapsed_ms(): real time since the stream's time 0."""
        self._on_dropped = on_dropped
        self._elapsed_ms = elapsed_ms
        # A stream's time begins with it.
        self._next_ms = 0
        self._shift_ms = 0
        self._aside: list[Frame] = []
        self._aside_bytes = 0
        # When the first of them came.
        self._aside_elapsed_ms = 0

    @property
    def next_ms(self) -> int:
        """Where the next frame is expected."""
        return self._next_ms

    def placed(self, timestamp_ms: int, mulaw: bytes, frames: int = 1) -> Sequence[Frame]:
        """The frames that are to be heard now: mostly this one, or none, or this one and those kept aside before it."""
        at_ms = timestamp_ms + self._shift_ms
        if -FAR_MS <= at_ms - self._next_ms <= FAR_MS:
            if self._aside:
                self.drop_aside()
            self._next_ms = max(self._next_ms, at_ms + len(mulaw) // SAMPLES_PER_MS)
            return ((at_ms, mulaw, frames),)
        return self._kept_aside(at_ms, mulaw, frames) if mulaw else ()

    def last(self) -> Sequence[Frame]:
        """Nothing comes any more: what is kept aside is heard where it says, if real time has come so far and that is behind all that
        was heard. Else its time was a fault."""
        if self._aside:
            first_ms = self._aside[0][0]
            if self._next_ms < first_ms == self._possible_ms(first_ms, self._aside_elapsed_ms):
                return self._believed()
            self.drop_aside()
        return ()

    def drop_aside(self) -> None:
        """What is kept aside is a fault: something expected has come."""
        if self._aside:
            self._on_dropped(sum(frames for _, _, frames in self._aside))
            self._aside, self._aside_bytes = [], 0

    def missed(self, until_ms: int) -> Sequence[Frame]:
        """Somebody knows of sound that does not come, up to there: a frame without sound at its end, unless nothing is missing."""
        at_ms = self._possible_ms(until_ms + self._shift_ms, self._elapsed_ms())
        return self.ended(at_ms)

    def ended(self, at_ms: int) -> Sequence[Frame]:
        """As `missed`, of a time in stream time that is surely so."""
        if at_ms <= self._next_ms:
            return ()
        self.drop_aside()
        self._next_ms = at_ms
        return ((at_ms, b"", 0),)

    def _kept_aside(self, at_ms: int, mulaw: bytes, frames: int) -> Sequence[Frame]:
        if self._aside and abs(at_ms - _end_ms(self._aside[-1])) > FAR_MS:
            self.drop_aside()
        if not self._aside:
            self._aside_elapsed_ms = self._elapsed_ms()
        self._aside.append((at_ms, mulaw, frames))
        self._aside_bytes += len(mulaw)
        return self._believed() if self._aside_bytes >= BELIEVED_AFTER_MS * SAMPLES_PER_MS else ()

    def _believed(self) -> Sequence[Frame]:
        first_ms = self._aside[0][0]
        moved_ms = max(self._next_ms, self._possible_ms(first_ms, self._aside_elapsed_ms)) - first_ms
        self._shift_ms += moved_ms
        placed = [(at_ms + moved_ms, mulaw, frames) for at_ms, mulaw, frames in self._aside]
        self._next_ms = max(_end_ms(frame) for frame in placed)
        self._aside, self._aside_bytes = [], 0
        return placed

    @staticmethod
    def _possible_ms(at_ms: int, elapsed_ms: int) -> int:
        """A time, or real time where it lies too far ahead of that; the carrier's clock and ours may differ a little."""
        return at_ms if at_ms <= elapsed_ms + FAR_MS else elapsed_ms


def joined(frames: Iterable[Frame]) -> list[tuple[int, bytes]]:
    """Frames that follow one another without a hole as one, which is decoded at once."""
    pieces: list[tuple[int, list[bytes]]] = []
    next_ms: float | None = None
    for timestamp_ms, mulaw, _ in frames:
        if timestamp_ms == next_ms:
            pieces[-1][1].append(mulaw)
        else:
            pieces.append((timestamp_ms, [mulaw]))
        next_ms = timestamp_ms + len(mulaw) / SAMPLES_PER_MS
    return [(timestamp_ms, b"".join(parts)) for timestamp_ms, parts in pieces]


def _end_ms(frame: Frame) -> int:
    return frame[0] + len(frame[1]) // SAMPLES_PER_MS
