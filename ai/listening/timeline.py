"""Where one track's frames lie in stream time, whatever the carrier writes on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ai.listening.audio import SAMPLES_PER_MS

# A frame whose time is farther off than this from where the next one is expected is not believed at once.
FAR_MS = 1_000
# So much sound in a row, with nothing that is expected between, is believed.
BELIEVED_AFTER_MS = 500

# Time in ms, and mu-law of any length.
Frame = tuple[int, bytes]


class Timeline:
    """Keeps frames aside whose time lies far off, until it is clear whether it is their time or a fault.

    A single strange time would otherwise put a huge gap into the text, and make everything true that follows look like a
    repetition. Times that are believed and lie ahead leave a gap. Those that lie behind, because the carrier counts anew, go
    on where the sound before ended: whatever was said is said later than what was heard.
    """

    def __init__(self, on_dropped: Callable[[int], None]) -> None:
        """on_dropped(frames): their times were faults."""
        self._on_dropped = on_dropped
        # A stream's time begins with it.
        self._next_ms = 0
        self._shift_ms = 0
        self._aside: list[Frame] = []
        self._aside_bytes = 0

    def placed(self, timestamp_ms: int, mulaw: bytes) -> Sequence[Frame]:
        """The frames that are to be heard now: mostly this one, or none, or this one and those kept aside before it."""
        at_ms = timestamp_ms + self._shift_ms
        if -FAR_MS <= at_ms - self._next_ms <= FAR_MS:
            if self._aside:
                self.drop_aside()
            self._next_ms = max(self._next_ms, at_ms + len(mulaw) // SAMPLES_PER_MS)
            return ((at_ms, mulaw),)
        return self._kept_aside(at_ms, mulaw) if mulaw else ()

    def drop_aside(self) -> None:
        """What is kept aside is a fault: something expected has come, or nothing comes any more."""
        if self._aside:
            self._on_dropped(len(self._aside))
            self._aside, self._aside_bytes = [], 0

    def _kept_aside(self, at_ms: int, mulaw: bytes) -> Sequence[Frame]:
        if self._aside and abs(at_ms - _end_ms(self._aside[-1])) > FAR_MS:
            self.drop_aside()
        self._aside.append((at_ms, mulaw))
        self._aside_bytes += len(mulaw)
        return self._believed() if self._aside_bytes >= BELIEVED_AFTER_MS * SAMPLES_PER_MS else ()

    def _believed(self) -> Sequence[Frame]:
        behind_ms = max(0, self._next_ms - self._aside[0][0])
        self._shift_ms += behind_ms
        frames = [(at_ms + behind_ms, mulaw) for at_ms, mulaw in self._aside]
        self._next_ms = max(_end_ms(frame) for frame in frames)
        self._aside, self._aside_bytes = [], 0
        return frames


def joined(frames: Iterable[Frame]) -> list[Frame]:
    """Frames that follow one another without a hole as one, which is decoded at once."""
    pieces: list[tuple[int, list[bytes]]] = []
    next_ms: float | None = None
    for timestamp_ms, mulaw in frames:
        if timestamp_ms == next_ms:
            pieces[-1][1].append(mulaw)
        else:
            pieces.append((timestamp_ms, [mulaw]))
        next_ms = timestamp_ms + len(mulaw) / SAMPLES_PER_MS
    return [(timestamp_ms, b"".join(parts)) for timestamp_ms, parts in pieces]


def _end_ms(frame: Frame) -> int:
    return frame[0] + len(frame[1]) // SAMPLES_PER_MS
