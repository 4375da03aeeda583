"""Choosing the words that answer a question, or deciding that the calls do not answer it. Nothing is written anew."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import chain
from uuid import UUID

import numpy as np
from django.db.models import Q

from ai import retrieval
from ai.embedding import Embedder, Vector
from ai.evidence import NOTHING, Marked, Meaning, Words, asking_share, beside, called_in, names_said
from ai.language import WORD, plain, words
from ai.models import IndexedCall, Insight
from ai.question import Question, can_answer, read
from ai.retrieval import Place, Scope, Size
from ai.turns import Speaker

QUOTES_MAX = 4
# Of insights that the question names by their kind, this many of the newest are looked at.
LINKED_MAX = 60


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a turn being the answer, each in about [0, 1].

    turn, window, before: cosine of the question with the turn, the closest passage around it, and the turn before.
    said, near, said_before: share of the question's words, by rarity, in the turn, in it and its neighbours, before it;
    the names that the call says anywhere are left out, since who answers seldom repeats them.
    call: the same share in the call's candidates and the lead's name and company, with every name that the call says.
    wrong_kind: a number, a time or a person is asked for and the turn has none.
    named, other_named: the question names this call's lead or its company, or another's.
    asking: the share of the turn's sentences that are questions; asked: the other side asked just before.
    length: 1 from twelve words on.
    kind: 1 where an insight of the kind that the question names links to the turn, -1 where none does; 0 when the
    question names no kind.
    """

    turn: float
    window: float
    before: float
    said: float
    near: float
    said_before: float
    call: float
    wrong_kind: float
    named: float
    other_named: float
    asking: float
    asked: float
    length: float
    kind: float


# Logistic regression over the questions in tests/ai/questions/calibration.json, made by tests/ai/calibrate.py.
_WEIGHTS = Signs(
    turn=4.19, window=2.76, before=2.65, said=1.96, near=0.64, said_before=-0.61, call=2.12, wrong_kind=-3.20,
    named=1.44, other_named=-2.54, asking=-2.31, asked=0.47, length=1.47, kind=1.70,
)  # fmt: skip
_BIAS = -9.28
# Below this nothing is quoted; in the calibration the threshold with most recall where four of five answers are right.
ANSWER_SCORE_MIN = 0.12
# Further quotes must reach this share of the best one's score.
OF_BEST_MIN = 0.1


@dataclass(frozen=True, slots=True)
class Candidate:
    """One turn and what speaks for it."""

    call_id: UUID
    place: int
    segment_id: UUID
    speaker: Speaker
    text: str
    signs: Signs

    @property
    def score(self) -> float:
        """How likely it is that the turn answers, [0, 1]."""
        weighed = sum(weight * sign for weight, sign in zip(astuple(_WEIGHTS), astuple(self.signs), strict=True))
        return 1 / (1 + math.exp(-(weighed + _BIAS)))


@dataclass(frozen=True, slots=True)
class Answer:
    """quotes: best first; none means "not in your calls"."""

    quotes: tuple[Candidate, ...]
    searched: Size


def answer(text: str, *, scope: Scope, embedder: Embedder) -> Answer:
    searched = retrieval.size(scope)
    ranked = sorted(candidates(text, scope=scope, searched=searched, embedder=embedder), key=lambda one: -one.score)
    best = ranked[0].score if ranked else 0.0
    if best < ANSWER_SCORE_MIN:
        return Answer((), searched)
    return Answer(tuple(one for one in ranked[:QUOTES_MAX] if one.score >= best * OF_BEST_MIN), searched)


def candidates(text: str, *, scope: Scope, searched: Size, embedder: Embedder) -> list[Candidate]:
    """The turns that may answer, with their signs, in no order."""
    if not searched.passages:
        return []
    question = read(text)
    vector = _meaning_of(question, embedder)
    linked = _linked(question, scope)
    places = retrieval.places(scope, vector=vector, words=question.words)
    near = {call for call, _ in places} | {insight.indexed_call_id for insight in linked}
    calls = {call.id: call for call in IndexedCall.objects.for_workspace(scope.workspace_id).filter(id__in=near)}
    marked = Marked(linked, calls)
    places = [
        (call, turn)
        for call, turn in dict.fromkeys([*places, *marked.places])
        if call in calls and turn < len(calls[call].turns)
    ]
    if not places:
        return []
    meaning = Meaning(retrieval.windows_near(scope, vector=vector, near=places))
    return _weigh(question, places, calls, meaning, marked, scope, searched)


