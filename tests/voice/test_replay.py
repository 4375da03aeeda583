"""Every call and charge follows from what is stored of it, and `manage.py replay` finds what does not.

Planted bugs that this catches: a leg that the carrier's REST told of and that is stored nowhere else, callbacks that are applied in
another order than their numbers say, an end that is given without being stored, a settlement whose time is that of the reading.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from uuid_utils.compat import uuid7

from identity.models import Membership
from ledger.models import Entry, Hold
from tests.ledger.books import broken
from tests.sandbox_fixture import Sandbox
from tests.voice import queues
from tests.voice.carrier import Placed, actor_of, give_credit, new_lead, place, post
from tests.voice.test_callbacks import conversation, everything, outcome, refusal
from voice import metering, operations, reconcile, submission
from voice.models import Call, Callback, CallLeg

pytestmark = pytest.mark.django_db(transaction=True)
MakeAccount = Callable[..., Membership]


def replayed() -> tuple[dict[str, object], str]:
    """The last line of `manage.py replay`, and what it said of the first difference; it fails if and only if there is one."""
    out, err = StringIO(), StringIO()
    failed = False
    try:
        call_command("replay", stdout=out, stderr=err)
    except CommandError:
        failed = True
    summary: dict[str, object] = json.loads(out.getvalue().splitlines()[-1])
    assert list(summary) == ["calls", "callbacks", "differences", "ok"]
    assert summary["ok"] is not failed
    return summary, err.getvalue().partition("\n")[0]


def assert_all_rebuilt() -> None:
    summary, first = replayed()
    assert summary["ok"], first


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account()
    give_credit(member, 1_000_000)
    return member


def talked(member: Membership) -> Placed:
    """A conversation that was charged while it ran and settled at its end."""
    placed = place(member)
    posts = conversation(placed)
    for one in posts[:2]:
        post(*one)
    heard(placed)
    post(placed.path("machine"), {"CallSid": placed.callee_sid, "AnsweredBy": "human"})
    metering.charge_due_minutes(now=placed.began_at + timedelta(seconds=30))
    for one in posts[2:]:
        post(*one)
    return placed


def heard(placed: Placed) -> None:
    """The lead has heard the notice, and pressed no key."""
    post(placed.path("notice/played"), {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid})


def sent(one: tuple[str, dict[str, str]]) -> int:
    """The status of its answer; for threads, each of which has a connection of its own to give back."""
    try:
        return post(*one).status
    finally:
        connection.close()


def not_dialled(member: Membership) -> Call:
    """Pressed, and ended again before the carrier was asked."""
    lead = new_lead(member)
    now = datetime.now(UTC)
    call = operations.start_call(actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    operations.request_hangup(actor=actor_of(member), call_id=call.id, now=now)
    submission.dial(call_id=call.id, now=now)
    return call


def test_calls_of_every_kind_are_rebuilt_as_the_tables_hold_them_and_nothing_is_changed(member: Membership) -> None:
    talked(member)
    refused = place(member)
    for one in refusal(refused):
        post(*one)
    not_dialled(member)
    live = place(member)
    for one in conversation(live)[:2]:
        post(*one)
    metering.charge_due_minutes(now=live.began_at + timedelta(seconds=70))
    before = everything()
    summary, first = replayed()
    assert (summary["calls"], summary["differences"], first) == (4, 0, "")
    assert summary["callbacks"] == Callback.objects.get_queryset().count()
    assert everything() == before


def test_without_a_call_there_is_nothing_to_compare() -> None:
    assert replayed()[0] == {"calls": 0, "callbacks": 0, "differences": 0, "ok": True}


PLANTED: dict[str, tuple[str, str]] = {
    "a call's status": ("UPDATE voice_call SET status = 'busy' WHERE id = %(call)s", "voice_call"),
    "a call's length": ("UPDATE voice_call SET duration_s = 63 WHERE id = %(call)s", "voice_call"),
    "a call's charge": ("UPDATE voice_call SET charged_mcredits = 1000 WHERE id = %(call)s", "voice_call"),
    "a call's end": (
        "UPDATE voice_call SET ended_at = ended_at + interval '1 microsecond' WHERE id = %(call)s",
        "voice_call",
    ),
    "who answered": ("UPDATE voice_call SET answered_by = 'fax' WHERE id = %(call)s", "voice_call"),
    "what came of a call": ("UPDATE voice_call SET outcome = 'voicemail' WHERE id = %(call)s", "voice_call"),
    "a transcript that was refused": (
        "UPDATE voice_call SET transcript_state = 'refused' WHERE id = %(call)s",
        "voice_call",
    ),
    "the proof that the notice was heard": (
        "UPDATE voice_callback SET kind = 'notice' WHERE call_id = %(call)s AND kind = 'played'",
        "voice_call",
    ),
    "a leg's answer": ("UPDATE voice_callleg SET answered_at = NULL WHERE call_id = %(call)s", "voice_callleg"),
    "a lost leg": ("DELETE FROM voice_callleg WHERE call_id = %(call)s AND role = 'callee'", "voice_callleg"),
    "a minute's charge": (
        "UPDATE ledger_entry SET effect_mcredits = -999 WHERE reference = %(reference)s AND kind = 'charge'",
        "ledger_entry",
    ),
    "a settlement": (
        "UPDATE ledger_entry SET effect_mcredits = -999 WHERE reference = %(reference)s AND kind = 'settlement'",
        "ledger_entry",
    ),
    "a hold": ("UPDATE ledger_hold SET charged_mcredits = 1 WHERE reference = %(reference)s", "ledger_hold"),
    "a lost hold": ("DELETE FROM ledger_hold WHERE reference = %(reference)s", "ledger_hold"),
    "a callback that moved the call": (
        "DELETE FROM voice_callback WHERE call_id = %(call)s AND params->>'CallDuration' = '64'",
        "voice_callback",
    ),
    "the last callback, which moved nothing": (
        "DELETE FROM voice_callback WHERE call_id = %(call)s AND applied_order ="
        " (SELECT max(applied_order) FROM voice_callback WHERE call_id = %(call)s)",
        "voice_callback",
    ),
    "a callback's words": (
        'UPDATE voice_callback SET params = params || \'{"CallDuration": "65"}\' WHERE call_id = %(call)s'
        " AND params->>'CallDuration' = '64'",
        "voice_callleg",
    ),
}


@pytest.mark.parametrize("what", PLANTED)
def test_whatever_was_changed_behind_the_products_back_is_found_and_its_row_is_named(
    member: Membership, what: str
) -> None:
    placed = talked(member)
    post(
        placed.path("stream"),
        {"CallSid": placed.agent_sid, "StreamEvent": "stream-started", "StreamSid": "MZ" + "0" * 32},
    )
    statement, table = PLANTED[what]
    reference = placed.row.ledger_reference
    with connection.cursor() as cursor:
        # The triggers that keep the books append-only are what such a change has to get past.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(statement, {"call": placed.call_id, "reference": reference})
        changed = cursor.rowcount
        cursor.execute("RESET session_replication_role")
    assert changed
    summary, first = replayed()
    assert not summary["ok"]
    assert first.startswith(f"First difference: {table} ")


def test_a_transcript_that_an_earlier_call_refused_is_rebuilt_without_that_call(member: Membership) -> None:
    """Nor is the text missed of a call that is old enough to have lost it."""
    lead = new_lead(member)
    earlier = queues.call(member, lead, now=datetime.now(UTC))
    post(earlier.path("notice/played"), {"CallSid": earlier.callee_sid, "Digits": "1"})
    queues.ends(earlier, "completed")
    placed = queues.call(member, lead, now=datetime.now(UTC))
    heard(placed)
    queues.ends(placed, "completed")
    assert placed.row.transcript_state == "refused"
    assert replayed() == ({"calls": 2, "callbacks": 11, "differences": 0, "ok": True}, "")
    Call.objects.get_queryset().filter(id=earlier.call_id).delete()
    assert replayed()[0]["ok"]
    Call.objects.get_queryset().update(transcript_state="expired")
    assert replayed()[0]["ok"]


def test_a_charge_names_the_very_entry_that_differs(member: Membership) -> None:
    placed = talked(member)
    entry = Entry.objects.get_queryset().get(reference=placed.row.ledger_reference, kind="charge")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE ledger_entry SET effect_mcredits = -1 WHERE id = %s", [entry.id])
        cursor.execute("RESET session_replication_role")
    assert str(entry.id) in replayed()[1]


def test_what_there_was_no_credit_for_is_no_difference(make_account: MakeAccount) -> None:
    member = make_account()
    give_credit(member, 1_000)
    placed = place(member)
    for one in conversation(placed):
        post(*one)
    assert placed.row.charged_mcredits == 1_000
    assert replayed()[0]["ok"]


def test_a_call_that_was_erased_is_not_missed(member: Membership) -> None:
    talked(member)
    erased = talked(member)
    Call.objects.get_queryset().filter(id=erased.call_id).delete()
    assert replayed()[0] == {
        "calls": 1,
        "callbacks": Callback.objects.get_queryset().count(),
        "differences": 0,
        "ok": True,
    }
    Hold.objects.get_queryset().filter(reference=f"call:{erased.call_id}").update(charged_mcredits=1)
    assert replayed()[1].startswith(f"First difference: ledger_hold call:{erased.call_id}")


def test_calls_whose_callbacks_were_not_numbered_are_left_out(member: Membership) -> None:
    placed = talked(member)
    Callback.objects.get_queryset().filter(call_id=placed.call_id).update(applied_order=None)
    Call.objects.get_queryset().filter(id=placed.call_id).update(callbacks_applied=0)
    assert replayed()[0]["ok"]


def test_a_call_whose_callbacks_were_all_lost_is_rebuilt_from_what_the_carrier_told_when_asked(
    member: Membership, sandbox: Sandbox, live_server: LiveServer, settings: Settings
) -> None:
    settings.PUBLIC_URL = live_server.url
    sandbox.fail("twilio.callbacks", "drop", count=-1)
    lead = new_lead(member)
    lead.phone_e164 = "+12025550185"
    lead.save()
    now = datetime.now(UTC)
    call = operations.start_call(actor=actor_of(member), lead_id=lead.id, idempotency_key=str(uuid7()), now=now)
    submission.dial(call_id=call.id, now=now)
    limit = time.monotonic() + 15
    while any(not leg["ended_at"] for leg in sandbox.ask("GET", "/calls")):
        assert time.monotonic() < limit
        time.sleep(0.05)
    for _ in range(2):
        reconcile.reconcile_call(call_id=call.id, now=datetime.now(UTC))
    kinds = set(Callback.objects.get_queryset().filter(call=call).values_list("kind", flat=True))
    assert {"placed", "agent", "asked"} <= kinds and "leg" not in kinds
    assert not Call.objects.get_queryset().get(id=call.id).is_live
    assert_all_rebuilt()


@pytest.mark.parametrize("answered", [True, False])
def test_a_call_that_the_carrier_has_no_record_of_is_rebuilt_as_it_was_ended(
    member: Membership, sandbox: Sandbox, answered: bool
) -> None:
    placed = place(member)
    if answered:
        for one in conversation(placed)[:2]:
            post(*one)
    # Of a leg that was answered it is believed the second time.
    for minutes in (0, 1) if answered else (0,):
        assert placed.row.is_live
        reconcile.reconcile_call(call_id=placed.row.id, now=datetime.now(UTC) + timedelta(minutes=minutes))
    assert not placed.row.is_live
    assert_all_rebuilt()


@pytest.mark.parametrize("story", [conversation, refusal])
def test_a_thousand_callbacks_of_which_five_are_news_have_one_effect(
    member: Membership, story: Callable[[Placed], list[tuple[str, dict[str, str]]]]
) -> None:
    """Five callbacks, two hundred times each, from four sides at once."""
    once = place(member)
    for one in story(once):
        post(*one)
    often = place(member)
    posts = story(often) * 200
    with ThreadPoolExecutor(4) as sides:
        assert set(sides.map(sent, posts)) <= {200, 204}
    assert outcome(often) == outcome(once)
    assert Callback.objects.get_queryset().filter(call_id=often.call_id).exclude(kind="placed").count() == 5
    assert replayed()[0]["ok"]
    assert broken() == []


def test_callbacks_that_come_72_hours_late_end_as_those_that_come_at_once(member: Membership) -> None:
    late = place(member, began_s_ago=72 * 3_600)
    Call.objects.get_queryset().filter(id=late.call_id).update(created_at=late.began_at)
    for one in reversed(conversation(late)):
        post(*one)
    call = late.row
    assert (call.status, call.duration_s, call.charged_mcredits) == ("completed", 64, 2_000)
    assert call.answered_at == late.began_at + timedelta(seconds=5)
    assert CallLeg.objects.get_queryset().get(call=call, role="callee").ended_at == late.began_at + timedelta(
        seconds=69
    )
    assert replayed()[0]["ok"]
    assert broken() == []


def test_a_talk_that_is_told_of_72_hours_late_is_charged_although_the_carrier_knew_nothing_of_it(
    member: Membership, sandbox: Sandbox
) -> None:
    """Asked in between, it shows neither the rep's leg nor the lead's; that is believed the second time, and corrected when it tells."""
    late = place(member, began_s_ago=72 * 3_600)
    *before, rep_hung_up = conversation(late)
    post(*rep_hung_up)
    began_at = datetime.now(UTC)
    held = []
    for after_s in (0, 2, 6):
        reconcile.reconcile_call(call_id=late.row.id, now=began_at + timedelta(seconds=after_s))
        held.append((late.row.is_live, Hold.objects.get_queryset().get(reference=late.row.ledger_reference).state))
    assert held == [(True, "active"), (True, "active"), (False, "settled")]
    assert (late.row.status, late.row.charged_mcredits, late.row.outcome) == ("failed", 0, "failed")
    assert replayed()[0]["ok"]
    for one in reversed(before):
        post(*one)
    call = late.row
    assert (call.status, call.end_reason, call.duration_s) == ("completed", "hung_up", 64)
    assert (call.charged_mcredits, call.outcome) == (2_000, "connected")
    assert replayed()[0]["ok"]
    assert broken() == []


def test_a_lead_whose_leg_shows_late_was_rung(member: Membership, sandbox: Sandbox) -> None:
    placed = place(member)
    *before, rep_hung_up = conversation(placed)
    post(*rep_hung_up)
    began_at = datetime.now(UTC)
    reconcile.reconcile_call(call_id=placed.row.id, now=began_at)
    post(*before[1])
    reconcile.reconcile_call(call_id=placed.row.id, now=began_at + timedelta(seconds=6))
    assert not Callback.objects.get_queryset().filter(call_id=placed.call_id, kind="never_rung").exists()
    assert replayed()[0]["ok"]
