"""Choosing the words that answer a question, or deciding that the calls do not answer it. Nothing is written anew."""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from uuid import UUID

from ai import retrieval
from ai.embedding import Embedder
from ai.language import WORD, plain, words
from ai.models import IndexedCall, Insight
from ai.question import Question, can_answer, read
from ai.retrieval import Place, Scope, Size
from ai.turns import Speaker

QUOTES_MAX = 5


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a turn being the answer, each in about [0, 1].

    turn, window, before: cosine of the question with the turn, the closest passage around it, and the turn before.
    said, near, said_before: share of the question's words, by rarity, in the turn, in it and its neighbours, before it.
    call: the same share in the call's candidates and the lead's name.
    wrong_kind: a number, a time or a person is asked for and the turn has none.
    named, other_named: the question names this call's lead, or another's.
    asking: the turn is a question itself; asked: the other side asked just before. length: 1 from twelve words on.
    kind: an insight of the kind that the question names links to the turn.
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
    turn=2.26, window=2.94, before=0.78, said=2.65, near=1.61, said_before=0.83, call=1.81, wrong_kind=-2.09, named=1.17,
    other_named=-1.28, asking=-2.52, asked=1.09, length=1.69, kind=2.0,
)  # fmt: skip
_BIAS = -8.94
# Below this nothing is quoted; the threshold with the best balance of precision and recall in the calibration.
ANSWER_SCORE_MIN = 0.14
# Further quotes must come near the best one.
_OF_BEST_MIN = 0.5


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
    floor = max(ANSWER_SCORE_MIN, best * _OF_BEST_MIN)
    return Answer(tuple(one for one in ranked[:QUOTES_MAX] if one.score >= floor), searched)


def candidates(text: str, *, scope: Scope, searched: Size, embedder: Embedder) -> list[Candidate]:
    """The turns that may answer, with their signs, in no order."""
    if not searched.passages:
        return []
    question = read(text)
    vector = embedder.embed(text)
    places = retrieval.places(scope, vector=vector, words=question.words)
    calls = {call.id: call for call in IndexedCall.objects.for_workspace(scope.workspace_id).filter(
        id__in={call for call, _ in places}
    )}  # fmt: skip
    places = [(call, turn) for call, turn in places if call in calls and turn < len(calls[call].turns)]
    if not places:
        return []
    return _weigh(
        question, places, calls, _Meaning(retrieval.windows_near(scope, vector=vector, near=places)), scope, searched
    )


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
        self._total = sum(self._weights.values()) or 1.0

    def in_text(self, text: str) -> frozenset[str]:
        return frozenset(self._stems[word] for word in words(text) if word in self._stems) & self.wanted

    def share(self, found: frozenset[str]) -> float:
        return sum(self._weights[stem] for stem in found) / self._total


def _weigh(
    question: Question,
    places: Sequence[Place],
    calls: dict[UUID, IndexedCall],
    meaning: _Meaning,
    scope: Scope,
    searched: Size,
) -> list[Candidate]:
    around = {(call, turn + step) for call, turn in places for step in (-1, 0, 1)}
    texts = {
        (call, turn): calls[call].turns[turn]["text"] for call, turn in around if 0 <= turn < len(calls[call].turns)
    }
    names = {call.id: frozenset(words(call.lead_name)) for call in calls.values()}
    known = _Words(question, [*texts.values(), *(call.lead_name for call in calls.values())], scope, searched)
    found = {place: known.in_text(text) for place, text in texts.items()}
    asked_names = frozenset(words(question.text)) & frozenset().union(*names.values())
    named_stems = {call.id: known.in_text(call.lead_name) for call in calls.values()}
    in_call = {
        call: named_stems[call].union(*(stems for place, stems in found.items() if place[0] == call)) for call in calls
    }
    marked = _marked(question, calls)
    nothing: frozenset[str] = frozenset()
    weighed = []
    for call, turn in places:
        said = calls[call].turns[turn]
        before = texts.get((call, turn - 1), "")
        close, closest, close_before = meaning.of((call, turn))
        near = named_stems[call].union(*(found.get((call, turn + step), nothing) for step in (-1, 0, 1)))
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
            asked=float(before.rstrip().endswith("?")),
            length=min(1.0, len(words(said["text"])) / 12),
            kind=float(said["segment_id"] in marked),
        )
        weighed.append(
            Candidate(calls[call].call_id, turn, UUID(said["segment_id"]), said["speaker"], said["text"], signs)
        )
    return weighed


def _marked(question: Question, calls: dict[UUID, IndexedCall]) -> frozenset[str]:
    """The segments that carry an insight of the kind that the question names."""
    if not question.kinds:
        return frozenset()
    linked = Insight.objects.filter(indexed_call__in=calls.values(), kind__in=question.kinds)
    return frozenset(str(segment) for ids in linked.values_list("segment_ids", flat=True) for segment in ids)


def highlights(text: str, question: str) -> list[tuple[int, int]]:
    """Where a quote says the question's words, in any form: start and end of each, end exclusive."""
    asked = read(question).words
    spans = [(match.start(), match.end(), plain(match.group())) for match in WORD.finditer(text)]
    stems = retrieval.stems([*asked, *(word for _, _, word in spans)])
    wanted = {stems[word] for word in asked if word in stems}
    return [(start, end) for start, end, word in spans if stems.get(word) in wanted]
