"""Interim text: what an utterance seems to say so far."""

from __future__ import annotations

from ai.listening.client import TranscriberClient
from ai.listening.segmenter import InterimDue


class InterimText:
    """Recognises one track's utterance while it grows, part by part, so that its cost does not grow with it.

    A part that is over is recognised once, and its text stands before what is recognised anew each time.
    """

    def __init__(self, client: TranscriberClient, context: str) -> None:
        self._client = client
        self._context = context
        self._utterance = 0
        self._parts: list[bytes] = []
        self._said: list[str] = []

    def due(self, due: InterimDue, utterance: int) -> None:
        """Told of each, also of those for whose text there is no time: the part that it lets go of comes only once.

        utterance: whatever tells two utterances apart.
        """
        if utterance != self._utterance:
            self._utterance = utterance
            # New ones, since somebody may still be at the old.
            self._parts, self._said = [], []
        if due.part:
            self._parts.append(due.part)

    async def text(self, pcm: bytes) -> str:
        """The utterance up to the end of pcm, the part that is not over yet.

        :raises DomainError: as `TranscriberClient.transcribe`; what was recognised by then is not asked for again.
        """
        parts, said = self._parts, self._said
        while parts:
            over = await self._client.transcribe(parts[0], "interim", self._context)
            said.append(over.text)
            del parts[0]
        latest = await self._client.transcribe(pcm, "interim", self._context)
        return " ".join(text for text in (*said, latest.text) if text)
