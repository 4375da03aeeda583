"""How wrong a transcript is: words as they are spoken, and the share of them that was not recognised."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
_FILLERS = frozenset({"um", "uh", "uhm", "hmm", "mm", "ah", "er"})
_SHORT = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}


def spoken_words(text: str) -> list[str]:
    """The words of a text as one says them: "$450" is four hundred fifty dollars, "31st" is thirty first.

    A date is always said month first, as writers turn "the first of June" into "June 1" and back at will.
    Fillers ("um") are left out, and so is the "and" within numbers, which writers keep or drop at will.
    """
    lowered = (
        text.lower()
        .replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
        .replace("e-mail", "email")
        .replace("good bye", "goodbye")
    )
    lowered = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", lowered)
    lowered = re.sub(r"(?<=\d),(?=\d{3}\b)", "", lowered)
    lowered = re.sub(r"\$(\d+(?:\.\d+)?)", r"\1 dollars", lowered)
    lowered = re.sub(r"(\d)%", r"\1 percent", lowered)
    lowered = re.sub(r"\b(\d{1,2}):(\d{2})\b", _clock, lowered)
    lowered = re.sub(r"\b([ap])\.m\b\.?", r"\1m", lowered)
    lowered = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b", lambda found: _ordinal(int(found[1])), lowered)
    lowered = _DAY_MONTH.sub(lambda found: f"{found['month']} {_day(found['day'])}", lowered)
    lowered = _MONTH_DAY.sub(lambda found: f"{found['month']} {_day(found['day'])}", lowered)
    lowered = re.sub(r"\d+", lambda found: f" {_cardinal(int(found[0]))} ", lowered)
    words = [_SHORT.get(word, word) for word in re.findall(r"[a-z]+(?:'[a-z]+)?", lowered)]
    return _without_number_and([word for word in words if word not in _FILLERS])


def word_error_rate(pairs: Iterable[tuple[str, str]]) -> float:
    """Substituted, missing and added words for each reference word, over pairs of (reference, recognised).

    :raises ValueError: when no reference has a word.
    """
    errors = total = 0
    for reference, recognised in pairs:
        said = spoken_words(reference)
        total += len(said)
        errors += _distance(said, spoken_words(recognised))
    if total == 0:
        raise ValueError("A word error rate needs at least one reference word.")
    return errors / total


def _distance(said: list[str], heard: list[str]) -> int:
    previous = list(range(len(heard) + 1))
    for row, word in enumerate(said, start=1):
        current = [row]
        for column, other in enumerate(heard, start=1):
            cost = previous[column - 1] + (word != other)
            current.append(min(cost, previous[column] + 1, current[-1] + 1))
        previous = current
    return previous[-1]


def _without_number_and(words: list[str]) -> list[str]:
    numbers = {*_ONES, *_TENS, *(_ordinal(number) for number in range(1, 20))}
    return [
        word
        for index, word in enumerate(words)
        if not (
            word == "and"
            and 0 < index < len(words) - 1
            and words[index - 1] in {"hundred", "thousand"}
            and words[index + 1] in numbers
        )
    ]


def _clock(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if minute == 0:
        return _cardinal(hour)
    return f"{_cardinal(hour)} {'o ' if minute < 10 else ''}{_cardinal(minute)}"


def _cardinal(number: int) -> str:
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return _TENS[tens] + (f" {_ONES[ones]}" if ones else "")
    if number < 1_000:
        hundreds, rest = divmod(number, 100)
        return f"{_ONES[hundreds]} hundred" + (f" {_cardinal(rest)}" if rest else "")
    if number < 1_000_000:
        if number < 10_000 and number % 1_000 and number % 100 == 0:
            return f"{_cardinal(number // 100)} hundred"
        thousands, rest = divmod(number, 1_000)
        return f"{_cardinal(thousands)} thousand" + (f" {_cardinal(rest)}" if rest else "")
    return " ".join(_ONES[int(digit)] for digit in str(number))


def _ordinal(number: int) -> str:
    *before, last = _cardinal(number).split()
    if last in _ORDINALS:
        last = _ORDINALS[last]
    elif last.endswith("y"):
        last = f"{last[:-1]}ieth"
    else:
        last = f"{last}th"
    return " ".join([*before, last])


def _day(day: str) -> str:
    return _ordinal(int(day)) if day.isdigit() else day


_MONTH = r"(?P<month>january|february|march|april|may|june|july|august|september|october|november|december)\b"
# Longest first, so that "thirty first" is not read as "thirty" and "first".
_DAY = rf"(?P<day>\d{{1,2}}|{'|'.join(sorted(map(_ordinal, range(1, 32)), key=len, reverse=True))})\b"
_DAY_MONTH = re.compile(rf"\b(?:the )?{_DAY}(?: of)? {_MONTH}")
_MONTH_DAY = re.compile(rf"\b{_MONTH} (?:the )?{_DAY}")
