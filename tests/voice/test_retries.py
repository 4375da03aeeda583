"""When somebody who was busy or did not answer is tried again, in the hours of their own day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from voice.calling_hours import is_calling_hour
from voice.retries import DELAYS, next_try

NEW_YORK = "America/New_York"


def at(text: str, zone: str = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


# 4 March 2026 is a Wednesday; clocks in New York go forward on 8 March.
TRIES = {
    "a busy line soon": ("busy", 1, "2026-03-04 10:00", "2026-03-04 10:10"),
    "a busy line later": ("busy", 2, "2026-03-04 10:00", "2026-03-04 11:00"),
    "who did not answer in the morning in the afternoon": ("no_answer", 1, "2026-03-04 10:00", "2026-03-04 12:00"),
    "in the afternoon after four hours": ("no_answer", 2, "2026-03-04 10:00", "2026-03-04 14:00"),
    "a day later at another part of it": ("no_answer", 3, "2026-03-04 10:00", "2026-03-05 12:00"),
    "in the evening what was tried in the afternoon": ("no_answer", 1, "2026-03-04 13:00", "2026-03-04 17:00"),
    "in the morning what was tried in the evening": ("no_answer", 1, "2026-03-04 20:30", "2026-03-05 08:00"),
    "not at night": ("busy", 3, "2026-03-04 20:00", "2026-03-05 08:00"),
    "not on a Sunday": ("busy", 4, "2026-03-07 10:00", "2026-03-09 08:00"),
    "over the change of the clocks": ("no_answer", 1, "2026-03-07 20:30", "2026-03-09 08:00"),
    "whom one called at night in any part": ("no_answer", 1, "2026-03-04 06:30", "2026-03-04 08:00"),
}


@pytest.mark.parametrize(("outcome", "attempts", "ended_at", "again_at"), TRIES.values(), ids=TRIES)
def test_the_next_try_is_later_each_time_and_in_calling_hours(
    outcome: str, attempts: int, ended_at: str, again_at: str
) -> None:
    assert next_try(outcome=outcome, attempts=attempts, ended_at=at(ended_at), time_zone=NEW_YORK, country="US") == at(
        again_at
    )


@pytest.mark.parametrize("outcome", ["connected", "voicemail", "failed", None])
def test_nothing_else_is_tried_again(outcome: str | None) -> None:
    assert (
        next_try(outcome=outcome, attempts=1, ended_at=at("2026-03-04 10:00"), time_zone=NEW_YORK, country="US") is None
    )


@pytest.mark.parametrize("outcome", sorted(DELAYS))
def test_in_france_nobody_is_tried_more_than_four_times(outcome: str) -> None:
    ended_at = at("2026-03-04 11:00", "Europe/Paris")
    tries = [
        next_try(outcome=outcome, attempts=n, ended_at=ended_at, time_zone="Europe/Paris", country="FR")
        for n in range(1, 6)
    ]
    assert [each is None for each in tries] == [False, False, False, True, True]


@pytest.mark.parametrize("outcome", sorted(DELAYS))
def test_tries_are_bounded_and_their_delays_grow(outcome: str) -> None:
    ended_at = at("2026-03-04 10:00")
    tries = [
        next_try(outcome=outcome, attempts=n, ended_at=ended_at, time_zone=NEW_YORK, country="US") for n in range(1, 7)
    ]
    assert tries[4:] == [None, None]
    planned = [each for each in tries if each is not None]
    assert len(planned) == 4 and planned == sorted(planned)


@pytest.mark.parametrize("hour", range(0, 168, 5))
@pytest.mark.parametrize(
    ("zone", "country"),
    [
        ("Asia/Kolkata", "IN"),
        ("Pacific/Kiritimati", "KI"),
        ("Pacific/Pago_Pago", "AS"),
        ("Europe/Paris", "FR"),
        # Numbers of many time zones, in which few hours are calling hours everywhere.
        ("Australia/Adelaide", "AU"),
        ("Asia/Almaty", "RU"),
        ("Not/AZone", ""),
    ],
)
def test_at_whatever_hour_a_call_ended_a_time_is_found_within_days(zone: str, country: str, hour: int) -> None:
    ended_at = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(hours=hour)
    again_at = next_try(outcome="no_answer", attempts=1, ended_at=ended_at, time_zone=zone, country=country)
    assert again_at is not None
    assert timedelta(hours=1) <= again_at - ended_at < timedelta(days=4)
    assert is_calling_hour(again_at, time_zone=zone, country=country)
