"""When people may be called for sales, by their country and their own clock: tables, and pure.

Public holidays count where the country's law says so (`voice.public_holidays`). States and provinces that are stricter than their
country are not in the tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from voice.phone_tables import zones_beside
from voice.public_holidays import holiday_on

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Hours:
    """weekdays, saturday: from which full hour until which one a call may begin there; on Sundays none. source: whose rule it is."""

    weekdays: Spans
    saturday: Spans
    source: str

    def are_open(self, there: datetime) -> bool:
        """there: the callee's local time, on a day that is no holiday."""
        day = there.weekday()
        spans = self.weekdays if day < 5 else self.saturday if day == 5 else ()
        return any(begin <= there.hour < end for begin, end in spans)

    def in_words(self) -> str:
        days = ["Monday to Friday " + _in_words(self.weekdays)]
        return " and ".join([*days, "Saturday " + _in_words(self.saturday)] if self.saturday else days)


# What no law of the callee's country sets is set by us: as the law of the United States (47 CFR 64.1200(c)(1)), without Sundays.
OURS: Final = Hours(((8, 21),), ((8, 21),), "47 CFR 64.1200(c)(1); Sundays by our own choice")
# Where the law leaves less; on public holidays nothing in Australia, Spain, France and South Africa. Half hours
# after nine in the evening are left out, as everywhere.
BY_COUNTRY: Final[dict[str, Hours]] = {
    "AU": Hours(((9, 20),), ((9, 17),), "Telecommunications (Telemarketing and Research Calls) Industry Standard 2017"),
    "CA": Hours(((9, 21),), ((10, 18),), "CRTC Unsolicited Telecommunications Rules, Part III, section 23"),
    "ES": Hours(((9, 21),), (), "Real Decreto Legislativo 1/2007, art. 96.2"),
    "FR": Hours(((10, 13), (14, 20)), (), "Code de la consommation, art. D223-9"),
    "ZA": Hours(
        ((8, 20),), ((9, 13),), "Consumer Protection Act 68 of 2008, s. 12(2), with Government Notice R293 of 2011"
    ),
}


# Numbers of all North America are in one of the states, and those of both countries of +7 in the one of the two that is known.
_STATES: Final = (
    "America/Adak",
    "America/Anchorage",
    "America/Boise",
    "America/Chicago",
    "America/Denver",
    "America/Juneau",
    "America/Los_Angeles",
    "America/New_York",
    "America/Phoenix",
    "Pacific/Honolulu",
)
_NARROWER: Final[dict[tuple[str, str], tuple[str, ...]]] = {("KZ", "Asia/Almaty"): ("Asia/Almaty", "Asia/Aqtobe")}
# Offsets from UTC are whole quarters of an hour.
_STEP: Final = timedelta(minutes=15)
_WEEK_STEPS: Final = 8 * 24 * 4


def hours_of(country: str) -> Hours:
    """country: ISO 3166 alpha-2, "" where none is known."""
    return BY_COUNTRY.get(country, OURS)


def local_time(*, time_zone: str, now: datetime) -> datetime:
    """time_zone: IANA; where there is none of this name, UTC."""
    return now.astimezone(_zone(time_zone))


@cache
def zones_of(time_zone: str, country: str) -> tuple[str, ...]:
    """Where somebody may be who has a number of this first time zone and country: mobile numbers of Australia are of no one place."""
    if narrower := _NARROWER.get((country, time_zone)):
        return narrower
    return _STATES if time_zone == "America/Adak" else (time_zone, *sorted(zones_beside(time_zone) - {time_zone}))


def is_calling_hour(now: datetime, *, time_zone: str, country: str) -> bool:
    """Wherever they may be. time_zone: IANA, the first of their number's."""
    zones = zones_of(time_zone, country)
    return all(_is_open(now.astimezone(_zone(name)), country=country, time_zone=name) for name in zones)


def public_holiday(now: datetime, *, time_zone: str, country: str) -> str | None:
    """What is kept there today, or in one of the places where they may be, when people may not be called for it; else None."""
    zones = zones_of(time_zone, country)
    found = (holiday_on(now.astimezone(_zone(name)).date(), country=country, time_zone=name) for name in zones)
    return next((name for name in found if name), None)


def opens_at(now: datetime, *, time_zone: str, country: str) -> datetime | None:
    """When the next calling hour begins, in UTC; `now` within one. None: never."""
    if is_calling_hour(now, time_zone=time_zone, country=country):
        return now
    return _opens_after(_quarter(now), time_zone, country)


@lru_cache(maxsize=4_096)
def _opens_after(quarter: datetime, time_zone: str, country: str) -> datetime | None:
    """Everybody who looks within this quarter of an hour is told the same."""
    later = (quarter + step * _STEP for step in range(1, _WEEK_STEPS))
    return next((at for at in later if is_calling_hour(at, time_zone=time_zone, country=country)), None)


def is_open_in_tables(now: datetime, *, time_zone: str, country: str) -> bool:
    """As `is_calling_hour`, without working it out for each: for whoever asks about many places. False where there is no such zone."""
    found = _open_zones(_quarter(now))
    return time_zone in found.get(country, found[""])


def zones_in_calling_hours(now: datetime) -> list[str]:
    """The first time zones of numbers that may be called now, where no country's law says otherwise."""
    return sorted(_open_zones(_quarter(now))[""])


def otherwise_by_country(now: datetime) -> Iterator[tuple[str, list[str], list[str]]]:
    """Countries, each with the time zones in which people of it may not be called now, although others may, and with those in which
    they may, although others may not."""
    found = _open_zones(_quarter(now))
    usual = found[""]
    for country, theirs in found.items():
        if theirs != usual:
            yield country, sorted(usual - theirs), sorted(theirs - usual)


@lru_cache(maxsize=16)
def _open_zones(quarter: datetime) -> dict[str, frozenset[str]]:
    """Of each country that has rules of its own, and of "" for all others. Within a quarter of an hour no hour begins or ends."""
    there = {name: quarter.astimezone(zone) for name, zone in _zones().items()}
    countries = sorted({"", *BY_COUNTRY, *(country for country, _ in _NARROWER)})
    return {country: frozenset(_open_among(there, country)) for country in countries}


def _open_among(there: dict[str, datetime], country: str) -> Iterator[str]:
    """there: what time it is in each time zone."""
    are_open = {name: _is_open(at, country=country, time_zone=name) for name, at in there.items()}
    return (name for name in there if all(are_open.get(each, False) for each in zones_of(name, country)))


def _is_open(there: datetime, *, country: str, time_zone: str) -> bool:
    """there: what time it is in that zone, which is one of those where they may be."""
    if not hours_of(country).are_open(there):
        return False
    return holiday_on(there.date(), country=country, time_zone=time_zone) is None


def _quarter(now: datetime) -> datetime:
    """When the quarter of an hour began, in UTC."""
    at = now.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


@cache
def _zones() -> dict[str, ZoneInfo]:
    return {name: ZoneInfo(name) for name in sorted(available_timezones())}


def _zone(name: str) -> ZoneInfo:
    return _zones().get(name) or _zones()["UTC"]


def _in_words(spans: Spans) -> str:
    return " and ".join(f"from {begin}:00 to {end}:00" for begin, end in spans)
