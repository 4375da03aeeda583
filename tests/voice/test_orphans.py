"""Calls that go on at the carrier under our number, and that no call of ours has: the operator hears of each, once; where it says so
they end. What is ours, or may become so, stays.

Planted bugs that this catches: a call of ours, the leg that it dialled, or a submission without an answer taken for a stranger's; one
that began a moment ago; a first page taken for the list; half a list taken for the whole; an end without being asked for; a mail
each round.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.core import mail
from pytest_django.live_server_helper import LiveServer

from config.management.commands.clock import LANES
from identity.models import Membership
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import give_credit
from tests.voice.test_dialling import CREDIT, place
from tests.voice.test_outage import TALKS, TALKS_TOO, dialled, fresh, until
from voice import orphans, submission, twilio
from voice.guard_models import OrphanCall
from voice.models import CallLeg, DialIntent
from voice.state import LEG_TERMINAL

pytestmark = pytest.mark.django_db(transaction=True)
MakeAccount = Callable[..., Membership]
WAITS = '<Response><Pause length="3600"/></Response>'
DIALS = f"<Response><Dial><Number>{TALKS_TOO}</Number></Dial></Response>"
LATER = timedelta(minutes=3)


@pytest.fixture(autouse=True)
def operator(settings: Any) -> Iterator[None]:
    settings.OPERATOR_EMAIL = "operator@example.com"
    yield


def strange_call(sandbox: Sandbox, *, to: str = TALKS, document: str = WAITS, caller_id: str = "") -> str:
    """Somebody's, placed at the carrier itself; answered. Returns its SID."""
    account = settings.TWILIO_ACCOUNT_SID
    response = httpx.post(
        f"{settings.TWILIO_API_URL}/2010-04-01/Accounts/{account}/Calls.json",
        data={"To": to, "From": caller_id or settings.TWILIO_CALLER_ID, "Twiml": document},
        auth=(account, settings.TWILIO_AUTH_TOKEN),
    )
    response.raise_for_status()
    sid = str(response.json()["sid"])
    until(lambda: status_of(sandbox, sid) == "in-progress")
    return sid


def status_of(sandbox: Sandbox, sid: str) -> str:
    return next(str(record["status"]) for record in sandbox.ask("GET", "/calls") if record["sid"] == sid)


def step(work: Callable[..., object], now: datetime) -> None:
    """As the clock does it."""
    [mine] = [each for lane in LANES.values() for _, each in lane if each == work]
    mine(now=now)


def told_in_a_round(now: datetime) -> list[str]:
    """What the operator finds in the mailbox after a round of the clock, and a minute."""
    before = len(mail.outbox)
    step(orphans.sweep_orphans, now)
    step(orphans.tell_of_orphans, now + timedelta(minutes=1))
    assert all(each.to == ["operator@example.com"] for each in mail.outbox[before:])
    return [f"{each.subject}\n{each.body}" for each in mail.outbox[before:]]


def found() -> set[str]:
    return set(OrphanCall.objects.values_list("sid", flat=True))


def test_a_call_that_nobody_here_knows_is_told_of_once_and_goes_on(sandbox: Sandbox) -> None:
    sid, now = strange_call(sandbox), datetime.now(UTC)
    assert told_in_a_round(now + timedelta(seconds=60)) == [], "somebody may be placing it"
    [told] = told_in_a_round(now + LATER)
    assert told.startswith("A call at Twilio") and sid in told and "not ended by the product" in told
    assert [told_in_a_round(now + timedelta(hours=hours)) for hours in (1, 2, 3)] == [[], [], []]
    assert status_of(sandbox, sid) == "in-progress"
    other = strange_call(sandbox)
    [told] = told_in_a_round(now + timedelta(hours=4))
    assert other in told and sid not in told
    step(orphans.sweep_orphans, now + timedelta(days=29))
    assert found() == {sid, other}
    sandbox.ask("POST", "/reset")
    step(orphans.sweep_orphans, now + timedelta(days=31))
    assert found() == set()


