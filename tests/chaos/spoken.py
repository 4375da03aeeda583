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
# Whoever writes a stretch twice writes more words than were said; recognisers invent a few.
MOST_SHARE = 1.15
FEW_WORDS = 3
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


def _missing(turn: dict[str, Any], segments: Sequence[dict[str, Any]], began_ms: int) -> Missing | None:
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
    wanted = min(LEAST_SHARE * said.total(), said.total() - 1) * (1 - excused)
    # Words are not spread evenly over a turn, so at the edge of a gap two may be missing.
    if excused > 0:
        wanted -= 2
    if (said & written).total() >= wanted:
        return None
    return Missing(turn["speaker"], start_ms, end_ms, turn["text"], heard, round(excused, 2))


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
