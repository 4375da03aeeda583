"""Callbacks that come by the hundred: stored together, acknowledged, then applied together, each once and none lost.

Planted bugs that this catches: callbacks handed on to be applied before they are stored (they are never applied), one refused
row that fails all that came with it, ON CONFLICT left out (the second of the same news is turned away), what cannot be applied in a
lot left out of what is tried alone, an analysis that was left to whoever is at another and forgotten by them, a broken connection that
is kept, a thread that is not begun again.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.db import DataError, Error, OperationalError, connection
from django.db.backends.signals import connection_created
from huey.contrib.djhuey import HUEY
from uuid_utils.compat import uuid7

from identity.models import Membership, User
from tests.ledger.books import broken
from tests.voice import carrier, front_door
from tests.voice.carrier import Placed, give_credit, place, signature
from tests.voice.test_callbacks import conversation, outcome, rebuilt_otherwise, refusal, times
from voice import callback_lots, callback_rows, reconcile
from voice.callback_rows import Arrived
from voice.intake import IDLE_S, Intake, IntakeBusy, intake
from voice.models import Call, Callback

pytestmark = pytest.mark.django_db(transaction=True)
CALLS = 100
TALKED = ("completed", "hung_up", 64, 2_000, 2, 2_000, 1, "settled", [("agent", "completed"), ("callee", "completed")])


@pytest.fixture
def member(make_account: Callable[..., Membership], settings: Any) -> Membership:
    settings.MEMBER_DIALS_PER_HOUR_MAX = settings.MEMBER_DIALS_PER_DAY_MAX = 10_000
    member = make_account()
    give_credit(member, 2_000_000)
    return member


def legs_of(placed: Placed) -> front_door.Posts:
    """What both legs report of a conversation of sixty-four seconds."""
    told = [each for each in conversation(placed) if each[0].endswith("/status")]
    return [*told, placed.callee("ringing", at_s=2, sequence=1)]


def came(placed: Placed, number: int, **changes: str) -> Arrived:
    """One of those, as it is about to be stored; some seconds ago, so that the clock takes it for forgotten."""
    _, params = legs_of(placed)[number]
    now = datetime.now(UTC) - timedelta(seconds=5)
    return callback_rows.arrived(call_id=UUID(placed.call_id), kind="leg", params=params | changes, now=now)


def numbers_of(placed: Placed) -> list[int | None]:
    return list(placed.row.callbacks.order_by("applied_order").values_list("applied_order", flat=True))


def floor(member: Membership, calls: int) -> list[Placed]:
    """A call of each of so many colleagues."""
    now = datetime.now(UTC)
    users = User.objects.bulk_create(
        User(email=f"{uuid7().hex}@example.com", first_name="Rep", mobile_e164="+12025550183", created_at=now)
        for _ in range(calls)
    )
    seats = Membership.objects.bulk_create(
        Membership(workspace_id=member.workspace_id, user=user, role="rep", created_at=now) for user in users
    )
    return [place(seat) for seat in seats]


def test_calls_that_end_together_are_all_analysed_whichever_thread_of_the_worker_takes_them(member: Membership) -> None:
    talked = floor(member, 12)
    HUEY.flush()
    posts = [each for placed in talked for each in legs_of(placed)]
    assert set(front_door.post_at_once(posts)) == {204}
    front_door.until_applied()

    undone = Call.objects.get_queryset().exclude(analysis_state="done")
    limit = time.monotonic() + 20

    def work(_: int) -> None:
        try:
            while undone.all().exists() and time.monotonic() < limit:
                if task := HUEY.dequeue():
                    HUEY.execute(task)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    assert not undone.exists()


def test_a_burst_of_500_callbacks_of_100_calls_in_any_order_ends_as_each_call_would_alone(member: Membership) -> None:
    """Every tenth comes twice, as the carrier repeats what it did not hear acknowledged in time."""
    talked = floor(member, CALLS)
    posts = [each for placed in talked for each in legs_of(placed)]
    assert len(posts) == 500
    posts += posts[::10]
    random.Random(20_261_126).shuffle(posts)
    assert set(front_door.post_at_once(posts)) == {204}
    front_door.until_applied()
    for placed in talked:
        assert outcome(placed) == TALKED
        assert times(placed) == (5, 69, 69)
        assert numbers_of(placed) == [1, 2, 3, 4, 5, 6]
    assert broken() == []
    assert rebuilt_otherwise() == []


def test_the_same_news_that_come_together_are_stored_once_and_take_effect_once(member: Membership) -> None:
    placed = place(member)
    post = placed.agent("in-progress", at_s=0, sequence=2)
    assert front_door.post_at_once([post] * 20) == [204] * 20
    front_door.until_applied()
    assert placed.row.status == "rep_answered"
    assert placed.row.callbacks.filter(kind="leg").count() == 1
    assert rebuilt_otherwise() == []


def test_of_the_same_news_in_one_statement_the_first_is_stored(member: Membership) -> None:
    placed = place(member)
    first, again, other = came(placed, 0), came(placed, 0), came(placed, 1)
    nowhere = replace(came(placed, 2), call_id=uuid7(), dedupe_key="nowhere")
    assert callback_rows.store([first, again, other, nowhere]) == ["new", "known", "new", "no_call"]
    assert callback_rows.store([again, other]) == ["known", "known"]
    stored = Callback.objects.get_queryset().filter(kind="leg").values_list("id", flat=True)
    assert set(stored) == {first.id, other.id}


def test_one_row_that_the_database_refuses_fails_none_of_those_that_came_with_it(member: Membership) -> None:
    placed = place(member)
    good, better = came(placed, 0), came(placed, 1)
    refused = replace(came(placed, 2), sid="CA" * 40)

    async def taken() -> list[object]:
        wishes = (intake.take(each) for each in (good, refused, better))
        return list(await asyncio.gather(*wishes, return_exceptions=True))

    first, wrong, last = asyncio.run(taken())
    assert (first, last) == ("new", "new")
    assert isinstance(wrong, Error)
    front_door.until_applied()
    assert placed.row.status == "in_progress"


def test_a_connection_that_breaks_fails_one_of_those_that_are_stored_alone(member: Membership) -> None:
    placed = place(member)
    first, better = came(placed, 0), came(placed, 1)
    refused = replace(came(placed, 2), sid="CA" * 40)
    time.sleep(2 * IDLE_S)
    statements: list[str] = []
    made: list[Any] = []

    def broken_at_second(execute: Any, sql: str, *rest: Any) -> object:
        statements.append(sql)
        if len(statements) == 2:
            made[0].connection.close()
        return execute(sql, *rest)

    def begin(connection: Any, **_: object) -> None:
        connection_created.disconnect(begin)
        connection.execute_wrappers.append(broken_at_second)
        made.append(connection)

    async def taken() -> list[object]:
        wishes = (intake.take(each) for each in (first, refused, better))
        return list(await asyncio.gather(*wishes, return_exceptions=True))

    connection_created.connect(begin)
    try:
        lost, wrong, stored = asyncio.run(taken())
    finally:
        connection_created.disconnect(begin)
        for each in made:
            each.execute_wrappers.remove(broken_at_second)
    assert isinstance(lost, OperationalError)
    assert isinstance(wrong, DataError)
    assert stored == "new"
    front_door.until_applied()


def test_the_clock_applies_all_that_a_process_left_in_one_round(
    member: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "BATCH", 4)
    left = [place(member), *floor(member, 1)]
    for each in left:
        callback_rows.store([came(each, number) for number in range(5)])
    reconcile.apply_waiting_callbacks(now=datetime.now(UTC))
    assert [outcome(each) for each in left] == [TALKED] * 2


def test_a_thread_that_could_not_begin_begins_with_the_next_callback(
    member: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed, own = place(member), Intake()

    def none_left(_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", none_left)
        with pytest.raises(IntakeBusy):
            asyncio.run(own.take(came(placed, 0)))
    assert asyncio.run(own.take(came(placed, 0))) == "new"
    front_door.until_applied()


def test_one_that_cannot_be_applied_keeps_none_of_its_lot_waiting(member: Membership) -> None:
    """Neither of other calls nor of its own."""
    placed = place(member)
    good, unusable, better = came(placed, 0), came(placed, 1, CallSid="none"), came(placed, 1)
    unusable = replace(unusable, dedupe_key="unusable")
    lot = [good, unusable, better]
    callback_rows.store(lot)
    callback_lots.apply_together(waiting={each.id: each.call_id for each in lot}, now=datetime.now(UTC))
    assert placed.row.status == "in_progress"
    waiting = Callback.objects.get_queryset().filter(applied_at__isnull=True)
    assert [each.id for each in waiting] == [unusable.id]


def test_what_a_process_had_stored_and_not_applied_when_it_died_the_clock_applies(member: Membership) -> None:
    placed, silent = place(member), floor(member, 2)
    for each in (placed, *silent):
        assert callback_rows.store([came(each, number) for number in range(5)]) == ["new"] * 5
        assert each.row.status == "dialling"
    reconcile.apply_waiting_callbacks(now=datetime.now(UTC))
    for each in (placed, *silent):
        assert outcome(each) == TALKED
    assert rebuilt_otherwise() == []


def test_a_lot_that_two_processes_have_at_once_takes_effect_once(member: Membership) -> None:
    talked = floor(member, 10)
    lot = [came(placed, number) for placed in talked for number in (0, 1)]
    callback_rows.store(lot)

    def apply(_: int) -> None:
        try:
            callback_lots.apply_together(waiting={each.id: each.call_id for each in lot}, now=datetime.now(UTC))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(apply, range(4)))
    for placed in talked:
        assert placed.row.status == "in_progress"
        assert numbers_of(placed) == [1, 2, 3]
    assert rebuilt_otherwise() == []


def test_while_the_database_is_away_nothing_is_acknowledged(member: Membership) -> None:
    placed = place(member)
    post = placed.agent("in-progress", at_s=0, sequence=2)
    # The next that is stored begins with a connection of its own.
    time.sleep(2 * IDLE_S)
    made: list[Any] = []

    def away(*_: object) -> None:
        raise OperationalError("the connection is lost")

    def lose(connection: Any, **_: object) -> None:
        connection.execute_wrappers.append(away)
        made.append(connection)

    connection_created.connect(lose)
    try:
        answer = front_door.post(*post)
    finally:
        connection_created.disconnect(lose)
        for each in made:
            each.execute_wrappers.remove(away)
    assert (answer.status, answer.code) == (503, "database_unavailable")
    assert front_door.post(*post).status == 204
    front_door.until_applied()
    assert placed.row.status == "rep_answered"


def test_news_of_machines_and_streams_take_the_same_way(member: Membership) -> None:
    placed = place(member)
    stream = {"CallSid": placed.agent_sid, "StreamSid": carrier.sid("MZ"), "StreamEvent": "stream-stopped"}
    machine = {"CallSid": placed.callee_sid, "AnsweredBy": "machine_start"}
    posts = [(placed.path("stream"), stream), (placed.path("machine"), machine)]
    assert front_door.post_at_once(posts) == [204, 204]
    front_door.until_applied()
    assert placed.row.answered_by == "machine_start"
    assert sorted(placed.row.callbacks.values_list("kind", flat=True)) == ["machine", "placed", "stream"]


def test_a_host_that_is_not_ours_is_refused_although_the_signature_is_right(member: Membership) -> None:
    placed = place(member)
    path, params = placed.agent("in-progress", at_s=0, sequence=2)
    body = urlencode(params).encode()
    answer = front_door.send("POST", path, body, signed=signature(path, params), host="elsewhere.example")
    assert answer.status == 400
    assert not placed.row.callbacks.filter(kind="leg").exists()


def test_a_refused_call_costs_nothing_however_its_callbacks_come(member: Membership) -> None:
    placed = place(member)
    posts = refusal(placed)
    assert set(front_door.post_at_once([*posts, *posts])) <= {200, 204}
    front_door.until_applied()
    assert outcome(placed)[:7] == ("busy", "lead_busy", 0, 0, 0, 0, 0)
    assert rebuilt_otherwise() == []
