"""A call is placed once or not at all.

Planted bugs that this catches: a dial that is submitted again after a silent carrier (two calls at the carrier), an intent that
is not claimed (two workers dial), a look at the running call without the constraint behind it (two clicks, two calls).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from uuid_utils.compat import uuid7

from compliance import suppression
from identity import opt_out
from identity.access import Client
from identity.models import Membership, User
from tests.identity.browser import Browser
from tests.ledger.books import amounts, broken
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of, give_credit, new_lead, post
from tests.voice.carrier import place as placed
from voice import operations, submission
from voice.models import Call, DialIntent, Lead

pytestmark = pytest.mark.django_db(transaction=True)
CREDIT = 50_000


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(member)


def press_call(page: Browser, lead_id: object, key: str = "click-number-one") -> tuple[int, Any]:
    return page.post("/api/calls", {"lead_id": str(lead_id)}, **{"Idempotency-Key": key})


def nothing_was_dialled(sandbox: Sandbox) -> bool:
    rows = Call.objects.get_queryset().count() + DialIntent.objects.get_queryset().count()
    return rows == 0 and sandbox.ask("GET", "/calls") == []


def test_without_credit_nothing_is_dialled(page: Browser, member: Membership, sandbox: Sandbox) -> None:
    status, answer = press_call(page, new_lead(member).id)
    assert (status, answer["code"]) == (409, "insufficient_credit")
    assert nothing_was_dialled(sandbox)


def test_a_suppressed_number_is_not_dialled(page: Browser, member: Membership, sandbox: Sandbox) -> None:
    give_credit(member, CREDIT)
    lead = new_lead(member)
    assert lead.phone_e164
    suppression.suppress(
        workspace_id=None, phone_e164=lead.phone_e164, reason="asked", source="tests", now=datetime.now(UTC)
    )
    status, answer = press_call(page, lead.id)
    assert (status, answer["code"]) == (409, "lead_suppressed")
    assert nothing_was_dialled(sandbox)
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


@pytest.mark.parametrize(
    "phone", ["", "12", "+1", "+1 000 000 0000", "+999123456789", "0049x", "\x00", "+49" + "1" * 60]
)
def test_a_malformed_number_becomes_no_lead(page: Browser, sandbox: Sandbox, phone: str) -> None:
    status, answer = page.post("/api/leads", {"first_name": "Nobody", "phone": phone})
    assert status == 422 and answer["code"] in ("phone_invalid", "invalid_fields")
    assert page.get("/api/leads")[1]["items"] == []
    assert nothing_was_dialled(sandbox)


SPECIAL_NUMBERS = {
    "premium rate": "+1 900 555 0123",
    "premium rate abroad": "+44 909 879 0123",
    "pager": "+44 7640 123456",
}


@pytest.mark.parametrize("phone", SPECIAL_NUMBERS.values(), ids=SPECIAL_NUMBERS)
def test_a_number_at_a_special_rate_becomes_no_lead(page: Browser, sandbox: Sandbox, phone: str) -> None:
    status, answer = page.post("/api/leads", {"first_name": "Hotline", "phone": phone})
    assert (status, answer["code"]) == (422, "phone_not_callable")
    assert page.get("/api/leads")[1]["items"] == []


@pytest.mark.parametrize(
    ("whose", "code"),
    [("premium", "phone_not_callable"), ("caller id", "lead_is_caller_id"), ("rep", "lead_is_own_phone")],
)
def test_a_lead_whose_number_nobody_should_call_is_not_dialled(
    page: Browser, member: Membership, sandbox: Sandbox, whose: str, code: str
) -> None:
    """The number may have become one since the lead was added."""
    give_credit(member, CREDIT)
    lead = new_lead(member)
    numbers = {"premium": "+19005550123", "caller id": settings.TWILIO_CALLER_ID, "rep": member.user.mobile_e164}
    Lead.objects.for_workspace(member.workspace_id).filter(id=lead.id).update(phone_e164=numbers[whose])
    check = page.get(f"/api/leads/{lead.id}/dial-check")[1]
    assert not check["may_call"]
    assert [refusal["code"] for refusal in check["refusals"]] == [code]
    status, answer = press_call(page, lead.id)
    assert (status, answer["code"]) == (409, code)
    assert nothing_was_dialled(sandbox)
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


def test_a_lead_of_nobody_is_not_dialled(page: Browser, member: Membership, sandbox: Sandbox) -> None:
    give_credit(member, CREDIT)
    status, answer = press_call(page, uuid7())
    assert (status, answer["code"]) == (404, "not_found")
    assert nothing_was_dialled(sandbox)


@pytest.mark.parametrize("keys", [["the-same-key"] * 4, [f"another-key-{n}" for n in range(4)]])
def test_four_clicks_at_the_same_moment_make_one_call(page: Browser, member: Membership, keys: list[str]) -> None:
    give_credit(member, CREDIT)
    lead, start = new_lead(member), Barrier(len(keys))

    def click(key: str) -> tuple[int, str]:
        try:
            start.wait(timeout=10)
            status, answer = press_call(page, lead.id, key)
            return status, answer.get("id") or answer["code"]
        finally:
            connection.close()

    with ThreadPoolExecutor(len(keys)) as pool:
        answers = list(pool.map(click, keys))
    call = Call.objects.get_queryset().get()
    assert DialIntent.objects.get_queryset().count() == 1
    # With another key each, the later ones learn that a call is going on; none fails in another way.
    assert set(answers) <= {(201, str(call.id)), (409, "call_in_progress")}
    assert (201, str(call.id)) in answers
    if len(set(keys)) == 1:
        assert set(answers) == {(201, str(call.id))}
    assert amounts(member.workspace_id) == (CREDIT - 5_000, 5_000, 0)


def test_a_key_that_was_sent_for_another_call_dials_nothing_and_shows_none(page: Browser, member: Membership) -> None:
    give_credit(member, CREDIT)
    lead = new_lead(member)
    assert press_call(page, lead.id)[0] == 201
    status, answer = press_call(page, new_lead(member).id)
    assert (status, answer["code"]) == (409, "idempotency_key_reused")
    assert [call.lead_id for call in Call.objects.get_queryset()] == [lead.id]


def place(member: Membership) -> Call:
    give_credit(member, CREDIT)
    return operations.start_call(
        actor=actor_of(member), lead_id=new_lead(member).id, idempotency_key=str(uuid7()), now=datetime.now(UTC)
    )


def test_a_carrier_that_took_the_call_and_then_was_silent_is_asked_and_never_told_again(
    member: Membership, sandbox: Sandbox
) -> None:
    call = place(member)
    sandbox.fail("twilio.rest", "timeout_after_accept")
    now = datetime.now(UTC)
    submission.dial(call_id=call.id, now=now)
    assert DialIntent.objects.get_queryset().get().state == "submission_unknown"
    submission.dial(call_id=call.id, now=now)
    sandbox.fail("twilio.rest", "error", value=500)
    submission.resolve_unknown(now=now + timedelta(seconds=1))
    assert DialIntent.objects.get_queryset().get().state == "submission_unknown"
    submission.resolve_unknown(now=now + timedelta(seconds=6))
    assert DialIntent.objects.get_queryset().get().state == "submitted"
    at_the_carrier = sandbox.ask("GET", "/calls", to=member.user.mobile_e164)
    assert [record["sid"] for record in at_the_carrier] == list(call.legs.values_list("sid", flat=True))


def test_a_carrier_that_answers_late_has_one_call(member: Membership, sandbox: Sandbox) -> None:
    call = place(member)
    sandbox.fail("twilio.rest", "delay", value=300)
    submission.dial(call_id=call.id, now=datetime.now(UTC))
    assert DialIntent.objects.get_queryset().get().state == "submitted"
    at_the_carrier = sandbox.ask("GET", "/calls", to=member.user.mobile_e164)
    assert [record["sid"] for record in at_the_carrier] == list(call.legs.values_list("sid", flat=True))


def test_a_carrier_that_never_got_the_call_costs_nothing(member: Membership, sandbox: Sandbox) -> None:
    call = place(member)
    sandbox.fail("twilio.rest", "drop")
    now = datetime.now(UTC)
    submission.dial(call_id=call.id, now=now)
    submission.resolve_unknown(now=now + timedelta(seconds=30))
    assert DialIntent.objects.get_queryset().get().state == "submission_unknown"
    submission.resolve_unknown(now=now + timedelta(seconds=120))
    call.refresh_from_db()
    assert (call.status, call.end_reason) == ("failed", "carrier_unreachable")
    assert sandbox.ask("GET", "/calls") == []
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)
    assert broken() == []


def test_a_person_whose_number_cannot_be_read_holds_up_nobody_else(
    member: Membership, make_account: Callable[..., Membership], sandbox: Sandbox
) -> None:
    other = make_account(email="eve@example.com", mobile="+12025550199")
    calls, now = [place(member), place(other)], datetime.now(UTC)
    for call in calls:
        sandbox.fail("twilio.rest", "drop")
        submission.dial(call_id=call.id, now=now)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE identity_user SET mobile_e164_sealed = '\\x00' WHERE id = %s", [member.user_id])
    submission.resolve_unknown(now=now + timedelta(seconds=120))
    assert [call.status for call in Call.objects.get_queryset()] == ["failed", "failed"]
    assert [amounts(each.workspace_id) for each in (member, other)] == [(CREDIT, 0, 0)] * 2


def test_a_call_that_the_carrier_refuses_ends_with_its_reason(member: Membership, sandbox: Sandbox) -> None:
    call = place(member)
    sandbox.fail("twilio.rest", "error", value=21211)
    submission.dial(call_id=call.id, now=datetime.now(UTC))
    call.refresh_from_db()
    assert (call.status, call.end_reason) == ("failed", "carrier_refused")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


def test_a_worker_that_died_while_it_dialled_is_not_repeated_but_looked_up(
    member: Membership, sandbox: Sandbox
) -> None:
    """The intent is claimed, and nothing more is known."""
    call = place(member)
    now = datetime.now(UTC)
    DialIntent.objects.get_queryset().update(state="submitting", claimed_at=now)
    submission.dial(call_id=call.id, now=now)
    submission.resolve_unknown(now=now + timedelta(seconds=31))
    assert DialIntent.objects.get_queryset().get().state == "submission_unknown"
    assert sandbox.ask("GET", "/calls") == []


def left(member: Membership) -> None:
    Membership.objects.for_workspace(member.workspace_id).filter(id=member.id).delete()


def switched_off(member: Membership) -> None:
    User.objects.filter(id=member.user_id).update(is_active=False)


def stopped_our_texts(member: Membership) -> None:
    opt_out.stop(user_id=member.user_id, way="text", client=Client(address=None, agent=""), now=datetime.now(UTC))


@pytest.mark.parametrize("gone", [left, switched_off, stopped_our_texts])
def test_nobody_is_dialled_for_who_may_not_call_any_more(
    member: Membership, sandbox: Sandbox, gone: Callable[[Membership], None]
) -> None:
    """Whether it was so when Call was pressed, came while the dial waited for its worker, or while the rep's phone rang."""
    waits, now = place(member), datetime.now(UTC)
    gone(member)
    submission.dial(call_id=waits.id, now=now)
    with pytest.raises(operations.DialRefused) as refused:
        operations.start_call(
            actor=actor_of(member), lead_id=new_lead(member).id, idempotency_key=str(uuid7()), now=now
        )
    assert refused.value.code == "rep_may_not_call"
    waits.refresh_from_db()
    assert (waits.status, waits.end_reason) == ("cancelled", "rep_may_not_call")
    assert sandbox.ask("GET", "/calls") == []
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


