"""How often one caller may try the same person, and how long whoever said no is left alone, by the law of the callee's country; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final


@dataclass(frozen=True, slots=True)
class Limits:
    """At most so many calls within so many calendar days, and none for so many after the day of a refusal. source: whose rule it is."""

    calls_max: int
    within_days: int
    rest_days: int
    source: str

    def often_until(self, called_on: Sequence[date]) -> date | None:
        """From which day one more call is not too many; None where it never was. called_on: the days of the calls, the newest first."""
        if len(called_on) < self.calls_max:
            return None
        return called_on[self.calls_max - 1] + timedelta(days=self.within_days)

    def rests_until(self, refused_on: date) -> date:
        """From which day whoever said no on that day may be called again: so many whole days lie between."""
        return refused_on + timedelta(days=self.rest_days + 1)


BY_COUNTRY: Final[dict[str, Limits]] = {
    "FR": Limits(4, 30, 60, "Code de la consommation, art. D223-9"),
}


def limits_of(country: str) -> Limits | None:
    """country: ISO 3166 alpha-2, "" where none is known; None for those whose law sets none."""
    return BY_COUNTRY.get(country)
