"""English as it is spoken on the phone and written by a recogniser: sentences, words, questions."""

import re
from dataclasses import dataclass

_SENTENCE = re.compile(r"[^.?!]+(?:[.,]\d[^.?!]*)*(?:[.?!]+|$)")
# Abbreviations whose full stop ends no sentence.
_SHORT = re.compile(r"\b(?:mr|mrs|ms|dr|st|no|e\.g|i\.e)\.\s*$", re.IGNORECASE)
WORD = re.compile(r"[A-Za-z0-9]+(?:['\u2019][a-z]+)?")

# Words that frame a question or a sales call and say nothing of what is asked for.
_FRAME = """
a about after again ago all also am an and any anybody anyone anything are as ask asked asks at be
because been before but by call called caller calls can could customer customers did do does doing
done each else ever every everybody everyone for from get gets got had has have he her here him his
how i if in into is it its just last lead leads long many may me mention mentioned might much must
my no nobody not now of off often on or other our out over own please said say says shall she should
so some somebody someone something speak spoke talk talked tell than that the their them then there
these they thing things this those to told too until up us very was we were what when where which
who whom whose why will with would yes you your
"""
FRAME_WORDS = frozenset(_FRAME.split())

_ASKS = re.compile(
    r"^(?:(?:and|but|so|okay|ok|well|um|uh|right|yes|no|then|also)[, ]+)*"
    r"(?:how|what|when|where|who|whose|which|why|can|could|do|does|did|is|are|was|will|would|should|have|has)"
    r"(?:n['\u2019]t)? (?:\w+ )?(?:i|you|we|they|he|she|it|that|this|there|the|your|our|their|my|is|are|do|does|did"
    r"|much|many|long|would|will|can|about|happens)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a text. start, end: character offsets in that text, end exclusive."""

    text: str
    start: int
    end: int


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text in order, blank ones dropped; decimals and titles do not end one."""
    found: list[Sentence] = []
    held = 0
    for match in _SENTENCE.finditer(text):
        if match.end() < len(text) and _SHORT.search(text[held : match.end()]):
            continue
        piece = text[held : match.end()]
        stripped = piece.strip()
        if stripped:
            start = held + piece.index(stripped)
            found.append(Sentence(stripped, start, start + len(stripped)))
        held = match.end()
    return found


def words(text: str) -> list[str]:
    """Lower-case words and numbers; a possessive 's is cut off."""
    return [plain(match.group()) for match in WORD.finditer(text)]


def plain(word: str) -> str:
    return word.lower().replace("\u2019", "'").removesuffix("'s")


def content_words(text: str) -> list[str]:
    """The words that carry the meaning, each once, in order."""
    return list(dict.fromkeys(word for word in words(text) if word not in FRAME_WORDS and len(word) > 1))


def asks(sentence: str) -> bool:
    """Whether a sentence is a question, with or without the mark that recognisers forget."""
    stripped = sentence.strip()
    return stripped.endswith("?") or _ASKS.match(stripped) is not None
