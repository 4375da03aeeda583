"""Card numbers that are spoken: in figures or in words, as recognisers write them, and over several utterances."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from compliance.redaction import REPLACEMENT, card_within, redact_cards

_ONES: Final = {
    name: str(value)
    for value, name in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))
} | {"oh": "0"}
_TEENS: Final = {
    name: str(value)
    for value, name in enumerate(
        (
            "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
        ),
        start=10,
    )
}  # fmt: skip
_TENS: Final = {
    name: str(value)
    for value, name in enumerate(
        ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), start=2
    )
}
_TIMES: Final = {"double": 2, "triple": 3, "treble": 3}
# Figures behind a plus sign are a telephone number.
_PIECE: Final = re.compile(
    rf"(?P<figures>(?<![\d+])\d+)"
    rf"|\b(?:(?P<times>{'|'.join(_TIMES)})[ -](?P<again>\d|{'|'.join(_ONES)})"
    rf"|(?P<tens>{'|'.join(_TENS)})(?:[ -](?P<unit>{'|'.join(_ONES)}))?"
    rf"|(?P<word>{'|'.join([*_TEENS, *_ONES])}))\b",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(r"(?:[\s,.;-]|\b(?:and|then|uh|um|dash)\b){0,8}", re.IGNORECASE)
# Whatever may stand there in what is typed too.
# Recognisers lose or mistake a digit now and then, and then no check digit is right. More digits than the first six and last four,
# the most of a number that may be kept (PCI DSS v4.0, requirement 3.5.1), are taken for one so soon behind a word for a card.
_MISHEARD_DIGITS_MIN: Final = 11
# Fewer may be a telephone number with its prefix, which begins with 0 or 1.
_NO_TELEPHONE_DIGITS_MIN: Final = 14
# What follows a number that was taken out with no word between: the rest of it, when it expires, its security code.
_REST_DIGITS: Final = range(3, 9)
_IS_AMOUNT: Final = re.compile(
    r"\W*(?:dollars?|bucks|euros?|pounds?|cents?|per ?cent|days?|weeks?|months?|years?|seats?|people|users?|a (?:week|month|year))\b",
    re.IGNORECASE,
)
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
# As digits sound; no other sentence has so many of these and of digits in a row.
_ALIKE: Final = ("for", "fore", "to", "too", "ate", "won")
_SOUND_ALIKE: Final = re.compile(
    rf"\b(?:(?:\d|{'|'.join([*_ONES, *_ALIKE])})\b[\s,.;-]*){{{_MISHEARD_DIGITS_MIN},}}", re.IGNORECASE
)
_MENTION: Final = re.compile(
    r"(?<!\bbusiness )\b(?:cards?|visa|master ?card|maestro|amex|american express)\b", re.IGNORECASE
)
_MENTIONED_WITHIN: Final = 80
_NO_OTHER_WORD: Final = re.compile(r"(?:[\W_]|\b(?:and|then|uh|um|dash)\b)*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Piece:
    digits: str
    start: int
    end: int


def redact_spoken_cards(text: str, *, is_asked_for: bool = False) -> str:
    """The text of speech with every card number in it replaced, misheard ones behind a word for a card as well.

    is_asked_for: somebody has spoken of a card just before.
    """
    text = redact_cards(text)
    pieces, copied = [], 0
    for run in _runs(text):
        taken = 0
        for first in range(len(run)):
            last = card_within([each.digits for each in run[first:]]) if first >= taken else 0
            if last:
                pieces += [text[copied : run[first].start], REPLACEMENT]
                copied, taken = run[first + last - 1].end, first + last
        if not taken and _is_misheard(text, run) and (is_asked_for or _is_spoken_of(text, run[0].start)):
            pieces += [text[copied : run[0].start], REPLACEMENT]
            copied = run[-1].end
    text = _without_sounds_alike("".join([*pieces, text[copied:]]), is_asked_for=is_asked_for)
    return _without_rests(text)


def speaks_of_card(text: str) -> bool:
    """Whether a card that one pays with is spoken of."""
    return _MENTION.search(text.replace(REPLACEMENT, "")) is not None


def _is_spoken_of(text: str, start: int) -> bool:
    return speaks_of_card(text[:start].replace(REPLACEMENT, "")[-_MENTIONED_WITHIN:])


def _is_misheard(text: str, run: Sequence[_Piece]) -> bool:
    """Whether it may be a card number that was not heard rightly: it is no amount, no years, no telephone number with its prefix, and
    no account."""
    size = sum(len(each.digits) for each in run)
    if size < _MISHEARD_DIGITS_MIN or (size < _NO_TELEPHONE_DIGITS_MIN and run[0].digits[0] in "01"):
        return False
    # Accounts begin with their country.
    return not _is_other_figure(text, run) and not text[: run[0].start][-1:].isalpha()


def _without_rests(text: str) -> str:
    pieces, copied = [], 0
    for run in _runs(text):
        before, number, between = text[copied : run[0].start].rpartition(REPLACEMENT)
        size = sum(len(each.digits) for each in run)
        follows = number and _BETWEEN.fullmatch(between) is not None
        if follows and size in _REST_DIGITS and not _is_other_figure(text, run):
            pieces += [before, number]
            copied = run[-1].end
    return "".join([*pieces, text[copied:]])


def _is_other_figure(text: str, run: Sequence[_Piece]) -> bool:
    """Whether it is years or an amount."""
    return all(_YEAR.fullmatch(each.digits) for each in run) or _IS_AMOUNT.match(text, run[-1].end) is not None


def _without_sounds_alike(text: str, *, is_asked_for: bool) -> str:
    def replaced(found: re.Match[str]) -> str:
        if not (is_asked_for or _is_spoken_of(text, found.start())):
            return found.group()
        said = found.group().rstrip(" ,.;-")
        return REPLACEMENT + found.group()[len(said) :]

    return _SOUND_ALIKE.sub(replaced, text)


def without_digits(text: str) -> str:
    """Where they are a part of a card number that goes on before or behind the text: those that no other word parts from its ends."""
    runs = list(_runs(text))
    ends = [0, *(end for run in runs for end in (run[0].start, run[-1].end)), len(text)]
    are_joined = [
        _NO_OTHER_WORD.fullmatch(text[start:end]) is not None for start, end in zip(ends[::2], ends[1::2], strict=True)
    ]
    pieces, copied = [], 0
    for number, run in enumerate(runs, start=1):
        if all(are_joined[:number]) or all(are_joined[number:]):
            pieces += [text[copied : run[0].start], REPLACEMENT]
            copied = run[-1].end
    return "".join([*pieces, text[copied:]])


def begins_with_digits(text: str) -> bool:
    """Whether a number that was begun before could go on here."""
    run = next(_runs(text), None)
    return run is not None and _BETWEEN.fullmatch(text[: run[0].start]) is not None


def began_before(earlier: Sequence[str], text: str, *, is_asked_for: bool = False) -> int:
    """How many of the utterances just before, the last ones, make a card number together with this text; 0 when they make none."""
    return next(
        (
            count
            for count in range(1, len(earlier) + 1)
            if are_a_card_together([*earlier[-count:], text], is_asked_for=is_asked_for)
        ),
        0,
    )


def are_a_card_together(texts: Sequence[str], *, is_asked_for: bool = False) -> bool:
    """Whether utterances that follow one another say a card number, or the rest of one, that none of them says alone. is_asked_for: as above."""
    redact = partial(redact_spoken_cards, is_asked_for=is_asked_for)
    return redact(" ".join(texts)) != " ".join(map(redact, texts))


def _runs(text: str) -> Iterator[list[_Piece]]:
    """Digits with nothing between them but what is said between the groups of a number."""
    run: list[_Piece] = []
    for found in _PIECE.finditer(text):
        if run and _BETWEEN.fullmatch(text[run[-1].end : found.start()]) is None:
            yield run
            run = []
        run.append(_Piece(_digits(found), *found.span()))
    if run:
        yield run


def _digits(found: re.Match[str]) -> str:
    said = {name: value.lower() for name, value in found.groupdict().items() if value}
    if "figures" in said:
        return said["figures"]
    if "times" in said:
        return _ONES.get(said["again"], said["again"]) * _TIMES[said["times"]]
    if "tens" in said:
        return _TENS[said["tens"]] + _ONES.get(said.get("unit", ""), "0")
    return {**_TEENS, **_ONES}[said["word"]]
