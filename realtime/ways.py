"""How one event's frame comes to the sockets of a topic: written at once where nothing is held back, by each socket itself elsewhere."""

from collections.abc import Callable, Iterable
from os import write
from typing import Protocol

from realtime.frames import Frame

# The number of a file that takes frames as they are, and what sees to the rest of one that it did not take whole.
Way = tuple[int, Callable[[bytes], None]]


class Listener(Protocol):
    """A socket as the hub sees it; no method may block or raise."""

    def way(self) -> Way | None:
        """Past its transport, as long as that holds nothing of earlier frames; None where there is none.

        Whoever's changes tells the hub so (`Hub.ways_changed`), before the number can become another file's.
        """

    def deliver(self, frame: Frame) -> None: ...

    def close(self, code: int) -> None: ...


class Ways:
    """To those who listen to one topic, until one of them changes.

    Looking at a thousand sockets costs more than writing to them, since little of them is in the processor's caches.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        found = [(listener, listener.way()) for listener in listeners]
        self._at_once = dict(way for _, way in found if way is not None)
        self._others = [listener for listener, way in found if way is None]

    def give(self, frame: Frame) -> None:
        for listener in self._others:
            listener.deliver(frame)
        if not self._at_once:
            return
        wire = frame.wire
        size = len(wire)
        for number in self._at_once:
            try:
                written = write(number, wire)
            except OSError:
                # It is full, or its peer has gone: its transport finds that out as well, and does what has to be done.
                written = 0
            if written < size:
                self._at_once[number](wire[written:])
