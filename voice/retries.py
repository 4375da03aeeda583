"""When somebody who was busy or did not answer is tried again: pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from voice.calling_hours import is_calling_hour, local_time

# After the first such call in a row, the second, and so on; after the last nobody is tried again. A busy line is free soon.
DELAYS: Final[Mapping[str, tuple[timedelta, ...]]] = {
    "busy": (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=4), timedelta(days=1)),
    "no_answer": (timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=2)),
}
# Hours of the callee's day at which its morning, afternoon and evening begin.
PARTS: Final = (8, 12, 17)
# At which of them a slot begins: the morning's where everybody may be called.
_SLOTS: Final = (8, 10, 12, 17)
# Even where only one part of the day is left, a week has one that may be called in.
_DAYS_AHEAD: Final = 8


def next_try(
    *, outcome: str | None, attempts: int, ended_at: datetime, time_zone: str, country: str
) -> datetime | None:
    """When to call again; None for never.

    attempts: calls in a row, this one included, that ended so. time_zone: IANA, the callee's. country: ISO 3166 alpha-2 or "". The
    time lies in the callee's calling hours; whoever did not answer is tried in another part of the day.
    """
    delays = DELAYS.get(outcome or "", ())
    if not 1 <= attempts <= len(delays):
        return None
    tried_in = _part(local_time(time_zone=time_zone, now=ended_at), country) if outcome == "no_answer" else None
    there = local_time(time_zone=time_zone, now=ended_at + delays[attempts - 1])
    if _is_good(there, country, tried_in):
        return there.astimezone(ended_at.tzinfo)
    slots = (_at(there + timedelta(days=days), hour) for days in range(_DAYS_AHEAD) for hour in _SLOTS)
    good = next(slot for slot in slots if slot > there and _is_good(slot, country, tried_in))
    return good.astimezone(ended_at.tzinfo)


def _is_good(there: datetime, country: str, tried_in: int | None) -> bool:
    return is_calling_hour(there, country=country) and (tried_in is None or _part(there, country) != tried_in)


def _part(there: datetime, country: str) -> int | None:
    """The hour at which its part of the day began; None where it is no calling hour."""
    if not is_calling_hour(there, country=country):
        return None
    return next((hour for hour in reversed(PARTS) if there.hour >= hour), None)


def _at(there: datetime, hour: int) -> datetime:
    """A day's full hour; the clock there may have been put forward or back since."""
    return there.replace(hour=hour, minute=0, second=0, microsecond=0)