def _meaning_of(question: Question, embedder: Embedder) -> Vector:
    """The mean of the question with its names and without: the cosine with it is the mean of both cosines.

    A name fills much of a short question's meaning, and the turn that answers seldom says it.
    """
    vector = embedder.embed(question.text)
    return (vector + embedder.embed(question.nameless)) * np.float32(0.5) if question.names else vector


def _linked(question: Question, scope: Scope) -> list[Insight]:
    """The newest insights of the kinds that the question names, and those that tell of what it asks about."""
    if not question.kinds and not question.told_of:
        return []
    condition = {
        "indexed_call__user_id": scope.user_id,
        "indexed_call__lead_id": scope.lead_id,
        "indexed_call__started_at__gte": scope.since,
        "indexed_call__started_at__lt": scope.until,
    }
    visible = Insight.objects.for_workspace(scope.workspace_id).filter(
        **{name: value for name, value in condition.items() if value is not None}
    )
    wanted = Q(kind__in=question.kinds)
    for name in question.told_of:
        wanted |= Q(kind="objection", text__startswith=f"{name}: ")
    of_kind = visible.filter(wanted).order_by("-indexed_call__started_at", "rank")
    return [] if scope.nothing else list(of_kind[:LINKED_MAX])


def _weigh(
    question: Question,
    places: Sequence[Place],
    calls: Mapping[UUID, IndexedCall],
    meaning: Meaning,
    marked: Marked,
    scope: Scope,
    searched: Size,
) -> list[Candidate]:
    around = {(call, turn + step) for call, turn in places for step in (-1, 0, 1)}
    turns = {(call, turn): calls[call].turns[turn] for call, turn in around if 0 <= turn < len(calls[call].turns)}
    texts = {
        (call, turn): f"{said['text']} {marked.said(call, said['segment_id']) or ''}"
        for (call, turn), said in turns.items()
    }
    called = {call.id: called_in(call, question) for call in calls.values()}
    known = Words(question, [*texts.values(), *called.values(), *question.names], scope, searched)
    found = {place: known.in_text(text) for place, text in texts.items()}
    anybody_named = any(called.values())
    besides = {
        call.id: beside(known, question, known.in_text(f"{called[call.id]} {names_said(call, question)}"))
        for call in calls.values()
    }
    in_call = {
        call: besides[call].union(*(stems for place, stems in found.items() if place[0] == call)) for call in calls
    }
    weighed = []
    for call, turn in places:
        said, before = turns[call, turn], turns.get((call, turn - 1))
        close, closest, close_before = meaning.of((call, turn))
        near = NOTHING.union(*(found.get((call, turn + step), NOTHING) for step in (-1, 0, 1)))
        is_marked = marked.said(call, said["segment_id"]) is not None
        signs = Signs(
            turn=close,
            window=closest,
            before=close_before,
            said=known.share(found[call, turn], besides[call]),
            near=known.share(near, besides[call]),
            said_before=known.share(found.get((call, turn - 1), NOTHING), besides[call]),
            call=known.share(in_call[call]),
            wrong_kind=float(not can_answer(question.wants, said["text"])),
            named=float(bool(called[call])),
            other_named=float(anybody_named and not called[call]),
            asking=asking_share(said["text"]),
            asked=float(before is not None and before["text"].rstrip().endswith("?")),
            length=min(1.0, len(words(said["text"])) / 12),
            kind=(1.0 if is_marked else -1.0) if question.kinds else 0.0,
        )
        weighed.append(
            Candidate(calls[call].call_id, turn, UUID(said["segment_id"]), said["speaker"], said["text"], signs)
        )
    return weighed


def highlights(quoted: Sequence[tuple[str, str]]) -> list[list[tuple[int, int]]]:
    """Where each quote says its question's words, in any form: start and end of each, end exclusive.

    quoted: text and question of each. The dictionary is asked once for all of them.
    """
    asked = {question: read(question).words for _, question in quoted}
    spans = [
        [(match.start(), match.end(), plain(match.group())) for match in WORD.finditer(text)] for text, _ in quoted
    ]
    said = (word for row in spans for _, _, word in row)
    stems = retrieval.stems([*chain.from_iterable(asked.values()), *said]) if quoted else {}
    wanted = {question: {stems[word] for word in words if word in stems} for question, words in asked.items()}
    return [
        [(start, end) for start, end, word in row if stems.get(word) in wanted[question]]
        for row, (_, question) in zip(spans, quoted, strict=True)
    ]
