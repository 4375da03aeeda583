"""Words that nobody said: what recognisers write into silence, and phrases on which they get stuck."""

from __future__ import annotations

import re
from dataclasses import replace

from ai.listening.audio import loudness_dbfs
from ai.listening.transcriber import Recognition, Word

# Whisper learnt from subtitles; these are what it writes when nothing is said.
STOCK_PHRASES = frozenset(
    {
        "you", "thank you", "thanks", "thanks for watching", "thank you for watching", "bye", "bye bye", "okay", "so",
        "the", "i", "oh", "hmm", "mm", "yeah", "please subscribe", "subtitles by the amara org community", "the end",
    }
)  # fmt: skip

FAINT_DBFS = -48.0
DOUBTFUL = 0.5
HOPELESS = 0.2
NO_SPEECH = 0.8
LONGEST_PHRASE_WORDS = 30
STUCK_TIMES = 3
STUCK_WORDS = 6
SENTENCE_WORDS = 3
TIMELESS_WORDS = 2


def is_invented(recognition: Recognition, pcm: bytes, no_speech_probability: float) -> bool:
    """Whether the text is more likely the engine's habit than somebody's words."""
    if not re.search(r"\w", recognition.text) or recognition.confidence < HOPELESS:
        return True
    if no_speech_probability > NO_SPEECH and recognition.confidence < DOUBTFUL:
        return True
    if " ".join(re.findall(r"[a-z']+", recognition.text.lower())) not in STOCK_PHRASES:
        return False
    return recognition.confidence < DOUBTFUL or loudness_dbfs(pcm) < FAINT_DBFS


def collapse_repeats(words: list[Word]) -> list[Word]:
    """The words with every phrase on which the engine got stuck reduced to its first time.

    "No, no, no" is speech; the same phrase three times and six words in a row is not. Neither is a sentence that comes
    twice, when half of one copy has no time in the audio.
    """
    keys = [re.sub(r"\W", "", word.text.lower()) for word in words]
    kept: list[Word] = []
    index = 0
    while index < len(words):
        for length in range(1, LONGEST_PHRASE_WORDS + 1):
            times = _times(keys, index, length)
            after = index + times * length
            if _is_stuck(words[index:after], times, length):
                kept.extend(words[index : index + length])
                # The alignment spreads the sound over all copies.
                kept[-1] = replace(kept[-1], end_ms=words[after - 1].end_ms)
                index = after
                break
        else:
            kept.append(words[index])
            index += 1
    return kept


def _is_stuck(run: list[Word], times: int, length: int) -> bool:
    if times >= STUCK_TIMES and times * length >= STUCK_WORDS:
        return True
    timeless = sum(word.end_ms == word.start_ms for word in run)
    return times > 1 and length >= SENTENCE_WORDS and timeless * 2 >= length


def within_the_speech(words: list[Word]) -> list[Word]:
    """The words without a tail that no sound belongs to.

    After the last sound Whisper sometimes says a sentence again; the alignment then has no time left to give to it. A
    single last word without time may be a real one that was cut short.
    """
    heard = len(words)
    while heard > 0 and words[heard - 1].end_ms - words[heard - 1].start_ms == 0:
        heard -= 1
    return words[:heard] if len(words) - heard >= TIMELESS_WORDS else words


def _times(keys: list[str], start: int, length: int) -> int:
    """How often the phrase of that length at start follows itself, itself included."""
    phrase = keys[start : start + length]
    times = 1
    while keys[start + times * length : start + (times + 1) * length] == phrase:
        times += 1
    return times
