"""Asks now and then whether those who hold sockets still may, in case they were told of the end and the message was lost: with a
process that was killed right after it committed, or on its way."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Final, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from realtime.publish import CLOSE_SIGNED_OUT
from realtime.ways import Listener

logger = logging.getLogger(__name__)

# With the question itself, sockets are to be closed five seconds after a right has ended.
ASK_EVERY_S: Final = 2.0


class Caller(Protocol):
    """Who holds a socket, hashable; `config.sockets` says who it is."""

    @property
    def user_id(self) -> UUID: ...

    @property
    def workspace_id(self) -> UUID: ...


# Which of these no longer hold what they held when their sockets opened.
Over = Callable[[Collection[Caller]], Awaitable[Collection[Caller]]]


class Watch:
    """Belongs to one event loop. One question for all of its sockets, and none while there are none."""

    def __init__(self) -> None:
        self._sockets: dict[Listener, tuple[Caller, Over]] = {}
        self._asking: asyncio.Task[None] | None = None

    def join(self, socket: Listener, caller: Caller, over: Over) -> None:
        self._sockets[socket] = (caller, over)
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())

    def leave(self, socket: Listener) -> None:
        self._sockets.pop(socket, None)

    async def _ask(self) -> None:
        try:
            while self._sockets:
                await asyncio.sleep(ASK_EVERY_S)
                await self._close_those_over()
        finally:
            self._asking = None

    async def _close_those_over(self) -> None:
        by_over: dict[Over, set[Caller]] = {}
        for caller, over in self._sockets.values():
            by_over.setdefault(over, set()).add(caller)
        gone: set[Caller] = set()
        for over, callers in by_over.items():
            try:
                gone.update(await over(callers))
            except Exception as error:
                # While the database is away nobody can say; REST answers nobody then either.
                logger.warning("sockets not asked about", extra={"error_type": type(error).__name__})
        for socket, (caller, _) in tuple(self._sockets.items()):
            if caller in gone:
                socket.close(CLOSE_SIGNED_OUT)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()


def watch() -> Watch:
    """The watch of the running event loop."""
    return _watches.setdefault(asyncio.get_running_loop(), Watch())
