"""What was heard of a call, on its way into the transcript."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ai.listening.transcriber import Word
from compliance.spoken_cards import redact_spoken_cards
from voice.schemas import Speaker


@dataclass(frozen=True, slots=True)
class Heard:
    """A stretch of speech, or one in which nothing could be heard: that has neither speaker nor text.

    start_ms, end_ms and the words' times: in the call's own time. confidence: [0, 1], None when the source says none.
    """

    speaker: Speaker | None
    start_ms: int
    end_ms: int
    text: str = ""
    confidence: float | None = None
    words: Sequence[Word] = ()

    def without_cards(self) -> "Heard":
        """With card numbers taken out of the text; with one, the times of all words go too."""
        text = redact_spoken_cards(self.text)
        return self if text == self.text else replace(self, text=text, words=())
