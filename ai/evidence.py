"""What is known about turns that may answer: their closeness in meaning, the question's words in them, who is named."""

import math
import re
from collections.abc import Mapping, Sequence
from uuid import UUID

from ai import retrieval
from ai.language import sentences, words
from ai.models import IndexedCall, Insight
from ai.question import Question
from ai.retrieval import Place, Scope, Size

NOTHING: frozenset[str] = frozenset()
# What a company is by law; nobody asks for it by that.
_COMPANY_FORMS = frozenset(("ag", "bv", "co", "corp", "corporation", "gmbh", "inc", "llc", "llp", "ltd", "plc", "sa"))


class Marked:
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


class Meaning:
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


class Words:
    """Which share of the question's words a text holds; a rare word weighs more than a common one."""

    def __init__(self, question: Question, texts: Sequence[str], scope: Scope, searched: Size) -> None:
        self._stems = retrieval.stems([*question.words, *(word for text in texts for word in words(text))])
        self.wanted = frozenset(self._stems[word] for word in question.words if word in self._stems)
        counts = retrieval.frequencies(scope, sorted(self.wanted))
        self._weights = {stem: math.log(1 + searched.turns / (0.5 + counts[stem])) for stem in self.wanted}

    def in_text(self, text: str) -> frozenset[str]:
        return frozenset(self._stems[word] for word in words(text) if word in self._stems) & self.wanted

    def share(self, found: frozenset[str], besides: frozenset[str] = NOTHING) -> float:
        """All of it when the question has no telling word left: "Who objected?" asks for any objection.

        besides: words that are asked for elsewhere and count here neither way.
        """
        total = sum(self._weights[stem] for stem in self.wanted - besides)
        return sum(self._weights[stem] for stem in found - besides) / total if total else 1.0


def called_in(call: IndexedCall, question: Question) -> str:
    """The words by which the question names the call's lead: any of the name's, and the company's as a whole."""
    asked = words(question.text)
    name = [word for word in words(call.lead_name) if word in asked]
    company = [word for word in words(call.company) if word not in _COMPANY_FORMS]
    in_a_row = any(asked[start : start + len(company)] == company for start in range(len(asked)))
    return " ".join([*name, *company] if company and in_a_row else name)


def asking_share(text: str) -> float:
    """Which share of the sentences are questions; "There are seven of us. Is there a discount?" tells something too."""
    said = sentences(text)
    return sum(one.text.endswith("?") for one in said) / max(1, len(said))


def names_said(call: IndexedCall, question: Question) -> str:
    """The names in the question that the call says anywhere."""
    if not question.names:
        return ""
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(question.names)))})\b", re.IGNORECASE)
    return " ".join({match.group().lower() for said in call.turns for match in pattern.finditer(said["text"])})


def beside(known: Words, question: Question, named: frozenset[str]) -> frozenset[str]:
    """The names that need not be said near the answer; all must, where they are all that is asked for."""
    return named if question.kinds or known.wanted - named else NOTHING