@pytest.mark.parametrize("gone", [left, switched_off, stopped_our_texts])
def test_a_rep_who_may_not_call_any_more_picks_up_and_no_lead_is_rung(
    member: Membership, gone: Callable[[Membership], None]
) -> None:
    give_credit(member, CREDIT)
    rings = placed(member)
    gone(member)
    answer = post(rings.path("agent"), {"CallSid": rings.agent_sid, "CallStatus": "in-progress"})
    assert "<Hangup" in answer.body and "<Dial" not in answer.body
    assert (rings.row.status, rings.row.end_reason) == ("cancelled", "rep_may_not_call")
    assert amounts(member.workspace_id) == (CREDIT, 0, 0)


def test_of_eight_workers_one_dials(member: Membership, sandbox: Sandbox) -> None:
    call, start = place(member), Barrier(8)

    def dial(_: int) -> None:
        try:
            start.wait(timeout=10)
            submission.dial(call_id=call.id, now=datetime.now(UTC))
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(dial, range(8)))
    assert len(sandbox.ask("GET", "/calls", to=member.user.mobile_e164)) == 1


def test_a_number_of_a_satellite_network_becomes_a_lead_of_no_country(page: Browser, sandbox: Sandbox) -> None:
    status, answer = page.post("/api/leads", {"first_name": "Sailor", "phone": "+881612345678"})
    assert (status, answer["country"]) == (201, "")
