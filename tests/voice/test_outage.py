"""The carrier is away for ten minutes while people talk: no call is lost, placed twice, left open or charged for what nobody spoke.

Planted bugs that this catches: a carrier that does not answer taken for one that knows no such call, an end that is asked for and
soon given up.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer
from uuid_utils.compat import uuid7

from identity.models import Membership
from ledger import operations as ledger
from tests.ledger.books import amounts, broken
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of, give_credit, new_lead
from voice import credit_end, metering, operations, reconcile, submission
from voice.models import Call, DialIntent
from voice.state import LEG_TERMINAL

pytestmark = pytest.mark.django_db(transaction=True)
CREDIT = 50_000
AWAY_S = 600
# Both talk until somebody hangs up.
TALKS, TALKS_TOO = "+12025550189", "+13125550189"


def dialled(member: Membership, phone: str) -> Call:
    lead = new_lead(member)
    lead.phone_e164 = phone
    lead.save()
    now = datetime.now(UTC)
    call = operations.start_call(actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    submission.dial(call_id=call.id, now=now)
    return call


def fresh(call: Call) -> Call:
    return Call.objects.get_queryset().get(id=call.id)


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def a_round(now: datetime) -> None:
    """What the clock does about calls."""
    metering.charge_due_minutes(now=now)
    credit_end.watch_credits(now=now)
    metering.keep_holds(now=now)
    ledger.release_expired_holds(now=now)
    submission.resolve_unknown(now=now)
    reconcile.sweep_hangups(now=now)
    reconcile.sweep_streams(now=now)
    reconcile.reconcile_calls(now=now)


def test_a_carrier_that_is_away_for_ten_minutes_costs_no_call_its_end_and_nobody_a_minute(
    make_account: Callable[..., Membership], sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL = live_server.url
    people = [make_account(email=f"rep{n}@example.com", mobile=f"+1202555011{n}") for n in range(3)]
    for each in people:
        give_credit(each, CREDIT)
    presses, talks_on, dials = people
    ended, goes_on = dialled(presses, TALKS), dialled(talks_on, TALKS_TOO)
    until(lambda: {fresh(ended).status, fresh(goes_on).status} == {"in_progress"})

    began = datetime.now(UTC)
    sandbox.fail("twilio.rest", "drop", count=-1)
    sandbox.fail("twilio.callbacks", "drop", count=-1)
    never_placed = dialled(dials, TALKS)
    for second in range(20, AWAY_S, 20):
        if second == 120:
            operations.request_hangup(actor=actor_of(presses), call_id=ended.id, now=began + timedelta(seconds=119))
        a_round(began + timedelta(seconds=second))
    assert [fresh(call).is_live for call in (ended, goes_on, never_placed)] == [True, True, True]
    assert [fresh(call).minutes_charged for call in (ended, goes_on)] == [2, 10]
    assert DialIntent.objects.get_queryset().get(call_id=never_placed.id).state == "submission_unknown"

    sandbox.ask("DELETE", "/faults")
    for second in range(AWAY_S, AWAY_S + 30, 6):
        a_round(began + timedelta(seconds=second))
    # By the carrier's own figures it was seconds.
    assert (fresh(ended).status, fresh(ended).minutes_charged) == ("completed", 1)
    assert fresh(goes_on).status == "in_progress"
    assert (fresh(never_placed).status, fresh(never_placed).end_reason) == ("failed", "carrier_unreachable")
    (lead,) = sandbox.ask("GET", "/calls", to=TALKS_TOO)
    sandbox.ask("POST", f"/calls/{lead['sid']}/hangup")
    until(lambda: fresh(goes_on).settled_at is not None)
    assert (fresh(goes_on).status, fresh(goes_on).minutes_charged) == ("completed", 1)
    until(lambda: {leg["status"] for leg in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)
    for member, dials_made in zip(people, (1, 1, 0), strict=True):
        assert len(sandbox.ask("GET", "/calls", to=member.user.mobile_e164)) == dials_made
    assert [amounts(each.workspace_id) for each in people] == [(CREDIT - 1_000, 0, 0)] * 2 + [(CREDIT, 0, 0)]
    assert broken() == []
