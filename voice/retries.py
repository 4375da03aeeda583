"""When somebody who was busy or did not answer is tried again: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from voice.calling_hours import is_calling_hour, local_time
from voice.calling_limits import limits_of

# After the first such call in a row, the second, and so on; after the last nobody is tried again. A busy line is free soon.
DELAYS: Final[Mapping[str, tuple[timedelta, ...]]] = {
    "busy": (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=4), timedelta(days=1)),
    "no_answer": (timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=2)),
}
# Hours of the callee's day at which its morning, afternoon and evening begin.
PARTS: Final = (8, 12, 17)
# Even where only one part of the day is left, a week has one that may be called in.
_DAYS_AHEAD: Final = 8


def next_try(
    *, outcome: str | None, attempts: int, ended_at: datetime, time_zone: str, country: str
) -> datetime | None:
    """When to call again; None for never.

    attempts: calls in a row, this one included, that ended so. time_zone: IANA, the callee's. country: ISO 3166 alpha-2 or "". The
    time lies in the callee's calling hours; whoever did not answer is tried in another part of the day.
    """
    delays, limits = DELAYS.get(outcome or "", ()), limits_of(country)
    if limits is not None and attempts >= limits.calls_max:
        return None
    if not 1 <= attempts <= len(delays):
        return None
    place = _Place(time_zone, country)
    tried_in = place.part_of(ended_at) if outcome == "no_answer" else None
    early = ended_at + delays[attempts - 1]
    there = local_time(time_zone=time_zone, now=early)
    hours = [_at(there + timedelta(days=days), hour) for days in range(_DAYS_AHEAD) for hour in range(24)]
    slots = [early, *(slot.astimezone(ended_at.tzinfo) for slot in hours if slot > there)]
    # Where numbers are of many time zones, one part of the day may be all that is open.
    open_then = [slot for slot in slots if place.part_of(slot) is not None]
    return next((slot for slot in open_then if place.part_of(slot) != tried_in), next(iter(open_then), None))


@dataclass(frozen=True, slots=True)
class _Place:
    time_zone: str
    country: str

    def part_of(self, at: datetime) -> int | None:
        """The hour there at which its part of the day began; None where it is no calling hour."""
        if not is_calling_hour(at, time_zone=self.time_zone, country=self.country):
            return None
        there = local_time(time_zone=self.time_zone, now=at)
        return next((hour for hour in reversed(PARTS) if there.hour >= hour), PARTS[-1])


def _at(there: datetime, hour: int) -> datetime:
    """A day's full hour; the clock there may have been put forward or back since."""
    return there.replace(hour=hour, minute=0, second=0, microsecond=0)
