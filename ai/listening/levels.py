"""Tells one track, in order, what the transcriber leaves out for lack of time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ai.listening.client import TranscriberClient


class LevelReports:
    """Reports the newest level; what changed twice before it could be told is told once."""

    def __init__(self, client: TranscriberClient, report: Callable[[int], Awaitable[None]]) -> None:
        self._client = client
        self._report = report
        self._told = 0
        self._telling: asyncio.Task[None] | None = None
        client.watch(self._changed)
        self._changed(client.level)

    async def finish(self) -> None:
        """Nothing is reported any more after this."""
        self._client.unwatch(self._changed)
        if self._telling is not None:
            await self._telling

    def _changed(self, level: int) -> None:
        if level != self._told and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._told != self._client.level:
            self._told = self._client.level
            await self._report(self._told)
