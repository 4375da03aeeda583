"""Dates that people say, relative to the day on which they say them."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import zip_longest

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = tuple(name.lower() for name in calendar.month_name if name)
_TENTHS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_TEENTHS = (
    "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip
_ORDINALS = {word: number for number, word in enumerate(_TENTHS + _TEENTHS, start=1)} | {"thirtieth": 30}
_ORDINALS |= {f"twenty{gap}{word}": 20 + number for gap in " -" for number, word in enumerate(_TENTHS, start=1)}
_ORDINALS |= {f"thirty{gap}first": 31 for gap in " -"}
# The longest time without a 29th of February is that from 2096 to 2104.
_YEARS_AHEAD_MAX = 8
_COUNTS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8}

_DAY = r"(?P<day>\d{1,2}(?:st|nd|rd|th)?|" + "|".join(sorted(_ORDINALS, key=len, reverse=True)) + ")"
_MONTH = r"(?P<month>" + "|".join(_MONTHS) + ")"
_WEEKDAY = r"(?P<weekday>" + "|".join(_WEEKDAYS) + ")"
_YEAR = r"(?:,? (?P<year>20\d\d))?"
_COUNT = r"(?P<count>\d{1,2}|" + "|".join(_COUNTS) + ")"


@dataclass(frozen=True, slots=True)
class SaidDate:
    """A date in a text.

    start, end: character offsets, end exclusive. certain: False where speakers mean different days.
    """

    due_on: date
    start: int
    end: int
    certain: bool = True


def _day_of(match: re.Match[str]) -> int:
    word = match["day"].lower()
    return _ORDINALS.get(word) or int(re.sub(r"\D", "", word))


def _next_day_and_month(match: re.Match[str], on: date) -> date | None:
    """The coming day of that name, unless the year is said; the 29th of February is that of the next leap year."""
    month = _MONTHS.index(match["month"].lower()) + 1
    for year in [int(match["year"])] if match["year"] else range(on.year, on.year + _YEARS_AHEAD_MAX + 1):
        if not 1 <= _day_of(match) <= calendar.monthrange(year, month)[1]:
            continue
        found = date(year, month, _day_of(match))
        if match["year"] or found >= on:
            return found
    return None


def _next_day_of_month(match: re.Match[str], on: date) -> date | None:
    year, month = on.year, on.month
    for _ in range(12):
        if 1 <= _day_of(match) <= calendar.monthrange(year, month)[1]:
            found = date(year, month, _day_of(match))
            if found > on:
                return found
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return None


def _weekday_and_day(match: re.Match[str], on: date) -> date | None:
    """The coming Monday that is a fourth, within a year; both words must agree."""
    wanted = _WEEKDAYS.index(match["weekday"].lower())
    days = (on + timedelta(days=ahead) for ahead in range(1, 366))
    return next((day for day in days if day.weekday() == wanted and day.day == _day_of(match)), None)


def _of_next_month(match: re.Match[str], on: date) -> date | None:
    year, month = (on.year + 1, 1) if on.month == 12 else (on.year, on.month + 1)
    return date(year, month, _day_of(match)) if _day_of(match) <= calendar.monthrange(year, month)[1] else None


def _weekday(match: re.Match[str], on: date) -> date:
    """The first such day after today."""
    wanted = _WEEKDAYS.index(match["weekday"].lower())
    return on + timedelta(days=(wanted - on.weekday() - 1) % 7 + 1)


def _next_weekday(match: re.Match[str], on: date) -> date:
    """That of the following week; some people mean the first one."""
    return on + timedelta(days=7 - on.weekday() + _WEEKDAYS.index(match["weekday"].lower()))


def _ahead(match: re.Match[str], on: date) -> date:
    count = _COUNTS.get(match["count"].lower()) or int(match["count"])
    return on + timedelta(days=count * (7 if match["unit"].lower().startswith("week") else 1))


def _month_end(match: re.Match[str], on: date) -> date:
    return date(on.year, on.month, calendar.monthrange(on.year, on.month)[1])


_Rule = tuple[re.Pattern[str], Callable[[re.Match[str], date], date | None], bool]


def _rule(pattern: str, resolve: Callable[[re.Match[str], date], date | None], certain: bool = True) -> _Rule:
    return re.compile(pattern, re.IGNORECASE), resolve, certain


# Most telling first: a later rule does not look at words that an earlier one has taken.
_RULES: tuple[_Rule, ...] = (
    _rule(rf"\b(?:the )?{_DAY} of next month\b", _of_next_month),
    _rule(rf"\b(?:the )?{_DAY}(?: of)? {_MONTH}{_YEAR}\b", _next_day_and_month),
    _rule(rf"\b{_MONTH} (?:the )?{_DAY}{_YEAR}\b", _next_day_and_month),
    _rule(rf"\b{_WEEKDAY},? the {_DAY}\b(?! (?:of )?{_MONTH})", _weekday_and_day),
    _rule(r"\bday after tomorrow\b", lambda _, on: on + timedelta(days=2)),
    _rule(r"\btomorrow\b", lambda _, on: on + timedelta(days=1)),
    _rule(r"\b(?:today|tonight|this (?:morning|afternoon|evening)|within the hour)\b", lambda _, on: on),
    _rule(rf"\bin {_COUNT} (?P<unit>days?|weeks?)\b", _ahead),
    _rule(r"\bend of (?:the|this) month\b", _month_end),
    _rule(
        r"\b(?:end of (?:the|this) week|before the weekend)\b",
        lambda _, on: on + timedelta((4 - on.weekday()) % 7),
    ),
    _rule(rf"\bnext {_WEEKDAY}\b", _next_weekday, certain=False),
    _rule(rf"\b(?:this )?{_WEEKDAY}\b", _weekday),
    _rule(
        r"\b(?:on|by|until|before) the (?P<day>\d{1,2}(?:st|nd|rd|th)|"
        + "|".join(sorted(_ORDINALS, key=len, reverse=True))
        + r")\b(?! (?:of|floor|time|half|quarter|one|meeting|call))",
        _next_day_of_month,
    ),
)


def find(text: str, *, on: date) -> list[SaidDate]:
    """The dates in a text that name one day, in order. on: the day of the call.

    "Next week" or "in summer" name no day and are not found. "Friday, the sixth of February" is one date: its
    explicit part wins.
    """
    found: list[SaidDate] = []
    for pattern, resolve, certain in _RULES:
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            due_on = resolve(match, on)
            if due_on is not None:
                found.append(SaidDate(due_on, match.start(), match.end(), certain))
    found.sort(key=lambda said: said.start)
    return [said for said, after in zip_longest(found, found[1:]) if not _named(text, said, after)]


def _named(text: str, said: SaidDate, following: SaidDate | None) -> bool:
    """Whether a weekday only names the date that follows it at once."""
    return following is not None and text[said.end : following.start].strip(" ,") in ("", "the")
