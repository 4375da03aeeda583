"""Public holidays on which the law of a country forbids calls for sales; pure. The days are the library's, holidays.

Where a number does not tell in which part of its country somebody is, a holiday of any of the parts counts. Not in the tables:
holidays of a single town or island, and days that a government declares at short notice, until the library has them.
"""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from holidays import country_holidays

# The standard of Australia speaks of national public holidays. Where one falls on a weekend, each state says which day is kept
# instead; its other holidays do not count. As the library names them, of South Australia's own name for Boxing Day too.
_NATIONAL_ALONE: Final = {"AU": frozenset({"Proclamation Day"})}
_OBSERVED: Final = " (observed)"
# The parts of a country, as the library (ISO 3166-2) names them; all of them where the time zone does not tell.
# fmt: off
_PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "AU": ("ACT", "NSW", "NT", "QLD", "SA", "TAS", "VIC", "WA"),
    "ES": ("AN", "AR", "AS", "CB", "CE", "CL", "CM", "CN", "CT", "EX", "GA", "IB", "MC", "MD", "ML", "NC", "PV", "RI", "VC"),
    # Moselle and Alsace. Numbers of the departments overseas are of countries of their own.
    "FR": ("57", "6AE"),
    # The same days are kept in all provinces.
    "ZA": (),
}
# fmt: on
_OF_THE_CANARIES: Final = ("CN",)
_PARTS_OF_ZONES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("AU", "Australia/Brisbane"): ("QLD",),
    ("AU", "Australia/Perth"): ("WA",),
    # The tables of numbers have it for all of the east, of Queensland for numbers that are of no town.
    ("AU", "Australia/Sydney"): ("ACT", "NSW", "QLD", "TAS", "VIC"),
    ("ES", "Atlantic/Canary"): _OF_THE_CANARIES,
    ("ES", "Europe/Madrid"): tuple(part for part in _PARTS["ES"] if part not in _OF_THE_CANARIES),
}
_YEARS_KEPT: Final = 200


def holiday_on(day: date, *, country: str, time_zone: str) -> str | None:
    """What the day is called, in English, when people of the country must not be called for it; else None.

    day: theirs. country: ISO 3166 alpha-2; None for those whose law says nothing of holidays. time_zone: IANA, where they may be.
    """
    parts = _PARTS.get(country)
    if parts is None:
        return None
    return _of_year(country, _PARTS_OF_ZONES.get((country, time_zone), parts), day.year).get(day)


@lru_cache(maxsize=_YEARS_KEPT)
def _of_year(country: str, parts: tuple[str, ...], year: int) -> Mapping[date, str]:
    days = dict(country_holidays(country, years=year, language="en_US"))
    national = {*days.values(), *_NATIONAL_ALONE.get(country, ())}
    for part in parts:
        for day, names in country_holidays(country, subdiv=part, years=year, language="en_US").items():
            # Two that fall together stand as one.
            each = [name.removesuffix(_OBSERVED) for name in names.split("; ")]
            if country not in _NATIONAL_ALONE or not national.isdisjoint(each):
                days.setdefault(day, names)
    return MappingProxyType(days)
