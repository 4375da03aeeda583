"""What was understood of one call, by rules: every statement is the very words of the segments that it links to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from ai import amounts, cues, dates, keyphrases
from ai.language import asks, content_words, sentences
from ai.schemas import InsightKind
from ai.turns import CallTurns, Speaker, Turn

# How sure a rule is, from reading what it found in the made calls of the tests; dates and money are told by form.
_SURE, _LIKELY, _POSSIBLE = 0.9, 0.75, 0.5
PER_KIND_MAX = 12
# Signs of one mood must lead by this many; a single "that helps" is no mood.
SENTIMENT_LEAD = 2


@dataclass(frozen=True, slots=True)
class Draft:
    """One statement before it is stored; fields as in schemas.InsightOut."""

    kind: InsightKind
    text: str
    segment_ids: tuple[UUID, ...]
    start_ms: int
    confidence: float
    owner: Speaker | None = None
    due_on: date | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """One sentence of one turn. place: the turn's position; text: with plain apostrophes."""

    place: int
    turn: Turn
    text: str

    def draft(self, kind: InsightKind, confidence: float, text: str | None = None) -> Draft:
        return Draft(kind, text or self.text, (self.turn.segment_id,), self.turn.start_ms, confidence)


def derive(call: CallTurns) -> list[Draft]:
    """All statements about a call, by kind and then by time. An empty call has none."""
    turns = call.turns
    said = [
        _Said(place, turn, sentence.text.replace("\u2019", "'"))
        for place, turn in enumerate(turns)
        for sentence in sentences(turn.text)
    ]
    refusals = [line.draft("do_not_call", _SURE) for line in said if _by_callee(line) and cues.refuses_calls(line.text)]
    objections = list(_objections(said))
    prices = [line.draft("price", _SURE) for line in said if _names_a_price(line.text)]
    steps = _merged(list(_next_steps(said, turns, call.held_on)))
    promised = {segment for step in steps for segment in step.segment_ids}
    commitments = [draft for draft in _commitments(said, call.held_on) if draft.segment_ids[0] not in promised]
    questions = [
        line.draft("question", _LIKELY) for line in said if _by_callee(line) and _is_telling_question(line.text)
    ]
    found = [refusals, steps, objections, prices, commitments, questions]
    marks = [draft for drafts in (refusals, steps, objections, prices) for draft in drafts]
    return [
        *_summary(turns, marks),
        *(draft for drafts in found for draft in drafts[:PER_KIND_MAX]),
        *_topics(call),
        *_sentiment(said),
    ]


def _by_callee(line: _Said) -> bool:
    return line.turn.speaker == "callee"


def _names_a_price(text: str) -> bool:
    return amounts.has_money(text) or (
        amounts.PERCENT.search(text) is not None and ("discount" in text.lower() or " off" in text.lower())
    )


def _is_telling_question(text: str) -> bool:
    return asks(text) and len(text.split()) >= 3 and not cues.SMALL_TALK.match(text)


def _objections(said: Sequence[_Said]) -> Iterator[Draft]:
    for line in said:
        if not _by_callee(line) or asks(line.text) or cues.refuses_calls(line.text):
            continue
        for name, pattern in cues.OBJECTIONS.items():
            if pattern.search(line.text):
                yield line.draft("objection", _LIKELY, f"{name}: {line.text}")
                break


def _next_steps(said: Sequence[_Said], turns: Sequence[Turn], on: date) -> Iterator[Draft]:
    """Promises of an action, requests for one, and offers that the other side accepts at once."""
    for line in said:
        if not cues.ACTION.search(line.text) or cues.refuses_calls(line.text):
            continue
        dated = _dated(line, on)
        if cues.PROMISE.search(line.text) and not asks(line.text) and not _is_conditional(line.text):
            if not cues.REFUSAL.search(line.text):
                yield replace(dated, confidence=_LIKELY, owner=line.turn.speaker)
        elif cues.REQUEST.search(line.text) and not cues.POSITIVE.match(line.text):
            yield replace(dated, confidence=_LIKELY, owner=_other(line.turn.speaker))
        elif cues.OFFER.search(line.text) and asks(line.text):
            answer = turns[line.place + 1] if line.place + 1 < len(turns) else None
            if answer and answer.speaker != line.turn.speaker and cues.ACCEPTANCE.match(answer.text):
                yield replace(
                    dated,
                    confidence=_POSSIBLE,
                    owner=line.turn.speaker,
                    segment_ids=(*dated.segment_ids, answer.segment_id),
                )


