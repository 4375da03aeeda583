"""What a question asks for, told by its words: the kind of answer, the insights that it names, whom it names."""

import re
from dataclasses import dataclass
from typing import Literal

from ai import amounts
from ai.language import content_words
from ai.schemas import InsightKind

Want = Literal["money", "number", "time", "person"]

_WANTS: tuple[tuple[Want, re.Pattern[str]], ...] = (
    (
        "money",
        re.compile(
            r"\bhow much (?:is|are|was|does|do|did|would|will|money)\b|\b(?:what|which) (?:\w+ ){0,4}(?:price|cost|costs|fee|rent"
            r"|budget|discount|salary|wage|rate|charges?|pays?|paid|quotes?)\b|\b(?:price|cost|fee|rent|salary) (?:of|for)\b",
            re.IGNORECASE,
        ),
    ),
    (
        "number",
        re.compile(r"\bhow (?:many|much|big|large|long|far|old|fast|high|heavy|often|tall|wide)\b", re.IGNORECASE),
    ),
    (
        "time",
        re.compile(
            r"\bwhen\b|\b(?:what|which) (?:day|days|date|time|month|week|year|hour)s?\b|\b(?:by|until) when\b",
            re.IGNORECASE,
        ),
    ),
    (
        "person",
        re.compile(
            r"^\W*(?:and |so )?(?:who|whose|whom)\b|\bwhat(?:'s| is) (?:\w+ ){0,5}name\b|\bname of\b", re.IGNORECASE
        ),
    ),
)
_TIME = re.compile(
    r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|today|tomorrow|tonight|yesterday|weekend|summer|winter|spring|autumn|season"
    r"|(?:hour|day|week|month|year|minute)s?|morning|afternoon|evening|night|noon|o'clock|once|as soon as|until|after)\b",
    re.IGNORECASE,
)
# Somebody by name or by role: "Peter Collins", "my brother", "our auditor", "I".
_PERSON = re.compile(
    r"(?<![.?!] )(?<!^)\b[A-Z][a-z]+|\b(?:my|our|your|his|her|their|the) \w+|\b(?:i|he|she|they|we|you|nobody)\b"
)
_KINDS: tuple[tuple[InsightKind, re.Pattern[str]], ...] = (
    (
        "objection",
        re.compile(r"\bobject(?:s|ed|ion|ions|ing)?\b|\bcomplain\w*|\bconcerns?\b|\btoo expensive\b", re.IGNORECASE),
    ),
    (
        "do_not_call",
        re.compile(
            r"\b(?:not|never|stop)\b[^?]*\b(?:call|calling|phone|contact)(?:ed)?\b|\bdo.not.call\b", re.IGNORECASE
        ),
    ),
    ("next_step", re.compile(r"\bnext steps?\b|\bfollow.?ups?\b|\bto.?dos?\b|\baction items?\b", re.IGNORECASE)),
    ("commitment", re.compile(r"\bpromis\w+|\bcommit\w*", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class Question:
    """words: those that carry the meaning, lower case. wants: the kind of answer, None where any words may answer."""

    text: str
    words: tuple[str, ...]
    wants: Want | None
    kinds: frozenset[InsightKind]


def read(text: str) -> Question:
    plain = text.replace("\u2019", "'")
    wants = next((want for want, pattern in _WANTS if pattern.search(plain)), None)
    kinds = frozenset(kind for kind, pattern in _KINDS if pattern.search(plain))
    return Question(text, tuple(content_words(text)), wants, kinds)


def can_answer(wants: Want | None, text: str) -> bool:
    """Whether a turn holds anything of the wanted kind: a question for a price is not answered without a number."""
    if wants in ("money", "number"):
        return amounts.has_number(text) or any(letter.isdigit() for letter in text)
    if wants == "time":
        return _TIME.search(text) is not None or any(letter.isdigit() for letter in text)
    if wants == "person":
        return _PERSON.search(text) is not None
    return True
