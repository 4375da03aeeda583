"""What a track has to report in its turn, and when its words were said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from ai.listening.transcriber import Recognition
from ai.listening.turns import TurnEnded


@dataclass(slots=True)
class Outcome:
    """Something to report in its turn: an utterance that is being recognised, or a gap."""

    start_ms: int
    end_ms: int
    utterance: int = 0
    audio_start_ms: int = 0
    recognition: asyncio.Task[Recognition] | None = None
    reported: asyncio.Future[Recognition | None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


def in_stream_time(recognition: Recognition, outcome: Outcome | TurnEnded) -> Recognition:
    """The words in stream time and within the speech; the engine lets the first one begin and the last one end with the audio,
    which begins before the speech and ends behind it."""

    def within(audio_ms: int) -> int:
        return min(max(audio_ms + outcome.audio_start_ms, outcome.start_ms), outcome.end_ms)

    words = tuple(
        replace(word, start_ms=within(word.start_ms), end_ms=within(word.end_ms)) for word in recognition.words
    )
    return replace(recognition, words=words)
