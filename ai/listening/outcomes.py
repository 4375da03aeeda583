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
    """The words in stream time; the engine lets the first one begin with the audio, which is before the speech."""
    words = tuple(
        replace(
            word,
            start_ms=max(word.start_ms + outcome.audio_start_ms, outcome.start_ms),
            end_ms=max(word.end_ms + outcome.audio_start_ms, outcome.start_ms),
        )
        for word in recognition.words
    )
    return replace(recognition, words=words)
