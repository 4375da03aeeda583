"""Turns heard a second time: their finals are replaced by the text of the whole, as soon as a recogniser has time."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ai.listening.client import TranscriberClient
from ai.listening.transcriber import Recognition
from ai.listening.turns import TurnEnded
from ai.listening.wer import spoken_words
from processors.errors import DomainError

MAX_WAITING_TURNS = 4
# A whole that has less than that of one piece's words, where that piece was said, is the engine giving up at a pause, not a better hearing.
LEAST_KEPT = 0.5
# How far from its place a word may seem to begin.
BORDER_MS = 300

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
            spoken = {
                piece.start_ms: one.text
                for piece, one in zip(pieces, heard, strict=True)
                if one is not None and one.text
            }
            recognition = None if None in heard else await self._recognised(turn, spoken)
            if recognition is None:
                self.counts.skipped += 1
            else:
                self.counts.merged += 1
                await self._on_turn(recognition, turn, list(spoken))

    async def _recognised(self, turn: TurnEnded, spoken: dict[int, str]) -> Recognition | None:
        """The whole turn's words, when they are worth having. spoken: its pieces' texts, by where they begin."""
        if len(spoken) < 2:
            return None
        try:
            whole = await self._client.transcribe(turn.pcm, "merged", self._context)
        except DomainError:
            return None
        return whole if _holds_all(whole, turn, spoken) else None


def _holds_all(whole: Recognition, turn: TurnEnded, spoken: dict[int, str]) -> bool:
    """Whether enough of each piece's words is in the whole, there where the piece was said.

    Counted as they are said: the whole may have "$450" where a piece has "four hundred and fifty dollars".
    """
    for (start_ms, text), next_ms in zip(spoken.items(), [*list(spoken)[1:], math.inf], strict=True):
        # The first word of a turn seems to begin with its audio.
        from_ms = start_ms - BORDER_MS if start_ms > turn.start_ms else -math.inf
        begun = (word for word in whole.words if from_ms <= word.start_ms + turn.audio_start_ms < next_ms + BORDER_MS)
        if len(spoken_words(" ".join(word.text for word in begun))) < LEAST_KEPT * len(spoken_words(text)):
            return False
    return True
