"""What all open media streams of a process ask of the database, in one statement each, however many they are."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID
from weakref import WeakKeyDictionary

from django.db import Error

from voice import leaving, media_threads, transcripts

logger = logging.getLogger(__name__)

PERMISSION_EVERY_S: Final = 0.5
# A stream that said nothing of itself for much longer (`reconcile.STREAM_DEAD_AFTER`) is given up and replaced.
LIFE_EVERY_S: Final = 2.0


class Kept(Protocol):
    """A stream as the keeper sees it.

    permitted: whether interim text may be shown; left: on the lead's track the carrier alone speaks.
    """

    stream_id: UUID
    call_id: UUID
    permitted: bool
    left: bool

    def position_ms(self) -> int: ...

    def give_up(self) -> None:
        """Its place was taken."""


class Keeper:
    """Belongs to one event loop; works while there are streams."""

    def __init__(self) -> None:
        self._streams: set[Kept] = set()
        self._working: asyncio.Task[None] | None = None

    def add(self, stream: Kept) -> None:
        self._streams.add(stream)
        if self._working is None or self._working.done():
            self._working = asyncio.get_running_loop().create_task(self._work())

    def remove(self, stream: Kept) -> None:
        self._streams.discard(stream)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        life_at = loop.time() + LIFE_EVERY_S
        while self._streams:
            try:
                await self._ask_permission(frozenset(self._streams))
                if loop.time() >= life_at:
                    life_at = loop.time() + LIFE_EVERY_S
                    await self._say_they_live(frozenset(self._streams))
            except Exception as error:
                # Every stream of this process depends on this task, whatever one of them brought.
                logger.error("streams not kept", extra={"error_type": type(error).__name__})
            await asyncio.sleep(PERMISSION_EVERY_S)

    @staticmethod
    async def _ask_permission(streams: frozenset[Kept]) -> None:
        """Interim text flows only while the transcript is allowed; the stored text is checked by its own write."""
        call_ids = [stream.call_id for stream in streams]
        try:
            left = await media_threads.read_to_keep(leaving.of_carrier_alone, call_ids=call_ids)
            allowed = await media_threads.read_to_keep(transcripts.shown_calls, call_ids=call_ids)
        except Error:
            left = allowed = frozenset()
        for stream in streams:
            stream.permitted, stream.left = stream.call_id in allowed, stream.call_id in left

    @staticmethod
    async def _say_they_live(streams: frozenset[Kept]) -> None:
        positions: Mapping[UUID, int] = {stream.stream_id: stream.position_ms() for stream in streams}
        try:
            kept = await media_threads.keep(transcripts.keep_streams, positions_ms=positions, now=datetime.now(UTC))
        except Error:
            return
        for stream in streams:
            if stream.stream_id not in kept:
                stream.give_up()


_keepers: WeakKeyDictionary[asyncio.AbstractEventLoop, Keeper] = WeakKeyDictionary()


def keeper() -> Keeper:
    """The keeper of the running event loop."""
    return _keepers.setdefault(asyncio.get_running_loop(), Keeper())
