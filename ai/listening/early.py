"""Finals that are asked for in a pause which may end the utterance, so that they are there when it does."""

from __future__ import annotations

import asyncio

from ai.listening.client import TranscriberClient
from ai.listening.segmenter import SpeechEnded, SpeechPaused
from ai.listening.transcriber import EarlySkipped, Recognition, TranscriberOverloaded


class EarlyFinals:
    """Recognises one track's utterances, from their last pause on where there is time for it.

    What was asked for in a pause after which somebody went on speaking is thrown away.
    """

    def __init__(self, client: TranscriberClient, context: str) -> None:
        self._client = client
        self._context = context
        self._paused: SpeechPaused | None = None
        self._early: asyncio.Task[Recognition] | None = None

    def paused(self, pause: SpeechPaused) -> None:
        """Begin to recognise what may be the utterance."""
        self.cancel()
        self._paused = pause
        self._early = asyncio.create_task(
            self._client.transcribe(pause.pcm, "final", self._context, early_ms=pause.early_ms)
        )
        self._early.add_done_callback(_noticed)

    def ended(self, utterance: SpeechEnded) -> asyncio.Task[Recognition]:
        """The utterance's words: those of its last pause, when that has the same sound."""
        early, self._early = self._early, None
        if early is not None and (self._paused is None or self._paused.pcm != utterance.pcm):
            early.cancel()
            early = None
        self._paused = None
        return asyncio.create_task(self._recognised(early, utterance))

    def cancel(self) -> None:
        """Nothing that was begun is wanted any more."""
        if self._early is not None:
            self._early.cancel()
        self._early = self._paused = None

    async def _recognised(self, early: asyncio.Task[Recognition] | None, utterance: SpeechEnded) -> Recognition:
        if early is not None:
            try:
                return await early
            except (EarlySkipped, TranscriberOverloaded):
                # It was too soon; now it is needed.
                pass
        return await self._client.transcribe(utterance.pcm, "final", self._context)


def _noticed(early: asyncio.Task[Recognition]) -> None:
    """How one that nobody waits for has failed is of no interest, and must not be reported as forgotten."""
    if not early.cancelled():
        early.exception()
