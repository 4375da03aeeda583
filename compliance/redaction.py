"""Card numbers in free text. They may only ever be at Paddle, so they are taken out before anything is stored."""

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Final

from pydantic import AfterValidator

REPLACEMENT: Final = "[card number removed]"
# What nobody sees, such as the marks of direction that are pasted with a number.
_UNSEEN: Final = r"[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]*+"
# A run of 13 digits and more, spoken or typed: up to three blanks or signs may stand between them. A leading plus sign makes it a
# telephone number.
_RUN: Final = re.compile(rf"(?<![\d+])\d(?:{_UNSEEN}(?:[\s.,/_\-\u2010-\u2015\u2212]{_UNSEEN}){{0,3}}\d){{12,}}")
# What stands between the digits of one number as most people write it; with anything else it may be a list of numbers.
_USUAL: Final = re.compile(r"(?:[ .-]?\d)*")
# As cards are printed: in fours, and those of fifteen and fourteen digits otherwise.
_PRINTED: Final = ([4, 6, 5], [4, 6, 4])
# The usual lengths first, so that an expiry date behind a number does not become part of it.
_LENGTHS: Final = (16, 15, 14, 13, 19, 18, 17)
_FIRST_DIGITS: Final = frozenset("23456")


def redact_cards(text: str) -> str:
    """The text with every card number in it replaced."""
    return _RUN.sub(lambda run: _redact_run(run.group()), text)


def card_free(*, length_max: int) -> AfterValidator:
    """For a field of free text that is stored: card numbers are out before anything else sees it.

    length_max: characters; what stands in a number's place may be longer than the number.
    """
    return AfterValidator(lambda text: redact_cards(text)[:length_max])


def is_card_number(digits: str) -> bool:
    """Whether a string of digits is as long as a card number, begins like one, and passes the Luhn check (ISO/IEC
    7812-1)."""
    if len(digits) not in _LENGTHS or digits[0] not in _FIRST_DIGITS or len(set(digits)) == 1:
        return False
    if digits[0] == "2" and not "2200" <= digits[:4] <= "2720":
        # It begins with a year.
        return False
    values = [int(digit) for digit in digits]
    return (sum(values[-1::-2]) + sum(sum(divmod(2 * value, 10)) for value in values[-2::-2])) % 10 == 0


def card_within(groups: Sequence[str]) -> int:
    """How many of these groups of digits, from the first on, make a card number; 0 when they make none."""
    ends = list(accumulate(len(each) for each in groups))
    digits = "".join(groups)
    return next(
        (ends.index(length) + 1 for length in _LENGTHS if length in ends and is_card_number(digits[:length])), 0
    )


def _redact_run(run: str) -> str:
    places = [index for index, character in enumerate(run) if character.isdecimal()]
    # Of any script.
    digits = "".join(str(int(run[place])) for place in places)
    # A number begins and ends where digits were set apart, or at the end of the run: not inside a longer number.
    starts = [i for i, place in enumerate(places) if i == 0 or place > places[i - 1] + 1]
    ends = {*(start for start in starts if start), len(digits)}
    pieces = []
    copied, taken = 0, 0
    for start in starts:
        found = (
            start + n
            for n in _LENGTHS
            if start + n in ends
            and is_card_number(digits[start : start + n])
            and _is_one_number(run[places[start] : places[start + n - 1] + 1])
        )
        end = next(found, 0) if start >= taken else 0
        if end:
            pieces += [run[copied : places[start]], REPLACEMENT]
            copied, taken = places[end - 1] + 1, end
    return "".join([*pieces, run[copied:]])


def _is_one_number(text: str) -> bool:
    """Whether digits that make a card number are one, and not a list of amounts, years or telephone numbers."""
    text = re.sub(_UNSEEN, "", text)
    # A line may end within one of the groups that are printed.
    return _USUAL.fullmatch(text) is not None or any(map(_is_printed, (text, re.sub(r"\r?\n", "", text, count=1))))


def _is_printed(text: str) -> bool:
    groups = [len(group) for group in re.findall(r"\d+", text)]
    return groups in _PRINTED or (set(groups[:-1]) in ({1}, {4}) and groups[-1] <= groups[0])
