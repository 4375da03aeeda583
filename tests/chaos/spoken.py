"""What was said in a call, held against what was written down."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ai.listening.wer import spoken_words

# Of a turn's words that no gap excuses, so many must have been recognised. The least that was seen of a shipped call, beside kills
# and an attack on a machine with far too much to do, is 0.81, and one word of a short turn; of a whole call 0.95.
LEAST_SHARE = 0.75
# And of those of a whole call: 0.97 beside the kills that leave a gap. Without every tenth word it is 0.88 at most, and most turns still
# have enough of theirs.
LEAST_SHARE_OF_CALL = 0.93
# Whoever writes a stretch twice writes more words than were said; recognisers invent a few.
MOST_SHARE = 1.15
FEW_WORDS = 3
# Words are not spread evenly over a turn, so at the edge of a gap so many may be missing.
MISSING_AT_EDGE = 2
# A recognised turn may begin and end a little beside its words.
SLACK_MS = 1_200


@dataclass(frozen=True, slots=True)
class Missing:
    """A turn of which too little was written down although no gap says so."""

    speaker: str
    start_ms: int
    end_ms: int
    text: str
    heard: str
    excused_share: float


def missing_turns(
    turns: Sequence[dict[str, Any]], segments: Sequence[dict[str, Any]], *, began_ms: int
) -> list[Missing]:
    """The turns that were neither recognised nor lie in a marked gap. began_ms: the dialogue's begin in call time."""
    return [found for turn in turns if (found := _missing(turn, segments, began_ms)) is not None]


def share_written(turns: Sequence[dict[str, Any]], segments: Sequence[dict[str, Any]], *, began_ms: int) -> float:
    """In [0, 1]: of all words that lie in no marked gap, those that were recognised beside where they were said."""
    compared = [_compared(turn, segments, began_ms) for turn in turns]
    return sum(min(each.found, each.wanted) for each in compared) / sum(each.wanted for each in compared)


def written_twice(turns: Sequence[dict[str, Any]], segments: Sequence[dict[str, Any]]) -> list[str]:
    """Of each speaker the lines that stand beside the same one, and how many words there are, where those are more than were said."""
    found = []
    speech = sorted((each for each in segments if each["kind"] == "speech"), key=lambda each: int(each["start_ms"]))
    for speaker in ("agent", "callee"):
        said = [word for turn in turns if turn["speaker"] == speaker for word in spoken_words(turn["text"])]
        lines = [spoken_words(each["text"]) for each in speech if each["speaker"] == speaker]
        found += [" ".join(line) for before, line in pairwise(lines) if before == line and len(line) >= FEW_WORDS]
        written = sum(len(line) for line in lines)
        if written > MOST_SHARE * len(said) + FEW_WORDS:
            found.append(f"{speaker}: {written} words of {len(said)}")
    return found


@dataclass(frozen=True, slots=True)
class _Compared:
    """A turn of so many words and what was written down beside it, in which so many of them are found.

    excused_share: of its time, how much lies in gaps. wanted: of its words, how many lie in none.
    """

    heard: str
    words: int
    found: int
    excused_share: float

    @property
    def at_edge(self) -> int:
        return MISSING_AT_EDGE if self.excused_share > 0 else 0

    @property
    def wanted(self) -> float:
        return max(0.0, self.words * (1 - self.excused_share) - self.at_edge)


def _missing(turn: dict[str, Any], segments: Sequence[dict[str, Any]], began_ms: int) -> Missing | None:
    compared = _compared(turn, segments, began_ms)
    wanted = min(LEAST_SHARE * compared.words, compared.words - 1) * (1 - compared.excused_share) - compared.at_edge
    if compared.found >= wanted:
        return None
    start_ms, end_ms = turn["start_ms"] + began_ms, turn["end_ms"] + began_ms
    excused = round(compared.excused_share, 2)
    return Missing(turn["speaker"], start_ms, end_ms, turn["text"], compared.heard, excused)


def _compared(turn: dict[str, Any], segments: Sequence[dict[str, Any]], began_ms: int) -> _Compared:
    start_ms, end_ms = turn["start_ms"] + began_ms, turn["end_ms"] + began_ms
    heard = " ".join(
        segment["text"]
        for segment in segments
        if segment["kind"] == "speech"
        and segment["speaker"] == turn["speaker"]
        and segment["start_ms"] < end_ms + SLACK_MS
        and segment["end_ms"] > start_ms - SLACK_MS
    )
    gaps = [(segment["start_ms"], segment["end_ms"]) for segment in segments if segment["kind"] == "gap"]
    excused = _covered_ms(gaps, start_ms, end_ms) / (end_ms - start_ms)
    said, written = Counter(spoken_words(turn["text"])), Counter(spoken_words(heard))
    return _Compared(heard, said.total(), (said & written).total(), excused)


def _covered_ms(stretches: Iterable[tuple[int, int]], start_ms: int, end_ms: int) -> int:
    covered, reached = 0, start_ms
    for begin, end in sorted(stretches):
        begin, end = max(begin, reached), min(end, end_ms)
        if end > begin:
            covered += end - begin
            reached = end
    return covered


def gap_ms(segments: Sequence[dict[str, Any]]) -> int:
    """How much of the call the marked gaps cover together."""
    gaps = [(segment["start_ms"], segment["end_ms"]) for segment in segments if segment["kind"] == "gap"]
    return _covered_ms(gaps, 0, 10_000_000)
