"""What the law of the place gives people, as one table. Everybody is offered every right by the same day; the law decides which of
them the answer may call a right, what its own last day would be, and where somebody may complain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from compliance.cases import Kind
from compliance.deadlines import in_a_month

Place = Literal["IN", "EU", "UK", "US", "other"]


@dataclass(frozen=True, slots=True)
class Law:
    """law: how it is called. days: within which it wants an answer; None for one calendar month. gives: which wishes it makes a
    right. complaint: how the answer says where else somebody may turn."""

    place: Place
    name: str
    law: str
    days: int | None
    gives: frozenset[Kind]
    complaint: str

    def last_day(self, came_on: date) -> date:
        """The law's own last day for the answer; `deadlines.deadline` is never later, whatever the place."""
        return in_a_month(came_on) if self.days is None else came_on + timedelta(days=self.days)


_EUROPEAN: Final = frozenset[Kind](
    {"access", "correction", "deletion", "restriction", "objection", "withdrawal", "grievance"}
)
LAWS: Final[Mapping[Place, Law]] = {
    "IN": Law(
        "IN",
        "India",
        "Digital Personal Data Protection Act, 2023, s. 6 and 11-14, and the Rules of 2025",
        90,
        frozenset({"access", "correction", "deletion", "withdrawal", "grievance", "nominee"}),
        "If this answer does not settle it, you may complain to the Data Protection Board of India.",
    ),
    "EU": Law(
        "EU",
        "European Union and European Economic Area",
        "General Data Protection Regulation, art. 7 and 12-21",
        None,
        _EUROPEAN,
        "You may complain to the data protection authority of the country where you live or work, and go to court.",
    ),
    "UK": Law(
        "UK",
        "United Kingdom",
        "UK GDPR, art. 7 and 12-21, and the Data Protection Act 2018",
        None,
        _EUROPEAN,
        "You may complain to the Information Commissioner's Office, and go to court.",
    ),
    "US": Law(
        "US",
        "United States",
        "Privacy acts of the states, such as the California Consumer Privacy Act",
        45,
        # To object is, under these, to opt out of sale and of profiling; a complaint is the appeal that most of them give.
        frozenset({"access", "correction", "deletion", "objection", "grievance"}),
        "You may ask us to look at it once more. If we still refuse, your state's attorney general takes complaints.",
    ),
    "other": Law(
        "other",
        "Elsewhere, or not known",
        "The policy alone, which gives the same",
        None,
        frozenset(),
        "You may ask us to look at it once more, or complain to your authority.",
    ),
}
# fmt: off
_EEA: Final = frozenset({
    "AT", "BE", "BG", "HR", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HU", "IE",
    "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK", "IS", "LI", "NO",
    # Parts of members that have country codes of their own.
    "AX", "GF", "GP", "MF", "MQ", "RE", "YT",
})
# fmt: on


def of_country(country: str) -> Law:
    """country: ISO 3166 alpha-2; "" where it is not known."""
    if country in _EEA:
        return LAWS["EU"]
    if country == "IN":
        return LAWS["IN"]
    if country == "GB":
        return LAWS["UK"]
    return LAWS["US"] if country == "US" else LAWS["other"]
