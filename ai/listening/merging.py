"""Turns heard a second time: their finals are replaced by the text of the whole, as soon as a recogniser has time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ai.listening.client import TranscriberClient
from ai.listening.transcriber import Recognition
from ai.listening.turns import TurnEnded
from processors.errors import DomainError

MAX_WAITING_TURNS = 4
# A whole that has lost that much of its pieces' words is the engine giving up in the middle, not a better hearing.
LEAST_KEPT = 0.5

OnTurn = Callable[[Recognition, TurnEnded, list[int]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Piece:
    """One of a turn's utterances. reported: its recognition, once it is reported; None when there was none."""

    start_ms: int
    reported: asyncio.Future[Recognition | None]


@dataclass(slots=True)
class MergeCounts:
    """merged: turns whose text has replaced that of their pieces. skipped: turns that kept the text of their pieces."""

    merged: int = 0
    skipped: int = 0


class TurnMerger:
    """Re-decodes one track's turns, one after the other, each after its finals have been reported."""

    def __init__(self, *, client: TranscriberClient, context: str, on_turn: OnTurn) -> None:
        """on_turn(recognition, turn, pieces_ms): the whole turn's words, their times from the start of its audio.

        pieces_ms: where those of its utterances begin in which words were heard.
        """
        self.counts = MergeCounts()
        self._client = client
        self._context = context
        self._on_turn = on_turn
        self._waiting: asyncio.Queue[tuple[TurnEnded, list[Piece]] | None] = asyncio.Queue(MAX_WAITING_TURNS)
        self._working: asyncio.Task[None] | None = None

    def merge(self, turn: TurnEnded, pieces: list[Piece]) -> None:
        """Never waits: a turn for which there is no room keeps the text of its pieces."""
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        try:
            self._waiting.put_nowait((turn, pieces))
        except asyncio.QueueFull:
            self.counts.skipped += 1

    async def finish(self) -> None:
        """Returns when every waiting turn has been merged or given up."""
        if self._working is not None and not self._working.done():
            await self._waiting.put(None)
            await self._working

    async def cancel(self) -> None:
        """Stop at once."""
        if self._working is not None:
            self._working.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._working

    async def _work(self) -> None:
        while (waiting := await self._waiting.get()) is not None:
            turn, pieces = waiting
            heard = [await piece.reported for piece in pieces]
            recognition = await self._recognised(turn, heard)
            if recognition is None:
                self.counts.skipped += 1
            else:
                self.counts.merged += 1
                spoken = [
                    piece.start_ms for piece, one in zip(pieces, heard, strict=True) if one is not None and one.text
                ]
                await self._on_turn(recognition, turn, spoken)

    async def _recognised(self, turn: TurnEnded, pieces: list[Recognition | None]) -> Recognition | None:
        """The whole turn's words, when they are worth having."""
        spoken = [piece for piece in pieces if piece is not None and piece.text]
        if None in pieces or len(spoken) < 2:
            return None
        try:
            whole = await self._client.transcribe(turn.pcm, "merged", self._context)
        except DomainError:
            return None
        words = sum(len(piece.text.split()) for piece in spoken)
        return whole if len(whole.text.split()) >= LEAST_KEPT * words else None
