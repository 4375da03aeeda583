"""When people may be called for sales, by their country and their own clock: tables, and pure.

Public holidays are not in the tables; nor are states and provinces that are stricter than their country.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """weekdays, saturday: from which full hour until which one a call may begin there; on Sundays none. source: whose rule it is."""

    weekdays: Spans
    saturday: Spans
    source: str

    def are_open(self, there: datetime) -> bool:
        """there: the callee's local time."""
        day = there.weekday()
        spans = self.weekdays if day < 5 else self.saturday if day == 5 else ()
        return any(begin <= there.hour < end for begin, end in spans)

    def in_words(self) -> str:
        days = ["Monday to Friday " + _in_words(self.weekdays)]
        return " and ".join([*days, "Saturday " + _in_words(self.saturday)] if self.saturday else days)


# What no law of the callee's country sets is set by us: as the law of the United States (47 CFR 64.1200(c)(1)), without Sundays.
OURS: Final = Hours(((8, 21),), ((8, 21),), "47 CFR 64.1200(c)(1); Sundays by our own choice")
# Where the law leaves less. Its half hours after nine in the evening are left out, as everywhere.
BY_COUNTRY: Final[dict[str, Hours]] = {
    "AU": Hours(((9, 20),), ((9, 17),), "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017"),
    "CA": Hours(((9, 21),), ((10, 18),), "CRTC Unsolicited Telecommunications Rules, Part III, section 23"),
    "ES": Hours(((9, 21),), (), "Real Decreto Legislativo 1/2007, art. 96.2"),
    "FR": Hours(((10, 13), (14, 20)), (), "Code de la consommation, art. D223-9"),
}


def hours_of(country: str) -> Hours:
    """country: ISO 3166 alpha-2, "" where none is known."""
    return BY_COUNTRY.get(country, OURS)


def local_time(*, time_zone: str, now: datetime) -> datetime:
    """time_zone: IANA; where there is none of this name, the time of `now`'s own."""
    try:
        return now.astimezone(ZoneInfo(time_zone))
    except ZoneInfoNotFoundError:
        return now


def is_calling_hour(there: datetime, *, country: str) -> bool:
    """there: the callee's local time."""
    return hours_of(country).are_open(there)


def zones_in_calling_hours(now: datetime) -> list[str]:
    """The names of all time zones in which it is a calling hour where no country's law says otherwise."""
    return [name for name, zone in _zones().items() if OURS.are_open(now.astimezone(zone))]


def closed_by_law(now: datetime) -> Iterator[tuple[str, list[str]]]:
    """Countries, each with those of these zones in which its own law forbids it all the same."""
    open_zones = [(name, now.astimezone(_zones()[name])) for name in zones_in_calling_hours(now)]
    for country, hours in BY_COUNTRY.items():
        if closed := [name for name, there in open_zones if not hours.are_open(there)]:
            yield country, closed


@cache
def _zones() -> dict[str, ZoneInfo]:
    return {name: ZoneInfo(name) for name in sorted(available_timezones())}


def _in_words(spans: Spans) -> str:
    return " and ".join(f"from {begin}:00 to {end}:00" for begin, end in spans)
