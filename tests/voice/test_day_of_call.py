"""What is promised "tomorrow" or "by Friday" is due by the callee's calendar, whatever day it is in UTC.

Planted and seen red: the day in UTC, the day on which the call was dialled, and the day on which its text was read.
"""

from datetime import UTC, date, datetime, timedelta

import pytest
from phonenumbers.tzdata import TIMEZONE_DATA
from uuid_utils.compat import uuid7

from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from voice import analysis
from voice.calling_hours import is_calling_hour, local_time, zones_of
from voice.models import Call, TranscriptSegment

LOS_ANGELES, SYDNEY, LONDON = "+12135550123", "+61293744000", "+442079460018"
RINGS_FOR = timedelta(seconds=30)
# 4 December 2026 is a Friday. The number, when it answers in UTC, what is said, and the day that is meant.
SAID = {
    "on a Thursday afternoon in California": (LOS_ANGELES, "2026-12-04 01:30", "by Friday", date(2026, 12, 4)),
    "tomorrow, in California": (LOS_ANGELES, "2026-12-04 01:30", "tomorrow", date(2026, 12, 4)),
    "in the morning in California": (LOS_ANGELES, "2026-12-03 17:30", "by Friday", date(2026, 12, 4)),
    "on a Thursday morning in Sydney": (SYDNEY, "2026-12-02 22:30", "today", date(2026, 12, 3)),
    "tomorrow, in Sydney": (SYDNEY, "2026-12-02 22:30", "tomorrow", date(2026, 12, 4)),
    "around noon in London": (LONDON, "2026-12-03 12:00", "tomorrow", date(2026, 12, 4)),
    "at midnight in London": (LONDON, "2026-12-03 00:00", "tomorrow", date(2026, 12, 4)),
}


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: SignIn) -> Browser:
    return sign_in(member)


def called(member: Membership, lead_id: str, answered_at: datetime, promise: str) -> Call:
    """A call that is over, in which the callee asks for this."""
    call = Call.objects.create(
        workspace_id=member.workspace_id,
        lead_id=lead_id,
        user_id=member.user_id,
        idempotency_key=str(uuid7()),
        status="completed",
        rate_card_id=uuid7(),
        created_at=answered_at - RINGS_FOR,
        answered_at=answered_at,
        ended_at=answered_at + timedelta(minutes=1),
        max_duration_s=600,
    )
    TranscriptSegment.objects.create(
        workspace_id=member.workspace_id,
        call=call,
        sequence=1,
        speaker="callee",
        start_ms=0,
        end_ms=2_000,
        text=f"Please send me the offer {promise}.",
        created_at=answered_at,
    )
    return call


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("phone", "at", "promise", "due_on"), SAID.values(), ids=SAID)
def test_a_next_step_is_due_on_the_day_that_the_callee_meant(
    page: Browser, member: Membership, phone: str, at: str, promise: str, due_on: date
) -> None:
    lead = page.post("/api/leads", {"first_name": "Nora", "phone": phone})[1]
    call = called(member, lead["id"], datetime.fromisoformat(at).replace(tzinfo=UTC), promise)
    assert analysis.analyse(call_id=call.id, now=datetime.now(UTC) + timedelta(days=9))
    items = page.get(f"/api/calls/{call.id}/insights")[1]["items"]
    (step,) = [each for each in items if each["kind"] == "next_step"]
    assert step["due_on"] == due_on.isoformat()


@pytest.mark.parametrize("month", [1, 7])
def test_in_its_calling_hours_a_number_of_several_time_zones_has_one_day_in_all_of_them(month: int) -> None:
    several = {zones[0] for zones in TIMEZONE_DATA.values() if len(zones_of(zones[0], "")) > 1}
    week = [datetime(2026, month, 12, tzinfo=UTC) + timedelta(hours=hour) for hour in range(168)]
    for zone, country in [*((zone, "") for zone in several), ("Australia/Adelaide", "AU"), ("Asia/Almaty", "KZ")]:
        for now in (at for at in week if is_calling_hour(at, time_zone=zone, country=country)):
            days = {local_time(time_zone=each, now=now).date() for each in zones_of(zone, country)}
            assert days == {local_time(time_zone=zone, now=now).date()}, (zone, now)
