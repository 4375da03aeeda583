"""A carrier that takes what it is asked about one call and does not answer: the others are seen to in their time all the same, and the
one whose answer comes late is asked once and is right in the end.

Planted bugs that this catches: one call asked after the other; a round that waits for every answer; a call asked again while its
answer is awaited; those that hang taking every place; a connection of the database kept by each that waits; calls that nobody has asked about yet
standing behind all that were; a line taken for ended since another one of its call is.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from config.management.commands.clock import LANES
from identity.models import Membership
from tests.ledger.books import amounts, broken
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import actor_of, sid
from tests.voice.test_dialling import CREDIT, place
from tests.voice.test_lying_carrier import RINGS_ON, dial_of, path_of, placed_at
from tests.voice.test_outage import fresh, until
from voice import operations, orphans, reconcile, submission, sweeps
from voice.models import Call, CallLeg
from voice.state import LEG_TERMINAL

pytestmark = pytest.mark.django_db(transaction=True)
MakeAccount = Callable[..., Membership]
# The carrier's answer comes so late; and the round waits no longer than this for it.
HANGS_S, WAITED_S = 4.0, 0.4


@pytest.fixture(autouse=True)
def a_short_round(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """And nobody leaves anything under way to the test that follows."""
    monkeypatch.setattr(sweeps, "WAITED_FOR_S", WAITED_S)
    yield
    until(nothing_is_under_way)


def nothing_is_under_way() -> bool:
    return not any(thread.name in ("reconcile", "hang_up", "dial") for thread in threading.enumerate())


def hangs(sandbox: Sandbox, call: Call, *, ms: int = int(HANGS_S * 1_000), **match: str) -> None:
    leg = call.legs.get(role="agent").sid
    sandbox.fail("twilio.rest", "delay", value=ms, count=-1, path=path_of(leg), **match)


def struck(sandbox: Sandbox) -> int:
    return sum(each["struck"] for each in sandbox.ask("GET", "/faults"))


def unknown_to_the_carrier(member: Membership, now: datetime) -> Call:
    """A call that is over as soon as the carrier is asked about it."""
    call = place(member)
    submission.adopt(call_id=call.id, sid=sid(), now=now)
    return call


def seconds_of(work: Callable[..., object], now: datetime) -> float:
    began = time.monotonic()
    work(now=now)
    return time.monotonic() - began


def test_a_call_about_which_the_carrier_says_nothing_holds_up_no_other(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    one, other = make_account(), make_account(email="eve@example.com", mobile="+12025550199")
    now = datetime.now(UTC)
    hanging, healed = unknown_to_the_carrier(one, now), unknown_to_the_carrier(other, now)
    hangs(sandbox, hanging)
    in_its_minute = now + timedelta(seconds=61)
    assert seconds_of(reconcile.reconcile_calls, in_its_minute) < HANGS_S
    until(lambda: not fresh(healed).is_live)
    assert fresh(hanging).is_live
    assert amounts(other.workspace_id) == (CREDIT, 0, 0)
    # A minute later its answer is still awaited.
    reconcile.reconcile_calls(now=in_its_minute + timedelta(seconds=61))
    assert struck(sandbox) == 1
    until(lambda: not fresh(hanging).is_live)
    assert fresh(hanging).end_reason == "rep_unreachable"
    assert (amounts(one.workspace_id), broken()) == ((CREDIT, 0, 0), [])


def test_a_line_whose_end_the_carrier_does_not_confirm_holds_up_no_other_that_is_to_end(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    people = [make_account(mobile=RINGS_ON), make_account(email="eve@example.com", mobile="+13125550187")]
    now = datetime.now(UTC)
    calls = [place(each) for each in people]
    for each, call in zip(people, calls, strict=True):
        submission.dial(call_id=call.id, now=now)
        operations.request_hangup(actor=actor_of(each), call_id=call.id, now=now)
    hangs(sandbox, calls[0], method="POST")
    assert seconds_of(reconcile.sweep_hangups, now + timedelta(seconds=4)) < HANGS_S
    [open_line], [ended] = [placed_at(sandbox, each) for each in people]

    def is_over(line: str) -> bool:
        return {each["sid"]: each["status"] for each in sandbox.ask("GET", "/calls")}[line] in LEG_TERMINAL

    until(lambda: is_over(ended))
    assert not is_over(open_line)
    until(lambda: {each["status"] for each in sandbox.ask("GET", "/calls")} <= LEG_TERMINAL)


def test_a_dial_that_the_carrier_takes_and_does_not_answer_is_made_once_and_holds_up_no_other(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    people = [make_account(mobile=RINGS_ON), make_account(email="eve@example.com", mobile="+13125550187")]
    calls = [place(each) for each in people]
    sandbox.fail("twilio.rest", "delay", value=int(HANGS_S * 1_000), method="POST", To=RINGS_ON)
    due = datetime.now(UTC) + timedelta(seconds=2)
    assert seconds_of(submission.sweep_dials, due) < HANGS_S
    until(lambda: dial_of(calls[1]) == "submitted")
    assert dial_of(calls[0]) == "submitting"
    # Its lease runs out meanwhile: it is looked up, never placed again.
    for later_s in (1, 20):
        submission.sweep_dials(now=due + timedelta(seconds=later_s))
        submission.resolve_unknown(now=due + timedelta(seconds=later_s))
    until(lambda: dial_of(calls[0]) == "submitted")
    assert [len(placed_at(sandbox, each)) for each in people] == [1, 1]
    assert [amounts(each.workspace_id)[1] for each in people] == [amounts(people[0].workspace_id)[1]] * 2


def test_those_that_hang_never_take_all_places_from_one_that_does_not(
    make_account: MakeAccount, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "AT_ONCE", 2)
    monkeypatch.setattr(sweeps, "SLOW_AT_ONCE", 1)
    now = datetime.now(UTC)
    calls = []
    for n, area in enumerate((202, 312, 415)):
        member = make_account(email=f"rep{n}@example.com", mobile=f"+1{area}5550187")
        calls.append(place(member))
        submission.dial(call_id=calls[-1].id, now=now)
        asked_at = now + timedelta(milliseconds=n)
        operations.request_hangup(actor=actor_of(member), call_id=calls[-1].id, now=asked_at)
    for call in calls[:2]:
        hangs(sandbox, call, ms=600, method="POST")
        sandbox.fail("twilio.rest", "error", 503, count=-1, path=path_of(call.legs.get().sid), method="POST")
    reconcile.sweep_hangups(now=now + timedelta(seconds=4))
    until(nothing_is_under_way)
    reconcile.sweep_hangups(now=now + timedelta(seconds=6))
    until(lambda: fresh(calls[2]).hangup_confirmed_at is not None)
    assert [fresh(call).hangup_confirmed_at for call in calls[:2]] == [None, None]


def test_who_waits_for_the_carrier_keeps_no_connection_of_the_database(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    now = datetime.now(UTC)
    call = unknown_to_the_carrier(make_account(), now)
    hangs(sandbox, call)
    before = connections_in_use()
    reconcile.reconcile_calls(now=now + timedelta(seconds=61))
    until(lambda: struck(sandbox) == 1)
    assert connections_in_use() == before


def connections_in_use() -> int:
    """Of this process, taken out of its pool."""
    pool: Any = connection.pool  # type: ignore[attr-defined]
    stats = pool.get_stats()
    return int(stats["pool_size"] - stats["pool_available"])


def test_a_call_of_which_nobody_has_asked_yet_is_not_behind_all_that_were(
    make_account: MakeAccount, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "BATCH", 1)
    people = [make_account(), make_account(email="eve@example.com", mobile="+12025550199")]
    now = datetime.now(UTC)
    asked_before, new = [unknown_to_the_carrier(each, now) for each in people]
    later = now + timedelta(seconds=61)
    Call.objects.get_queryset().filter(id=asked_before.id).update(reconciled_at=later - timedelta(seconds=30))
    reconcile.reconcile_calls(now=later)
    until(nothing_is_under_way)
    assert [fresh(call).is_live for call in (asked_before, new)] == [True, False]


def test_the_reps_line_that_is_open_although_the_lead_has_gone_is_ended_in_its_minute(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    """What the carrier told of the lead's leg came; of the rep's it told nothing any more."""
    member = make_account(mobile=RINGS_ON)
    call, now = place(member), datetime.now(UTC)
    submission.dial(call_id=call.id, now=now)
    submission.give_up(call_id=call.id, status="no_answer", reason="lead_no_answer", now=now)
    CallLeg.objects.create(
        workspace_id=call.workspace_id, call_id=call.id, sid=sid(), role="callee", status="no-answer", ended_at=now
    )
    [line] = placed_at(sandbox, member)

    def is_open() -> bool:
        return sandbox.ask("GET", "/calls")[0]["status"] not in LEG_TERMINAL

    reconcile.sweep_hangups(now=now + timedelta(seconds=50))
    until(nothing_is_under_way)
    assert is_open(), "they may be told why it ended"
    reconcile.sweep_hangups(now=now + timedelta(seconds=61))
    until(nothing_is_under_way)
    assert not is_open()
    reconcile.sweep_hangups(now=now + timedelta(seconds=63))
    until(nothing_is_under_way)
    assert CallLeg.objects.get_queryset().get(sid=line).status in LEG_TERMINAL


def test_who_looks_for_strangers_calls_page_by_page_is_not_who_ends_calls() -> None:
    lanes = {work: lane for lane, rounds in LANES.items() for _, work in rounds}
    assert lanes[orphans.sweep_orphans] != lanes[reconcile.sweep_hangups] == lanes[reconcile.reconcile_calls]
