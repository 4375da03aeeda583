"""The media sockets' reader, which is compiled: plain sound out of the frames, whatever else comes as it came.

voice/native/reception.c says what is plain. Decision 0042 has why it is there and what was measured.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from typing import Final, Protocol

from voice.native import COMPILED

# As in reception.c, whose records and answers these are.
_OTHER: Final = 0
SELECTED, NEWS, READERS = 1, 2, 4
_RECORD: Final = struct.Struct("=iiii")
# What of the interpreter it calls, in its order.
_PYTHON: Final = ("PyBytes_FromStringAndSize", "PyLong_FromLong", "PyObject_Vectorcall", "Py_IncRef", "Py_DecRef")
_READERS_MAX: Final = 4_096
# More than can wait of one socket.
_RECORDS_MAX: Final = 4_096
_BYTES_MAX: Final = 1 << 20


class ReceptionMissing(RuntimeError):
    """The compiled reader is not there; the message says what makes it."""


# Takes a track's sound without a hole: mu-law, its time in ms, and of how many frames it is.
Ear = Callable[[bytes, int, int], None]


class Receiving(Protocol):
    """Whom a socket's frames are for."""

    def other(self, frames: bytes) -> None:
        """Whole WebSocket frames, or all that is to come, as the socket brought them."""

    def broken(self) -> None:
        """An ear of it raised: part of its sound is lost."""


class Reception:
    """Belongs to one event loop, which calls it only from its own thread."""

    def __init__(self, sockets: int, *, gather_s: float, hold_s: float) -> None:
        """sockets: the file number of an epoll that all sockets are registered with.

        Raises ReceptionMissing.
        """
        try:
            # While it waits others may work; all else takes less time than asking for the interpreter's lock again.
            self._wait = ctypes.CDLL(str(COMPILED)).reception_wait
            library = ctypes.PyDLL(str(COMPILED))
        except OSError as error:
            raise ReceptionMissing(f"{COMPILED} cannot be loaded ({error}). `make setup` compiles it.") from None
        nanoseconds, place, number = ctypes.c_int64, ctypes.c_void_p, ctypes.c_int
        library.reception_new.restype = place
        library.reception_new.argtypes = [place, number, nanoseconds, nanoseconds]
        library.reception_hear.argtypes = [place, number, place, place]
        self._wait.argtypes = [place, number, nanoseconds, place, place]
        library.reception_give.argtypes = [place]
        library.reception_give.restype = None
        library.reception_hand_over.argtypes = [place, place, number, place, number]
        self._library = library
        self._give_sound, self._hand_over = library.reception_give, library.reception_hand_over
        python = (place * len(_PYTHON))(
            *(ctypes.cast(getattr(ctypes.pythonapi, name), place).value for name in _PYTHON)
        )
        self._all = place(library.reception_new(python, sockets, int(gather_s * 1e9), int(hold_s * 1e9)))
        if not self._all:
            raise MemoryError
        self._readers = (number * _READERS_MAX)()
        self._readers_count = number()
        self._records = ctypes.create_string_buffer(_RECORDS_MAX * _RECORD.size)
        self._bytes = ctypes.create_string_buffer(_BYTES_MAX)
        self._said, self._other = memoryview(self._records), memoryview(self._bytes)
        self._waiting = (ctypes.addressof(self._readers), ctypes.addressof(self._readers_count))
        self._handing = (ctypes.addressof(self._records), _RECORDS_MAX, ctypes.addressof(self._bytes), _BYTES_MAX)
        self._receiving: dict[int, Receiving] = {}
        self._ears: dict[int, tuple[Ear, Ear]] = {}
        self._busy = False

    def close(self) -> None:
        self._receiving.clear()
        if self._all:
            self._library.reception_free(self._all)
            self._all = ctypes.c_void_p()

    def take(self, socket: int, receiving: Receiving) -> None:
        """From now on what this socket brings is read here. It stands at the beginning of a frame."""
        if not self._library.reception_take(self._all, socket):
            raise MemoryError
        self._receiving[socket] = receiving

    def hear(self, socket: int, ears: tuple[Ear, Ear] | None) -> None:
        """Plain sound of the two tracks, inbound and outbound, is taken out of the frames for these; for nobody at first."""
        if socket not in self._receiving:
            return
        if ears is None:
            self._library.reception_hear(self._all, socket, None, None)
            self._ears.pop(socket, None)
        else:
            # It keeps no reference of its own.
            self._ears[socket] = ears
            self._library.reception_hear(self._all, socket, *(id(ear) for ear in ears))

    def heard(self, socket: int) -> bool:
        """Whether plain sound has come since this was last asked."""
        return socket in self._receiving and bool(self._library.reception_heard(self._all, socket))

    def drop(self, socket: int) -> None:
        """What has not been handed over is thrown away."""
        if self._receiving.pop(socket, None) is not None:
            self._library.reception_drop(self._all, socket)
            self._ears.pop(socket, None)

    def wait(self, selected: int, timeout_s: float | None) -> int:
        """Looks at the sockets until there is something for Python: an answer of SELECTED, NEWS and READERS, or 0 at the end of the time.

        selected: the file number of whatever else is waited for.
        """
        timeout_ns = -1 if timeout_s is None else max(0, int(timeout_s * 1e9))
        why: int = self._wait(self._all, selected, timeout_ns, *self._waiting)
        return why

    def readers(self) -> list[int]:
        """The sockets that nobody reads here and that had brought something when the last waiting ended."""
        return self._readers[: self._readers_count.value]

    def hand_over(self, let_go: Callable[[int], None], failed: Callable[[Exception], None]) -> None:
        """Gives everybody what came for them. let_go(socket): from now on it is not read here any more.

        failed(error): one of them raised; the others still get theirs. Does nothing where it is called from within itself.
        """
        if self._busy or not self._all:
            return
        self._busy = True
        try:
            while not self._gave(failed):
                # The others still wait for theirs.
                continue
            while count := self._hand_over(self._all, *self._handing):
                for socket, kind, offset, length in _RECORD.iter_unpack(self._said[: count * _RECORD.size]):
                    try:
                        self._give(let_go, socket, kind, self._other[offset : offset + length].tobytes())
                    except Exception as error:
                        failed(error)
        finally:
            self._busy = False

    def _gave(self, failed: Callable[[Exception], None]) -> bool:
        try:
            self._give_sound(self._all)
        except Exception as error:
            failed(error)
            _, _, socket = self._given()
            if receiving := self._receiving.get(socket):
                receiving.broken()
            return False
        return True

    def _give(self, let_go: Callable[[int], None], socket: int, kind: int, frames: bytes) -> None:
        if (receiving := self._receiving.get(socket)) is None:
            # Another one's message has ended this socket.
            return
        if kind == _OTHER:
            receiving.other(frames)
        else:
            self.drop(socket)
            let_go(socket)

    @property
    def read_ns(self) -> tuple[int, int]:
        """When the first and the last frame of the sound that an ear gets just now were read, by the monotonic clock."""
        first_ns, last_ns, _ = self._given()
        return first_ns, last_ns

    def _given(self) -> tuple[int, int, int]:
        """As reception.c begins: of what an ear gets, those two times and the socket."""
        assert self._all.value is not None
        first_ns, last_ns, socket = (ctypes.c_int64 * 3).from_address(self._all.value)
        return first_ns, last_ns, socket
