"""Who spoke how much: arithmetic on the tracks' speech times, no words needed."""

from collections.abc import Iterable, Sequence

from ai.schemas import TalkOut
from ai.turns import Turn

# Shorter words of agreement ("mm-hm", "right") take no floor and end nobody's monologue.
BACKCHANNEL_MS = 700
# Two people who start together, or one who starts on the other's last syllable, do not interrupt.
OVERLAP_MS_MIN = 300

Span = tuple[int, int]


def talk(turns: Sequence[Turn]) -> TalkOut:
    """What the strip of a call shows; overlapping speech counts for both, and as no silence."""
    agent = _union((turn.start_ms, turn.end_ms) for turn in turns if turn.speaker == "agent")
    callee = _union((turn.start_ms, turn.end_ms) for turn in turns if turn.speaker == "callee")
    both = _union([*agent, *callee])
    agent_ms, callee_ms = _length_ms(agent), _length_ms(callee)
    whole_ms = both[-1][1] - both[0][0] if both else 0
    return TalkOut(
        agent_ms=agent_ms,
        callee_ms=callee_ms,
        talk_ratio=round(agent_ms / (agent_ms + callee_ms), 4) if agent_ms + callee_ms else None,
        longest_monologue_ms=_longest_monologue_ms(turns),
        interruptions=_interruptions(turns),
        silence_ms=whole_ms - _length_ms(both),
    )


def _union(spans: Iterable[Span]) -> list[Span]:
    """The same time as disjoint spans in order."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _length_ms(spans: Iterable[Span]) -> int:
    return sum(end - start for start, end in spans)


def _longest_monologue_ms(turns: Sequence[Turn]) -> int:
    """From the first to the last word of one speaker without the other taking the floor."""
    longest, speaker, begun_ms = 0, None, 0
    for turn in sorted(turns, key=lambda turn: turn.start_ms):
        if turn.speaker != speaker:
            if speaker is not None and turn.end_ms - turn.start_ms < BACKCHANNEL_MS:
                continue
            speaker, begun_ms = turn.speaker, turn.start_ms
        longest = max(longest, turn.end_ms - begun_ms)
    return longest


def _interruptions(turns: Sequence[Turn]) -> int:
    """Turns that begin well inside the other's speech and take the floor."""
    ordered = sorted(turns, key=lambda turn: turn.start_ms)
    count = 0
    for place, turn in enumerate(ordered):
        if turn.end_ms - turn.start_ms < BACKCHANNEL_MS:
            continue
        count += any(
            other.speaker != turn.speaker
            and other.start_ms + OVERLAP_MS_MIN <= turn.start_ms <= other.end_ms - OVERLAP_MS_MIN
            for other in ordered[:place]
        )
    return count
