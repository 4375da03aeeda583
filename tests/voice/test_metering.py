"""The meter over many calls at once: each increment once, each mark once, the end when the credits end.

Planted bugs that this must catch: a call's increments that are counted from 0 again at the next tick and a tick that stops at
its first batch.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from threading import Event
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from uuid_utils.compat import uuid7

from identity.models import Membership
from ledger import operations as ledger
from ledger.models import Entry, Hold, RateCard
from tests.ledger.books import amounts, began, broken, completed, hold, new_workspace, notify
from tests.realtime.test_hub import Page, Somebody, run
from voice import credit_end, metering
from voice.models import Call, Lead

pytestmark = pytest.mark.django_db(transaction=True)
ANSWERED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_phones = count(2_000)
MakeAccount = Callable[..., Membership]
NewCall = Callable[..., Call]


def at(seconds: float) -> datetime:
    return ANSWERED + timedelta(seconds=seconds)


@pytest.fixture
def talking(make_account: MakeAccount) -> NewCall:
    """Makes a live call that the lead has just answered, with a hold of this many milli-credits."""

    def talking(*, bought: int = 100_000, held: int = 5_000, workspace_id: UUID | None = None, **fields: Any) -> Call:
        workspace_id = workspace_id or new_workspace(mcredits=bought)
        number = next(_phones)
        member = make_account(email=f"rep{number}@metering.example", mobile=f"+1202557{number:04d}")
        lead = Lead.objects.create(
            workspace_id=workspace_id,
            first_name=f"Lead {number}",
            phone_e164=f"+1202556{number:04d}",
            created_at=ANSWERED,
        )
        defaults: dict[str, Any] = {
            "rate_card_id": RateCard.objects.get(version=1).id,
            "status": "in_progress",
            "created_at": ANSWERED,
            "answered_at": ANSWERED,
            "max_duration_s": 7_200,
        }
        call = Call.objects.create(
            workspace_id=workspace_id,
            lead=lead,
            user_id=member.user_id,
            idempotency_key=str(uuid7()),
            **defaults | fields,
        )
        hold(workspace_id, call.ledger_reference, held)
        return call

    return talking


def charged(call: Call) -> list[int]:
    """The ordinals that the ledger has charged, which the call's row has to agree with."""
    call.refresh_from_db()
    entries = Entry.objects.for_workspace(call.workspace_id).filter(kind="charge", reference=call.ledger_reference)
    assert call.charged_mcredits == -sum(entries.values_list("effect_mcredits", flat=True))
    return sorted(entries.values_list("ordinal", flat=True))


def by_the_second(version: int = 2) -> UUID:
    terms = {"mcredits_per_minute": 1_000, "increment_s": 1, "minimum_s": 30, "ai_query_mcredits": 200}
    return RateCard.objects.create(version=version, valid_from=datetime(2027, 1, 1, tzinfo=UTC), **terms).id


def test_each_minute_is_charged_at_its_begin_and_once_however_often_the_meter_ticks(talking: NewCall) -> None:
    call = talking()
    debited = [metering.charge_due_minutes(now=at(s)) for s in (-1, 0, 0, 59.9, 60, 61, 125, 125)]
    assert debited == [0, 1, 0, 0, 1, 0, 1, 0]
    assert charged(call) == [0, 1, 2]
    assert call.minutes_charged == 3
    assert broken() == []


def test_two_meters_at_once_charge_every_minute_of_every_call_once(talking: NewCall) -> None:
    workspace_id = new_workspace(mcredits=100_000)
    calls = [talking(workspace_id=workspace_id) for _ in range(3)] + [talking() for _ in range(3)]

    def tick(second: int) -> int:
        try:
            return metering.charge_due_minutes(now=at(second))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        debited = sum(pool.map(tick, [0, 0, 0, 0, 61, 61, 61, 61, 61, 61]))
    assert debited + metering.charge_due_minutes(now=at(61)) == 12
    assert [charged(call) for call in calls] == [[0, 1]] * 6
    assert broken() == []


def test_who_begins_to_listen_between_a_charge_and_its_commit_is_told_of_it(talking: NewCall) -> None:
    """Red when it is asked before the commit who listens: such a page read what was before it; and when a page does not listen to
    its workspace."""
    # Of one topic alone it is not asked whether anybody listens to it.
    call, _ = talking(), talking()
    charging, listening = Event(), Event()

    def tick() -> None:
        try:
            with transaction.atomic():
                metering.charge_due_minutes(now=at(0))
                charging.set()
                assert listening.wait(20)
        finally:
            connection.close()

    async def story() -> None:
        ticking = asyncio.create_task(asyncio.to_thread(tick))
        assert await asyncio.to_thread(charging.wait, 20)
        page = Page()
        page.somebody = Somebody(call.user_id, call.workspace_id)
        await page.open()
        listening.set()
        await ticking
        while "call" not in (event := json.loads(await page.next())["event"]):
            pass
        assert (event["call"]["id"], event["call"]["charged_mcredits"]) == (str(call.id), 1_000)
        await page.leave()

    run(story)


