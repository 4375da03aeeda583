"""The queue and the hours of many countries: it offers whom a press of Call would reach, and is quick about it.

Planted bugs that this catches: a country's closed hours joined with "and" across countries, so that they hold nowhere; one condition
inside the other per country, which Django hashed for more than a second per look at the queue.
"""

import itertools
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any

import pytest

from identity.models import Membership
from tests.voice.carrier import actor_of
from tests.voice.queues import NOW
from voice import queue, queue_candidates
from voice.calling_hours import BY_COUNTRY, is_calling_hour, otherwise_by_country
from voice.models import Lead
from voice.queue_schemas import QueueIn

pytestmark = pytest.mark.django_db(transaction=True)

COUNTRIES = (*BY_COUNTRY, "KZ", "DE", "US", "")
ZONES = (
    "Australia/Sydney",
    "America/Toronto",
    "Europe/Paris",
    "Atlantic/Canary",
    "Africa/Johannesburg",
    "Asia/Almaty",
    "UTC",
)
# Every three hours of a week in which the Tuesday is a holiday in France.
WEEK = tuple(
    datetime(2026, 7, 13, hour, tzinfo=UTC) + timedelta(days=day) for day in range(7) for hour in range(0, 24, 3)
)


@pytest.fixture
def member(make_account: Callable[..., Membership], settings: Any) -> Membership:
    settings.CALLING_HOURS = "kept"
    return make_account()


def everywhere(member: Membership) -> list[Lead]:
    """A lead of each country in each time zone, wherever that may be."""
    return Lead.objects.bulk_create(
        Lead(
            workspace_id=member.workspace_id,
            first_name=country or "nowhere",
            last_name=zone,
            phone_e164=f"+120255501{number:02}",
            country=country,
            time_zone=zone,
            created_at=NOW - timedelta(days=1),
        )
        for number, (country, zone) in enumerate(itertools.product(COUNTRIES, ZONES))
    )


def test_it_offers_those_for_whom_it_is_a_calling_hour_and_counts_the_others(member: Membership) -> None:
    people = everywhere(member)
    session = queue.start(actor=actor_of(member), wanted=QueueIn(tag="nobody"), now=NOW)
    session.tag = ""
    for now in WEEK:
        open_now = {lead.id for lead in people if is_calling_hour(now, time_zone=lead.time_zone, country=lead.country)}
        assert {lead.id for lead in queue_candidates.offered(session, now=now)} == open_now, now
        counts = queue_candidates.counts(session, now=now)
        assert (counts.left, counts.outside_hours) == (len(open_now), len(people) - len(open_now)), now


def test_a_look_at_the_queue_does_not_cost_more_the_more_countries_have_hours_of_their_own(member: Membership) -> None:
    """In calls of Python functions, which no other work on the machine changes."""
    everywhere(member)
    session = queue.start(actor=actor_of(member), wanted=QueueIn(), now=NOW)
    of_their_own = {now: len(list(otherwise_by_country(now))) for now in WEEK}
    few, many = min(WEEK, key=of_their_own.__getitem__), max(WEEK, key=of_their_own.__getitem__)
    assert of_their_own[many] - of_their_own[few] >= 3
    assert calls_of_a_look(session, many) < 3 * calls_of_a_look(session, few)


def calls_of_a_look(session: Any, now: datetime) -> int:
    def look() -> None:
        queue_candidates.counts(session, now=now)
        list(queue_candidates.offered(session, now=now))

    # What is kept from then on is not counted.
    look()
    made = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    sys.setprofile(count)
    try:
        look()
    finally:
        sys.setprofile(None)
    return made
