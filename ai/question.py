"""What a question asks for, told by its words: the kind of answer, the insights that it names, whom it names."""

import re
from dataclasses import dataclass
from typing import Literal

from ai import amounts
from ai.language import FRAME_WORDS, WORD, content_words, plain
from ai.schemas import InsightKind

Want = Literal["contact", "colour", "money", "number", "time", "person"]

_W = r"(?:[\w'-]+ )"
# Who told something is known by who is speaking, and needs no name in the words.
_TELLS = (
    r"(?:said|says|told|tells|asked|asks|objected|objects|complained|complains|mentioned|mentions|found|finds|thinks"
    r"|thought|want|wants|wanted|doesn't|didn't|refused|needs|needed|likes|liked|raised|promised)"
)
# Most telling first: "what is the price per month" asks for money, not for a time.
_WANTS: tuple[tuple[Want, re.Pattern[str]], ...] = (
    ("contact", re.compile(r"\b(?:phone|telephone|mobile) number\b|\be-?mail address\b", re.IGNORECASE)),
    ("colour", re.compile(r"\b(?:what|which) colou?rs?\b", re.IGNORECASE)),
    (
        "money",
        re.compile(
            r"\bhow much (?:is|are|was|does|do|did|would|will|money)\b"
            rf"|\b(?:what|which) {_W}{{0,5}}(?:price|costs?|fee|rent|budget|discount|salary|wage|charges?|pays?|paid"
            r"|quotes?)\b|\b(?:price|cost|fee|rent|salary) (?:of|for)\b",
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
            rf"^\W*(?:and |so )?(?:who|whose|whom)\b(?! {_TELLS}\b)|\bwhat(?:'s| is) {_W}{{0,5}}name\b|\bname of\b",
            re.IGNORECASE,
        ),
    ),
)
_TIME = re.compile(
    r"\b(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|today|tomorrow|tonight|yesterday|weekend|summer|winter|spring|autumn|season"
    r"|(?:hour|day|week|month|year|minute)s?|morning|afternoon|evening|night|noon|o'clock|once|as soon as|until|after)\b",
    re.IGNORECASE,
)
_COLOUR = re.compile(
    r"\b(?:red|green|blue|yellow|orange|black|white|gr[ae]y|brown|pink|purple|silver|gold|beige|colou?rs?)\b",
    re.IGNORECASE,
)
_CONTACT = re.compile(r"@|\bat \w+ dot \w+|(?:\d[ -]?){5,}", re.IGNORECASE)
# Somebody by name or by relation: "Peter Collins", "my brother", "our auditor", "I".
_PERSON = re.compile(
    r"(?<![.?!] )(?<!^)\b[A-Z][a-z]+|\b(?:my|our|your|his|her|their) \w+|\b(?:i|he|she|they|we|you|nobody)\b"
)
_KINDS: tuple[tuple[InsightKind, re.Pattern[str]], ...] = (
    ("objection", re.compile(r"\bobject(?:s|ed|ion|ions|ing)?\b|\bcomplain\w*|\bconcern(?:s|ed)?\b", re.IGNORECASE)),
    (
        "do_not_call",
        re.compile(
            r"(?:not|n't|never)\b[^?]*\b(?:call|phone|contact)\w*[^?]*\b(?:again|any ?more|ever)\b|\bdo.not.call\b"
            r"|\bstop(?:ped)? (?:calling|phoning|contacting)(?: \w+)?|(?:not|n't|never) want(?:s|ed)? to be (?:called"
            r"|phoned|contacted)(?: (?:again|any ?more))?",
            re.IGNORECASE,
        ),
    ),
    (
        "next_step",
        re.compile(
            r"\bnext steps?\b|\bfollow.?ups?\b|\bto.?dos?\b|\baction items?\b|\bdid we agree\b(?: on| to)?|\bagreed (?:on|to)\b",
            re.IGNORECASE,
        ),
    ),
    ("commitment", re.compile(r"\bpromis\w+|\bcommit\w*", re.IGNORECASE)),
)
# What a question calls by its kind and speech never does: nobody says "the competitor". It is found by the insights
# that tell of it, whose text begins with the objection's name.
_TOLD_OF: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "Competitor",
        re.compile(
            r"\b(?:competit(?:ors?|ion)|rivals?"
            r"|(?:an)?(?:other|current|present|existing|previous|former) (?:company|provider|supplier|vendor)(?:'s)?)\b",
            re.IGNORECASE,
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Question:
    """words: those that carry the meaning, lower case. wants: the kind of answer, None where any words may answer.

    names: the words that are written like a name, lower case, among `words`; nameless: the text with "they" in their
    place. told_of: the objections that the question
    asks about by their name, which is among `words` instead of what the question calls them.
    kinds: the insights that the question names; the words that name them are not among `words`, since nobody who
    objects says "I object".
    """

    text: str
    words: tuple[str, ...]
    names: frozenset[str]
    nameless: str
    told_of: frozenset[str]
    wants: Want | None
    kinds: frozenset[InsightKind]


def read(text: str) -> Question:
    plain_text = text.replace("\u2019", "'")
    wants = next((want for want, pattern in _WANTS if pattern.search(plain_text)), None)
    kinds = frozenset(kind for kind, pattern in _KINDS if pattern.search(plain_text))
    if "commitment" in kinds:
        kinds |= {"next_step"}
    rest = plain_text
    for _, pattern in _KINDS:
        rest = pattern.sub(" ", rest)
    told_of = frozenset(name for name, pattern in _TOLD_OF if pattern.search(rest))
    for name, pattern in _TOLD_OF:
        rest = pattern.sub(name.lower(), rest)
    kept = tuple(content_words(rest))
    names = _names(plain_text) & frozenset(kept)
    return Question(text, kept, names, _nameless(plain_text, names), told_of, wants, kinds)


def _nameless(text: str, names: frozenset[str]) -> str:
    if not names:
        return text
    name = rf"(?:{'|'.join(map(re.escape, sorted(names)))})"
    return re.sub(rf"\b{name}(?:(?: | & | and ){name})*\b", "they", text, flags=re.IGNORECASE)


def _names(text: str) -> frozenset[str]:
    """The words with a capital letter, but the first and those of the calendar."""
    return (
        frozenset(
            plain(match.group())
            for match in WORD.finditer(text)
            if match.start() and match.group()[0].isupper() and not _TIME.fullmatch(match.group())
        )
        - FRAME_WORDS
    )


def can_answer(wants: Want | None, text: str) -> bool:
    """Whether a turn holds anything of the wanted kind: a question for a price is not answered without a number."""
    if wants in ("money", "number"):
        return amounts.has_number(text) or any(letter.isdigit() for letter in text)
    if wants == "time":
        return _TIME.search(text) is not None or any(letter.isdigit() for letter in text)
    if wants == "contact":
        return _CONTACT.search(text) is not None
    if wants == "colour":
        return _COLOUR.search(text) is not None
    if wants == "person":
        return _PERSON.search(text) is not None
    return True