def test_more_calls_than_one_batch_are_all_charged(talking: NewCall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metering, "BATCH_CALLS", 2)
    calls = [talking(created_at=at(-number % 3)) for number in range(5)]
    assert metering.charge_due_minutes(now=at(0)) == 5
    assert [charged(call) for call in calls] == [[0]] * 5


def test_the_number_of_statements_does_not_grow_with_the_number_of_calls(talking: NewCall) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            metering.charge_due_minutes(now=at(0))
            credit_end.watch_credits(now=at(0))
        return len(captured)

    talking()
    # The first of a process also reads the rate card.
    statements()
    talking()
    few = statements()
    for _ in range(7):
        talking()
    assert statements() == few <= 20


def test_after_an_outage_a_call_catches_up_without_holding_up_the_others(talking: NewCall) -> None:
    """Red when all increments are due at once: the ledger takes a bounded number of charges."""
    patient, late = talking(), talking(rate_card_id=by_the_second(), held=1_000)
    most = metering.INCREMENTS_AT_ONCE_MAX
    assert metering.charge_due_minutes(now=at(100)) == 2 + most
    assert charged(patient) == [0, 1]
    for _ in range(100 // most + 1):
        metering.charge_due_minutes(now=at(100))
    charged(late)
    assert late.minutes_charged == 101
    # 101 s at 1,000 a minute, rounded up.
    assert late.charged_mcredits == 1_684
    assert broken() == []


def test_nothing_is_charged_beyond_the_longest_duration_and_after_the_end_was_asked_for(talking: NewCall) -> None:
    short = talking(max_duration_s=90)
    ended = talking(hangup_requested_at=at(10))
    metering.charge_due_minutes(now=at(300))
    assert (charged(short), charged(ended)) == ([0, 1], [])


def test_a_call_whose_next_minute_nobody_can_pay_is_ended_and_hinders_no_other(talking: NewCall) -> None:
    workspace_id = new_workspace(mcredits=2_500)
    first = talking(workspace_id=workspace_id, held=1_000)
    second = talking(workspace_id=workspace_id, held=1_000)
    rich = talking()
    metering.charge_due_minutes(now=at(0))
    metering.charge_due_minutes(now=at(60))
    assert [charged(call) for call in (first, second, rich)] == [[0], [0], [0, 1]]
    assert [call.hangup_requested_at for call in (first, second, rich)] == [at(60), at(60), None]
    assert amounts(workspace_id) == (500, 0, 0)
    assert broken() == []


def test_a_call_that_can_be_paid_goes_on_though_a_dearer_one_of_its_workspace_before_it_cannot(
    talking: NewCall,
) -> None:
    """Red when what the ledger left undecided is not asked for again."""
    dear = RateCard.objects.create(
        version=2,
        valid_from=datetime(2027, 1, 1, tzinfo=UTC),
        mcredits_per_minute=5_000,
        increment_s=60,
        minimum_s=60,
        ai_query_mcredits=200,
    )
    workspace_id = new_workspace(mcredits=2_000)
    first = talking(workspace_id=workspace_id, held=500, rate_card_id=dear.id, created_at=at(-2))
    second = talking(workspace_id=workspace_id, held=500, created_at=at(-1))
    rich = talking()
    assert metering.charge_due_minutes(now=at(0)) == 2
    assert [charged(call) for call in (first, second, rich)] == [[], [0], [0]]
    assert [call.hangup_requested_at for call in (first, second, rich)] == [at(0), None, None]
    assert [call.minutes_charged for call in (first, second, rich)] == [0, 1, 1]
    assert amounts(workspace_id) == (500, 500, 0)
    assert broken() == []


def test_of_calls_that_are_decided_one_by_one_the_older_is_paid_first(talking: NewCall) -> None:
    """However their ids stand. Red when they are asked for in another order than that of their begin."""
    dear = RateCard.objects.create(
        version=2,
        valid_from=datetime(2027, 1, 1, tzinfo=UTC),
        mcredits_per_minute=5_000,
        increment_s=60,
        minimum_s=60,
        ai_query_mcredits=200,
    )
    workspace_id = new_workspace(mcredits=3_000)
    ids = sorted(uuid7() for _ in range(8))
    first = talking(workspace_id=workspace_id, held=100, rate_card_id=dear.id, created_at=at(-20))
    calls = [
        talking(workspace_id=workspace_id, held=100, id=call_id, created_at=at(-number))
        for number, call_id in enumerate(ids, 1)
    ]
    metering.charge_due_minutes(now=at(0))
    assert charged(first) == []
    oldest, second, *younger = reversed(calls)
    assert [charged(call) for call in (oldest, second)] == [[0], [0]]
    assert all(charged(call) == [] and call.hangup_requested_at == at(0) for call in younger)
    assert broken() == []


def test_of_a_call_that_pays_for_the_first_of_two_minutes_that_one_is_charged_and_noted(talking: NewCall) -> None:
    """Both are due at once, as after an outage. Red when what was charged before it was decided is not noted."""
    call = talking(bought=1_000, held=500)
    metering.charge_due_minutes(now=at(61))
    assert charged(call) == [0]
    assert (call.minutes_charged, call.charged_mcredits, call.hangup_requested_at) == (1, 1_000, at(61))
    assert broken() == []


def test_a_charge_moves_the_expiry_of_its_hold_and_so_does_the_keeper(talking: NewCall) -> None:
    call, silent = talking(), talking(answered_at=None)
    metering.charge_due_minutes(now=at(3_000))
    metering.keep_holds(now=at(4_000))

    def expiry(of: Call) -> datetime:
        return Hold.objects.get_queryset().get(reference=of.ledger_reference).expires_at

    assert expiry(call) == expiry(silent) == at(4_000 + metering.HOLD_RENEWED_S)
    assert charged(call) == list(range(metering.INCREMENTS_AT_ONCE_MAX))


def test_a_call_keeps_its_hold_until_it_is_known_to_be_over(talking: NewCall) -> None:
    """Ten minutes and longer in which the carrier does not say whether it took a call, or that somebody answered it. Red when the
    keeper looks at calls alone that are known to be answered."""
    unknown, ringing = (talking(answered_at=None, status=status) for status in ("intended", "callee_ringing"))
    over = talking(answered_at=None, status="no_answer", ended_at=at(10))
    Hold.objects.get_queryset().update(expires_at=at(600))
    for minute in range(1, 21):
        metering.keep_holds(now=at(60 * minute))
        ledger.release_expired_holds(now=at(60 * minute))

    def state(of: Call) -> str:
        return Hold.objects.get_queryset().get(reference=of.ledger_reference).state

    assert (state(unknown), state(ringing)) == ("active", "active")
    # That of a call that is over is not kept for ever, should nothing have settled it.
    assert state(over) != "active"
    assert broken() == []


def ticked(call: Call, *seconds: int) -> list[tuple[int, int | None]]:
    """Meters at these seconds. Returns when the call was marked as warned, and at how many seconds left, or not any more."""
    marks: list[tuple[int, int | None]] = [(0, call.warned_at_s)]
    for second in seconds:
        metering.charge_due_minutes(now=at(second))
        credit_end.watch_credits(now=at(second))
        call.refresh_from_db()
        if call.warned_at_s != marks[-1][1]:
            marks.append((second, call.warned_at_s))
    return marks[1:]


def test_a_call_is_warned_once_at_60_and_once_at_15_seconds_and_ended_at_none(talking: NewCall) -> None:
    call, rich = talking(bought=2_000, held=2_000), talking()
    assert ticked(call, *range(121)) == [(60, 60), (105, 15), (113, 7)]
    rich.refresh_from_db()
    assert (call.hangup_requested_at, rich.hangup_requested_at, rich.warned_at_s) == (at(120), None, None)
    assert charged(call) == [0, 1]


def test_credits_bought_during_the_call_extend_it_and_it_is_warned_anew_when_these_end(talking: NewCall) -> None:
    call = talking(bought=1_000, held=1_000)
    assert ticked(call, *range(51)) == [(0, 60), (45, 15)]
    notify(completed(began(call.workspace_id, mcredits=1_000)))
    assert ticked(call, *range(51, 121)) == [(51, None), (60, 60), (105, 15), (113, 7)]
    assert call.hangup_requested_at == at(120)
    assert amounts(call.workspace_id) == (0, 0, 0)


def test_a_call_that_reaches_its_longest_duration_is_warned_and_ended_too(talking: NewCall) -> None:
    call = talking(max_duration_s=100)
    assert ticked(call, *range(0, 101, 5)) == [(40, 60), (85, 15), (95, 7)]
    assert call.hangup_requested_at == at(100)