def test_where_nothing_else_calls_from_the_number_it_is_ended_with_the_one_that_it_dialled(
    sandbox: Sandbox, settings: Any
) -> None:
    settings.ORPHAN_CALLS = "end"
    sids = {strange_call(sandbox, document=DIALS), strange_call(sandbox)}
    until(lambda: [each["status"] for each in sandbox.ask("GET", "/calls")] == ["in-progress"] * 3)
    [told] = told_in_a_round(datetime.now(UTC) + LATER)
    assert told.startswith("3 calls at Twilio") and told.count("ended by the product 20") == 3
    assert sids < found()
    assert {each["status"] for each in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL


def test_an_end_that_the_carrier_does_not_confirm_is_asked_for_again(sandbox: Sandbox, settings: Any) -> None:
    settings.ORPHAN_CALLS = "end"
    sid, now = strange_call(sandbox), datetime.now(UTC)
    sandbox.fail("twilio.rest", "drop", method="POST")
    [told] = told_in_a_round(now + LATER)
    assert "not ended by the product" in told
    assert status_of(sandbox, sid) == "in-progress"
    step(orphans.sweep_orphans, now + 2 * LATER)
    assert (status_of(sandbox, sid), OrphanCall.objects.get().ended_at) == ("completed", now + 2 * LATER)


def test_a_call_of_ours_is_none_of_them_until_its_rows_are_lost(
    make_account: MakeAccount, sandbox: Sandbox, live_server: LiveServer, settings: Any
) -> None:
    settings.PUBLIC_URL, settings.ORPHAN_CALLS = live_server.url, "end"
    member = make_account()
    give_credit(member, CREDIT)
    call = dialled(member, TALKS)
    until(lambda: fresh(call).status == "in_progress")
    sids = set(call.legs.values_list("sid", flat=True))
    later = datetime.now(UTC) + LATER
    assert (len(sids), told_in_a_round(later)) == (2, [])
    # News of the lead's leg may be missing; the rep's is known, and the carrier is asked about it elsewhere.
    CallLeg.objects.get_queryset().filter(role="callee").delete()
    assert told_in_a_round(later) == []
    assert {status_of(sandbox, sid) for sid in sids} == {"in-progress"}
    settings.ORPHAN_CALLS = "tell"
    CallLeg.objects.get_queryset().delete()
    [told] = told_in_a_round(later)
    assert all(sid in told for sid in sids)
    # The news of its end come before the next test begins.
    [lead] = sandbox.ask("GET", "/calls", to=TALKS)
    sandbox.ask("POST", f"/calls/{lead['sid']}/hangup")
    until(lambda: set(call.legs.values_list("status", flat=True)) == {"completed"})


def test_what_may_be_a_submission_without_an_answer_is_left_to_its_look_up(
    make_account: MakeAccount, sandbox: Sandbox, settings: Any
) -> None:
    settings.ORPHAN_CALLS = "end"
    member = make_account(mobile=TALKS)
    before = strange_call(sandbox, to=TALKS_TOO)
    call, now = place(member), datetime.now(UTC)
    sandbox.fail("twilio.rest", "drop", method="POST")
    submission.dial(call_id=call.id, now=now)
    assert DialIntent.objects.get_queryset().get().state == "submission_unknown"
    # As if the carrier had taken it all the same.
    taken = strange_call(sandbox, to=TALKS, document=DIALS)
    [told] = told_in_a_round(now + LATER)
    assert found() == {before} and taken not in told
    assert (status_of(sandbox, before), status_of(sandbox, taken)) == ("completed", "in-progress")
    submission.resolve_unknown(now=now + LATER)
    assert list(call.legs.values_list("sid", flat=True)) == [taken]
    step(orphans.sweep_orphans, now + LATER)
    assert found() == {before}


def test_a_call_to_the_same_phone_from_before_the_submission_is_one_of_them(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    member = make_account(mobile=TALKS)
    before, call = strange_call(sandbox), place(member)
    sandbox.fail("twilio.rest", "drop", method="POST")
    submission.dial(call_id=call.id, now=datetime.now(UTC) + timedelta(seconds=2))
    step(orphans.sweep_orphans, datetime.now(UTC) + LATER)
    assert found() == {before}


@pytest.mark.parametrize(
    ("kind", "value"), [("drop", 0), ("error", 500), ("error", 20003), ("garbage", 0), ("garbage", 1), ("garbage", 2)]
)
@pytest.mark.parametrize("match", [{}, {"?Status": "in-progress", "?Page": "1"}], ids=["at once", "on the second page"])
def test_a_carrier_that_does_not_list_them_all_changes_nothing(
    sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch, kind: str, value: int, match: dict[str, str]
) -> None:
    settings.ORPHAN_CALLS = "end"
    monkeypatch.setattr(twilio, "LISTED_PAGE", 1)
    sids, now = {strange_call(sandbox) for _ in range(3)}, datetime.now(UTC)
    wanted = {"target": "twilio.rest", "kind": kind, "value": value, "match": match}
    sandbox.ask("POST", "/faults", wanted)
    assert (told_in_a_round(now + LATER), found()) == ([], set())
    assert {status_of(sandbox, sid) for sid in sids} == {"in-progress"}
    step(orphans.sweep_orphans, now + LATER)
    assert found() == sids, "page by page"
