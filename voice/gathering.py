"""An event loop that takes what its sockets bring together, instead of waking for every packet."""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVarTuple

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

Taken = TypeVarTuple("Taken")


class GatheringLoop(asyncio.SelectorEventLoop):
    """Looks at its readers now and then, and then at all that have brought something since.

    Each of hundreds of calls brings a packet every few milliseconds; waking for every one costs more than the packet, and
    finds nothing in the processor's caches. What comes after a quiet time is taken at once; what comes after that waits for
    up to gather_s, its turn included. Timers, tasks and asyncio's own connections do not wait.
    """

    def __init__(self, gather_s: float) -> None:
        super().__init__()
        self._gather_s = gather_s
        self._readers: dict[int, Callable[[], object]] = {}
        # The readers' sockets are seen by the loop as one: this, which is readable when any of them is.
        self._sockets = select.epoll()
        self._waiting = False
        self._wait()

    def add_reader(self, fd: FileDescriptorLike, callback: Callable[[*Taken], Any], *args: *Taken) -> None:
        number = _number(fd)
        change = self._sockets.modify if number in self._readers else self._sockets.register
        change(number, select.EPOLLIN)
        self._readers[number] = partial(callback, *args) if args else callback

    def remove_reader(self, fd: FileDescriptorLike) -> bool:
        if self._readers.pop(number := _number(fd), None) is None:
            return False
        with contextlib.suppress(OSError):
            # Closed already, which the loop's own selector takes as well.
            self._sockets.unregister(number)
        return True

    def close(self) -> None:
        super().close()
        self._sockets.close()

    def look(self) -> None:
        """Serves all readers whose sockets have brought something. One that raises ends the turn, not the others' reading."""
        found = self._sockets.poll(0, len(self._readers) or 1)
        if not found:
            self._wait()
            return
        if self._waiting:
            self._waiting = False
            super().remove_reader(self._sockets)
        began_s = self.time()
        readers = self._readers
        try:
            for number, _ in found:
                # Another reader of this turn may have ended it.
                if reader := readers.get(number):
                    reader()
        finally:
            # Whoever comes right after this look waits for the next one, and then while that one lasts.
            lasted_s = self.time() - began_s
            self.call_at(began_s + self._gather_s - lasted_s, self.look)

    def _wait(self) -> None:
        if not self._waiting:
            self._waiting = True
            super().add_reader(self._sockets, self.look)


def _number(fd: FileDescriptorLike) -> int:
    return fd if isinstance(fd, int) else fd.fileno()
