"""The operator's account at the carrier has as many calls, or requests, at once as it may: nobody's dial has failed. The rep is told, the
operator is told once an hour, no team pauses, and nothing is charged or kept reserved.

Planted bugs that this catches: refusals at the account's limit counted as failed dials, or as dials that went well; a mail for each; a limit that is told of a call
which was taken all the same.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from config.management.commands.clock import LANES
from identity.models import Membership
from tests.identity.browser import Browser
from tests.ledger.books import amounts
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of, give_credit, new_lead
from tests.voice.test_dialling import CREDIT
from tests.voice.test_lying_carrier import dial_of
from tests.voice.test_outage import fresh
from voice import carrier_limit, operations, submission
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)
ENOUGH_TO_PAUSE = 9
CALLS, REQUESTS = 10004, 20429


@pytest.fixture
def member(make_account: Callable[..., Membership], settings: Any) -> Iterator[Membership]:
    settings.OPERATOR_EMAIL = "operator@example.com"
    member = make_account()
    give_credit(member, CREDIT)
    yield member


def dials(member: Membership, now: datetime) -> Call:
    call = operations.start_call(
        actor=actor_of(member), lead_id=new_lead(member).id, idempotency_key=f"click at {now.timestamp()}", now=now
    )
    submission.dial(call_id=call.id, now=now)
    return call


def told(now: datetime) -> list[str]:
    """What the operator finds in the mailbox after a round of the clock."""
    before = len(mail.outbox)
    [work] = [each for lane in LANES.values() for _, each in lane if each == carrier_limit.send_limit_alerts]
    work(now=now)
    return [f"{each.subject}\n{each.body}" for each in mail.outbox[before:] if each.to == ["operator@example.com"]]


def test_a_call_beyond_what_the_account_may_at_once_is_told_to_the_rep_and_pauses_no_team(
    member: Membership, sign_in: Callable[..., Browser], sandbox: Sandbox
) -> None:
    page, now = sign_in(member), datetime.now(UTC)
    sandbox.fail("twilio.rest", "error", CALLS, count=ENOUGH_TO_PAUSE, method="POST")
    for n in range(ENOUGH_TO_PAUSE):
        call = dials(member, now + timedelta(seconds=n))
    shown = page.get(f"/api/calls/{call.id}")[1]
    assert (shown["status"], shown["end_reason"], shown["charged_mcredits"]) == ("failed", "carrier_at_limit", 0)
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)
    assert page.get("/api/dial-pause")[1]["pause"] is None
    # Nor are they among those that went well, of which the ones that failed are a part.
    sandbox.fail("twilio.rest", "error", 21215, count=-1, method="POST")
    for n in range(8):
        dials(member, now + timedelta(minutes=1, seconds=n))
    assert page.get("/api/dial-pause")[1]["pause"]["cause"] == "failures"


def test_the_operator_is_told_what_to_do_once_an_hour(member: Membership, sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    sandbox.fail("twilio.rest", "error", CALLS, count=-1, method="POST")
    for n in range(3):
        dials(member, now + timedelta(seconds=n))
    [text] = told(now + timedelta(seconds=3))
    assert text.startswith("Twilio did not take a call") and "10004" in text and "Trust Hub" in text
    dials(member, now + timedelta(minutes=50))
    assert told(now + timedelta(minutes=51)) == []
    dials(member, now + timedelta(minutes=61))
    assert len(told(now + timedelta(minutes=62))) == 1


def test_too_many_requests_at_once_end_a_call_so_that_the_carrier_has_not_taken(
    member: Membership, sandbox: Sandbox
) -> None:
    now = datetime.now(UTC)
    sandbox.fail("twilio.rest", "error", REQUESTS, method="POST")
    call = dials(member, now)
    submission.resolve_unknown(now=now + timedelta(seconds=60))
    assert (fresh(call).status, fresh(call).end_reason) == ("failed", "carrier_at_limit")
    assert len(told(now + timedelta(seconds=61))) == 1


def test_a_call_that_the_carrier_has_taken_and_denied_goes_on_and_nobody_is_told(
    member: Membership, sandbox: Sandbox
) -> None:
    now = datetime.now(UTC)
    sandbox.fail("twilio.rest", "error_after_accept", REQUESTS, method="POST")
    call = dials(member, now)
    submission.resolve_unknown(now=now + timedelta(seconds=60))
    assert (dial_of(call), fresh(call).is_live, told(now + timedelta(seconds=61))) == ("submitted", True, [])
