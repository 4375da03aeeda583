"""What every recogniser offers, and what it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from processors.errors import DomainError

# interim: an utterance so far. final: an utterance. merged: a turn of several utterances, heard as a whole.
Kind = Literal["interim", "final", "merged"]

MAX_SPEECH_S = 30
MAX_CONTEXT_CHARACTERS = 500


@dataclass(frozen=True, slots=True)
class Word:
    """One recognised word.

    start_ms, end_ms: from the start of the audio that was given.
    confidence: [0, 1], the engine's own probability of the word's letters.
    """

    text: str
    start_ms: int
    end_ms: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Recognition:
    """The words of one stretch of speech. Empty text means: no speech was heard.

    words: with times; empty when the engine gives none (interim text).
    confidence: [0, 1], the mean over the tokens.
    """

    text: str
    words: tuple[Word, ...]
    confidence: float


NOTHING = Recognition(text="", words=(), confidence=0.0)


class Transcriber(Protocol):
    """An engine in this process. One call at a time; a call blocks for as long as the recognition takes."""

    def transcribe(self, pcm: bytes, context: str, *, thrifty: bool = False) -> Recognition:
        """Recognise signed 16-bit little-endian mono at 8 kHz, at most MAX_SPEECH_S long.

        context: names that are likely to be said (lead, company, product), separated by commas; may be empty.
        thrifty: rather soon than well, where the engine has a choice.
        """
        ...


class TranscriberUnavailable(DomainError):
    """No recogniser answered in time. Retryable: the transcriber may be starting again."""

    code: ClassVar[str] = "transcriber_unavailable"
    retryable: ClassVar[bool] = True


class TranscriberOverloaded(DomainError):
    """More speech is waiting than the recognisers can work off. Retryable."""

    code: ClassVar[str] = "transcriber_overloaded"
    retryable: ClassVar[bool] = True


class SpeechRefused(DomainError):
    """The audio or its description is not what the transcriber accepts. Permanent."""

    code: ClassVar[str] = "speech_refused"


class RecognitionFailed(DomainError):
    """The engine died over this very stretch of speech each time that it was tried. Permanent."""

    code: ClassVar[str] = "recognition_failed"


class InterimDropped(DomainError):
    """An interim result was not worth making any more, because newer speech has followed. Nothing to repair."""

    code: ClassVar[str] = "interim_dropped"


class TextTooLate(DomainError):
    """So much speech was waiting that this stretch was given up: its text would have come too late. Permanent."""

    code: ClassVar[str] = "text_too_late"


class EarlySkipped(DomainError):
    """A final was not begun before its utterance was over, because others wait. Ask again when it is over."""

    code: ClassVar[str] = "early_skipped"
    retryable: ClassVar[bool] = True


class MergeSkipped(DomainError):
    """A turn was not heard again as a whole, because the recognisers are busy with new speech. Nothing to repair."""

    code: ClassVar[str] = "merge_skipped"


class ModelUnusable(DomainError):
    """A model file is missing, altered or not of the expected kind. Permanent until the operator repairs it."""

    code: ClassVar[str] = "model_unusable"
