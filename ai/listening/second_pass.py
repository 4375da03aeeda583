"""A larger model for the turns in which the first one is in doubt: it is better in noise and at babble, not on a clean line."""

from __future__ import annotations

from collections.abc import Callable

from ai.listening.transcriber import Recognition, Transcriber

# Above this confidence the larger model corrected less than it spoilt.
SURE = 0.75


class SecondPass:
    """Hears a turn once, and a doubtful one again; the more confident of the two answers counts.

    The larger model is loaded when it is first needed: most recognisers, and quiet lines, do without its memory.
    """

    def __init__(self, first: Transcriber, load: Callable[[], Transcriber]) -> None:
        """load: makes the larger engine; may raise ModelUnusable."""
        self._first = first
        self._load = load
        self._larger: Transcriber | None = None

    def transcribe(self, pcm: bytes, context: str, *, thrifty: bool = False) -> Recognition:
        """See Transcriber.transcribe. thrifty: without the second time."""
        first = self._first.transcribe(pcm, context)
        if thrifty or not first.text or first.confidence >= SURE:
            return first
        if self._larger is None:
            self._larger = self._load()
        second = self._larger.transcribe(pcm, context)
        return second if second.confidence > first.confidence else first
