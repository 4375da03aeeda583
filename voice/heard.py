"""What was heard of a call, on its way into the transcript."""

from bisect import bisect_right
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

    def without_cards(self, *, is_asked_for: bool = False) -> "Heard":
        """With card numbers taken out of the text; with one, the times of all words go too. is_asked_for: as in
        `redact_spoken_cards`."""
        text = redact_spoken_cards(self.text, is_asked_for=is_asked_for)
        return self if text == self.text else replace(self, text=text, words=())

    def kept_words(self) -> list[list[str | int | float]]:
        """Of each word text, start_ms, end_ms and confidence, within the stretch: recognisers let the word before a pause fill it."""

        def within(at_ms: int) -> int:
            return min(max(at_ms, self.start_ms), max(self.start_ms, self.end_ms))

        return [[word.text, within(word.start_ms), within(word.end_ms), word.confidence] for word in self.words]

    def cut(self, stretches: Sequence[tuple[int, int]]) -> list["Heard"]:
        """A part for each of these stretches, which begin and end with it; the whole where one of them would have no words.

        A word that begins in the pause between two belongs to the later: recognisers let the word before a pause fill it.
        """
        if " ".join(word.text for word in self.words) != self.text:
            return [self]
        pauses_ms = [end_ms for _, end_ms in stretches[:-1]]
        words: list[list[Word]] = [[] for _ in stretches]
        for word in self.words:
            words[bisect_right(pauses_ms, word.start_ms)].append(word)
        if not all(words):
            return [self]
        return [
            replace(self, start_ms=start_ms, end_ms=end_ms, text=" ".join(word.text for word in own), words=own)
            for (start_ms, end_ms), own in zip(stretches, words, strict=True)
        ]