def _dated(line: _Said, on: date) -> Draft:
    """A next step with the last date that its sentence names: "I send it today and call on Thursday" ends on Thursday."""
    named = dates.find(line.text, on=on)
    return replace(line.draft("next_step", _LIKELY), due_on=max((said.due_on for said in named), default=None))


def _is_conditional(text: str) -> bool:
    return text.lower().startswith("if ") or " if you " in text.lower()


def _other(speaker: Speaker) -> Speaker:
    return "callee" if speaker == "agent" else "agent"


def _merged(steps: list[Draft]) -> list[Draft]:
    """One statement for a request and the promise that answers it: same owner, same day, a telling word in common."""
    kept: list[Draft] = []
    for step in steps:
        for place, earlier in enumerate(kept):
            alike = earlier.owner == step.owner and earlier.due_on == step.due_on
            if alike and set(content_words(earlier.text)) & set(content_words(step.text)) and step.due_on:
                kept[place] = replace(
                    step,
                    segment_ids=tuple(dict.fromkeys(earlier.segment_ids + step.segment_ids)),
                    start_ms=earlier.start_ms,
                    confidence=_SURE,
                )
                break
        else:
            kept.append(step)
    return kept


def _commitments(said: Sequence[_Said], on: date) -> Iterator[Draft]:
    """Promises of something other than an action after the call: a price held, a term, a guarantee."""
    for line in said:
        if cues.PROMISE.search(line.text) and not asks(line.text) and not cues.REFUSAL.search(line.text):
            named = dates.find(line.text, on=on)
            yield replace(
                line.draft("commitment", _POSSIBLE if _is_conditional(line.text) else _LIKELY),
                owner=line.turn.speaker,
                due_on=max((said.due_on for said in named), default=None),
            )


def _topics(call: CallTurns) -> Iterator[Draft]:
    for phrase, places in keyphrases.topics(call.turns, call.lead_name):
        segment_ids = tuple(call.turns[place].segment_id for place in places)
        yield Draft("topic", phrase, segment_ids, call.turns[places[0]].start_ms, _POSSIBLE)


def _summary(turns: Sequence[Turn], marks: Sequence[Draft]) -> list[Draft]:
    """The turns that carry most of the call, quoted in order; none when nothing stands out."""
    place_of = {turn.segment_id: place for place, turn in enumerate(turns)}
    weights: dict[int, float] = {}
    for mark in marks:
        place = place_of[mark.segment_ids[0]]
        weights[place] = weights.get(place, 0.0) + mark.confidence
    chosen = [turns[place] for place in keyphrases.gist(turns, weights)]
    if not chosen:
        return []
    text = "\n".join(f"{turn.speaker.capitalize()}: {turn.text}" for turn in chosen)
    return [Draft("summary", text, tuple(turn.segment_id for turn in chosen), chosen[0].start_ms, _POSSIBLE)]


def _sentiment(said: Sequence[_Said]) -> list[Draft]:
    """The callee's mood by words; "unclear" when the signs are few or even. A silent callee has none."""
    lines = [line for line in said if _by_callee(line)]
    if not lines:
        return []
    good = [line for line in lines if cues.POSITIVE.search(line.text) and not cues.NEGATIVE.search(line.text)]
    bad = [line for line in lines if cues.NEGATIVE.search(line.text) or cues.refuses_calls(line.text)]
    refused = any(cues.refuses_calls(line.text) for line in lines)
    if refused or len(bad) - len(good) >= SENTIMENT_LEAD:
        mood, evidence, confidence = "negative", bad, _LIKELY
    elif len(good) - len(bad) >= SENTIMENT_LEAD:
        mood, evidence, confidence = "positive", good, _LIKELY
    else:
        mood, evidence, confidence = "unclear", sorted([*good, *bad], key=lambda line: line.place), _POSSIBLE
    evidence = evidence or lines[-1:]
    segment_ids = tuple(dict.fromkeys(line.turn.segment_id for line in evidence))
    return [Draft("sentiment", mood, segment_ids, evidence[0].turn.start_ms, confidence)]
