"""Choosing the words that answer a question, or deciding that the calls do not answer it. Nothing is written anew."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from uuid import UUID

from ai import retrieval
from ai.embedding import Embedder
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
    said, near, said_before: share of the question's words, by rarity, in the turn, in it and its neighbours, before it.
    call: the same share in the call's candidates and the lead's name.
    wrong_kind: a number, a time or a person is asked for and the turn has none.
    named, other_named: the question names this call's lead, or another's.
    asking: the turn is a question itself; asked: the other side asked just before. length: 1 from twelve words on.
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
    turn=2.68, window=3.01, before=1.48, said=1.97, near=1.69, said_before=-1.00, call=2.12, wrong_kind=-2.45,
    named=0.97, other_named=-1.89, asking=-0.82, asked=0.64, length=2.19, kind=2.25,
)  # fmt: skip
_BIAS = -9.68
# Below this nothing is quoted; the threshold with the best balance of precision and recall in the calibration.
ANSWER_SCORE_MIN = 0.11
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
    vector = embedder.embed(text)
    linked = _linked(question, scope)
    places = retrieval.places(scope, vector=vector, words=question.words)
    near = {call for call, _ in places} | {insight.indexed_call_id for insight in linked}
    calls = {call.id: call for call in IndexedCall.objects.for_workspace(scope.workspace_id).filter(id__in=near)}
    marked = _Marked(linked, calls)
    places = [
        (call, turn)
        for call, turn in dict.fromkeys([*places, *marked.places])
        if call in calls and turn < len(calls[call].turns)
    ]
    if not places:
        return []
    meaning = _Meaning(retrieval.windows_near(scope, vector=vector, near=places))
    return _weigh(question, places, calls, meaning, marked, scope, searched)


def _linked(question: Question, scope: Scope) -> list[Insight]:
    """The newest insights of the kinds that the question names."""
    if not question.kinds:
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
    of_kind = visible.filter(kind__in=question.kinds).order_by("-indexed_call__started_at", "rank")
    return [] if scope.nothing else list(of_kind[:LINKED_MAX])


class _Marked:
    """The turns that insights of the asked kind link to, and what these say."""

    def __init__(self, linked: Sequence[Insight], calls: Mapping[UUID, IndexedCall]) -> None:
        self._said: dict[tuple[UUID, str], str] = {}
        for insight in linked:
            for segment_id in map(str, insight.segment_ids):
                key = insight.indexed_call_id, segment_id
                self._said[key] = f"{self._said.get(key, '')} {insight.text}"
        self.places = [
            (call.id, turn)
            for call in calls.values()
            for turn, said in enumerate(call.turns)
            if (call.id, said["segment_id"]) in self._said
        ]

    def said(self, call: UUID, segment_id: str) -> str | None:
        """ "Price: way too much" tells that the turn is about the price, which its own words do not."""
        return self._said.get((call, segment_id))


class _Meaning:
    """Similarities of the windows around the candidates."""

    def __init__(self, windows: Sequence[retrieval.Window]) -> None:
        self._single: dict[Place, float] = {}
        self._around: dict[Place, float] = {}
        for window in windows:
            if window.first_turn == window.last_turn:
                self._single[window.indexed_call_id, window.first_turn] = window.similarity
            for turn in range(window.first_turn, window.last_turn + 1):
                place = window.indexed_call_id, turn
                self._around[place] = max(self._around.get(place, -1.0), window.similarity)

    def of(self, place: Place) -> tuple[float, float, float]:
        """The turn, the closest window around it, the turn before."""
        single = self._single.get(place, 0.0)
        return single, self._around.get(place, single), self._single.get((place[0], place[1] - 1), 0.0)


class _Words:
    """Which share of the question's words a text holds; a rare word weighs more than a common one."""

    def __init__(self, question: Question, texts: Sequence[str], scope: Scope, searched: Size) -> None:
        self._stems = retrieval.stems([*question.words, *(word for text in texts for word in words(text))])
        self.wanted = frozenset(self._stems[word] for word in question.words if word in self._stems)
        counts = retrieval.frequencies(scope, sorted(self.wanted))
        self._weights = {stem: math.log(1 + searched.turns / (0.5 + counts[stem])) for stem in self.wanted}
        self._total = sum(self._weights.values())

    def in_text(self, text: str) -> frozenset[str]:
        return frozenset(self._stems[word] for word in words(text) if word in self._stems) & self.wanted

    def share(self, found: frozenset[str]) -> float:
        """All of it when the question has no telling word left: "Who objected?" asks for any objection."""
        return sum(self._weights[stem] for stem in found) / self._total if self._total else 1.0


def _weigh(
    question: Question,
    places: Sequence[Place],
    calls: Mapping[UUID, IndexedCall],
    meaning: _Meaning,
    marked: _Marked,
    scope: Scope,
    searched: Size,
) -> list[Candidate]:
    around = {(call, turn + step) for call, turn in places for step in (-1, 0, 1)}
    turns = {(call, turn): calls[call].turns[turn] for call, turn in around if 0 <= turn < len(calls[call].turns)}
    texts = {
        (call, turn): f"{said['text']} {marked.said(call, said['segment_id']) or ''}"
        for (call, turn), said in turns.items()
    }
    names = {call.id: frozenset(words(call.lead_name)) for call in calls.values()}
    known = _Words(question, [*texts.values(), *(call.lead_name for call in calls.values())], scope, searched)
    found = {place: known.in_text(text) for place, text in texts.items()}
    asked_names = frozenset(words(question.text)) & frozenset().union(*names.values())
    named_stems = {call.id: known.in_text(call.lead_name) for call in calls.values()}
    in_call = {
        call: named_stems[call].union(*(stems for place, stems in found.items() if place[0] == call)) for call in calls
    }
    nothing: frozenset[str] = frozenset()
    weighed = []
    for call, turn in places:
        said, before = turns[call, turn], turns.get((call, turn - 1))
        close, closest, close_before = meaning.of((call, turn))
        near = named_stems[call].union(*(found.get((call, turn + step), nothing) for step in (-1, 0, 1)))
        is_marked = marked.said(call, said["segment_id"]) is not None
        signs = Signs(
            turn=close,
            window=closest,
            before=close_before,
            said=known.share(found[call, turn]),
            near=known.share(near),
            said_before=known.share(found.get((call, turn - 1), nothing)),
            call=known.share(in_call[call]),
            wrong_kind=float(not can_answer(question.wants, said["text"])),
            named=float(bool(asked_names & names[call])),
            other_named=float(bool(asked_names) and not asked_names & names[call]),
            asking=float(said["text"].rstrip().endswith("?")),
            asked=float(before is not None and before["text"].rstrip().endswith("?")),
            length=min(1.0, len(words(said["text"])) / 12),
            kind=(1.0 if is_marked else -1.0) if question.kinds else 0.0,
        )
        weighed.append(
            Candidate(calls[call].call_id, turn, UUID(said["segment_id"]), said["speaker"], said["text"], signs)
        )
    return weighed


def highlights(text: str, question: str) -> list[tuple[int, int]]:
    """Where a quote says the question's words, in any form: start and end of each, end exclusive."""
    asked = read(question).words
    spans = [(match.start(), match.end(), plain(match.group())) for match in WORD.finditer(text)]
    stems = retrieval.stems([*asked, *(word for _, _, word in spans)])
    wanted = {stems[word] for word in asked if word in stems}
    return [(start, end) for start, end, word in spans if stems.get(word) in wanted]
