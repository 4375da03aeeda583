"""An event loop that takes what its sockets bring together, instead of waking for every packet."""

from __future__ import annotations

import asyncio
import contextlib
import select
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ, EpollSelector, SelectorKey
from typing import TYPE_CHECKING, Any, Final, TypeVarTuple

from voice.reception import NEWS, READERS, SELECTED, Ear, Receiving, Reception

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

Taken = TypeVarTuple("Taken")
# What was read waits for the listener's next tick, which asks for it; where there is none, it waits no longer than this.
HOLD_S: Final = 0.1


class GatheringLoop(asyncio.SelectorEventLoop):
    """Looks at its readers now and then, and then at all that have brought something since.

    Each of hundreds of calls brings a packet every few milliseconds; waking for every one costs more than the packet, and
    finds nothing in the processor's caches. What comes after a quiet time is taken at once; what comes after that waits for
    up to gather_s, its turn included. Timers, tasks and asyncio's own connections do not wait.

    Of sockets that were given away (`give`) the sound is taken without Python, and handed over together: when the listener asks
    for it, or after HOLD_S. Whatever else they bring is handed over in the turn in which it is read.
    """

    def __init__(self, gather_s: float) -> None:
        self._readers: dict[int, Callable[[], object]] = {}
        self._sockets = select.epoll()
        self.reception = Reception(self._sockets.fileno(), gather_s=gather_s, hold_s=HOLD_S)
        selector = _Selector(self.reception)
        super().__init__(selector)
        selector.on_sockets(self._sockets, asyncio.Handle(self._serve, (), self))

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
        self.reception.close()
        self._sockets.close()

    def give(self, number: int, receiving: Receiving) -> None:
        """What this socket brings is read without its reader from now on, as long as it has one. It stands at the beginning of a frame."""
        self.reception.take(number, receiving)

    def take_back(self, number: int) -> None:
        """What has been read of it is handed over first."""
        self.hand_over()
        self.reception.drop(number)

    def hear(self, number: int, ears: tuple[Ear, Ear] | None) -> None:
        """Takes this socket's sound without Python, for these two, or no longer."""
        if ears is None:
            self.hand_over()
        self.reception.hear(number, ears)

    def heard(self, number: int) -> bool:
        """Whether sound of this socket has been taken so since it was last asked."""
        return self.reception.heard(number)

    def hand_over(self) -> None:
        """Gives everybody what has come for them until the last look."""
        self.reception.hand_over(self._read_by_itself, self._tell)

    def _serve(self) -> None:
        for number in self.reception.readers():
            # Another reader of this turn may have ended it.
            if reader := self._readers.get(number):
                try:
                    reader()
                except Exception as error:
                    self._tell(error)
        self.hand_over()

    def _read_by_itself(self, number: int) -> None:
        if reader := self._readers.get(number):
            reader()

    def _tell(self, error: Exception) -> None:
        self.call_exception_handler({"message": "a socket's reader failed", "exception": error})


class _Selector(EpollSelector):
    """Looks at the sockets while it waits for whatever else the loop has registered."""

    def __init__(self, reception: Reception) -> None:
        super().__init__()
        self.reception = reception

    def on_sockets(self, sockets: select.epoll, serve: asyncio.Handle) -> None:
        """serve: called when they have brought something for Python."""
        # As asyncio registers a reader: (of what comes, of what can be written).
        key = SelectorKey(sockets, sockets.fileno(), EVENT_READ, (serve, None))
        self._brought = (key, EVENT_READ)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        why = self.reception.wait(self.fileno(), timeout)
        found = super().select(0) if why & SELECTED else []
        if why & (NEWS | READERS):
            found.append(self._brought)
        return found


def _number(fd: FileDescriptorLike) -> int:
    return fd if isinstance(fd, int) else fd.fileno()
