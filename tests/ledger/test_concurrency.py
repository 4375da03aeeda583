"""Many at once, on real connections."""

import os
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event
from typing import Any, cast
from uuid import UUID

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction

from ledger import operations
from ledger.models import Entry
from ledger.operations import teller
from ledger.operations.spending import Spend
from tests.ledger.books import NOW, amounts, began, broken, charge, completed, hold, new_workspace, notify

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


def together(*actions: Callable[[], object], at_once: int = AT_ONCE) -> list[object]:
    """Runs the actions at the same moment, so many at a time at most; an exception is a result."""
    start = Barrier(min(at_once, len(actions)))

    def run(numbered: tuple[int, Callable[[], object]]) -> object:
        number, action = numbered
        try:
            if number < start.parties:
                start.wait(timeout=10)
            return action()
        except Exception as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(run, enumerate(actions)))


def test_of_twenty_holds_on_one_credit_exactly_one_wins() -> None:
    """Red without the lock on the accounts: the constraint then refuses with an error of another kind."""
    workspace_id = new_workspace(mcredits=1_000)
    results = together(*[lambda n=n: hold(workspace_id, f"call:{n}", 1_000) for n in range(20)])
    assert Counter(results) == {None: 1, operations.InsufficientCredit: 19}
    assert amounts(workspace_id) == (0, 1_000, 0)
    assert broken() == []


def test_two_meters_charge_every_minute_once() -> None:
    workspace_id = new_workspace(mcredits=20_000)
    hold(workspace_id, "call:1", 5_000)
    together(*[lambda: charge(workspace_id, "call:1", 0, 1, 2, 3, 4) for _ in range(8)])
    assert amounts(workspace_id) == (15_000, 0, 0)
    assert broken() == []


def test_the_first_entries_of_a_workspace_may_come_at_once() -> None:
    workspace_id = new_workspace()
    checkouts = [began(workspace_id, mcredits=1_000) for _ in range(8)]
    results = together(*[lambda checkout=checkout: notify(completed(checkout)) for checkout in checkouts])
    assert results == [None] * 8
    assert amounts(workspace_id) == (8_000, 0, 0)
    assert broken() == []


def test_one_notification_delivered_eight_times_at_once_grants_once() -> None:
    workspace_id = new_workspace()
    notification = completed(began(workspace_id))
    assert together(*[lambda: notify(notification) for _ in range(8)]) == [None] * 8
    assert amounts(workspace_id) == (100_000, 0, 0)


def test_settling_expiring_and_charging_at_once_leave_the_books_right() -> None:
    workspace_ids = [new_workspace(mcredits=10_000) for _ in range(3)]
    for workspace_id in workspace_ids:
        hold(workspace_id, f"call:{workspace_id}", 3_000)
    charges = [operations.Charge(each, f"call:{each}", minute, 1_000) for each in workspace_ids for minute in (0, 1)]
    actions: list[Callable[[], object]] = []
    for each in workspace_ids:
        reference = f"call:{each}"
        actions += [
            partial(operations.capture_due, charges=charges, now=NOW),
            partial(operations.settle, reference=reference, total_mcredits=2_000, now=NOW),
            partial(operations.renew_holds, references=[reference], expires_at=NOW, now=NOW),
        ]
    assert not [result for result in together(*actions) if isinstance(result, type)]
    assert [amounts(each) for each in workspace_ids] == [(8_000, 0, 0)] * 3
    assert broken() == []


def debit(workspace_id: UUID, key: str, *, mcredits: int = 1) -> operations.Debit:
    return operations.debit(
        workspace_id=workspace_id, key=key, amount_mcredits=mcredits, kind="ai_query", reference="query:1", now=NOW
    )


def test_of_two_hundred_spends_on_one_credit_exactly_one_wins_in_a_hundred_rounds() -> None:
    """Threads that share statements, as within one process; each loser learns it for itself."""
    workspace_id = new_workspace()
    for round_number in range(100):
        notify(completed(began(workspace_id, mcredits=1_000)))
        asked = [partial(debit, workspace_id, f"{round_number}:{n}", mcredits=1_000) for n in range(200)]
        results = Counter(
            result if isinstance(result, type) else type(result) for result in together(*asked, at_once=32)
        )
        assert results == {operations.Debit: 1, operations.InsufficientCredit: 199}
        assert amounts(workspace_id) == (0, 0, 0)
    assert broken() == []


def test_debits_asked_for_at_once_are_each_booked_once_whatever_is_repeated() -> None:
    workspace_ids = [new_workspace(mcredits=1_000) for _ in range(5)]
    asked = [(workspace_id, str(n % 40)) for n in range(80) for workspace_id in workspace_ids]
    debits = together(*[partial(debit, workspace_id, key, mcredits=10) for workspace_id, key in asked], at_once=32)
    assert Counter(isinstance(each, operations.Debit) and each.repeated for each in debits) == {True: 200, False: 200}
    entries = {(workspace_id, key): each for (workspace_id, key), each in zip(asked, debits, strict=True)}
    assert len({each.entry_id for each in entries.values() if isinstance(each, operations.Debit)}) == 200
    assert [amounts(workspace_id) for workspace_id in workspace_ids] == [(600, 0, 0)] * 5
    assert broken() == []


def test_a_debit_inside_a_transaction_goes_with_it() -> None:
    """Red when it is handed to another thread's transaction: then it stays booked."""
    workspace_id = new_workspace(mcredits=1_000)

    def change_of_mind() -> None:
        with transaction.atomic():
            assert not debit(workspace_id, "regretted", mcredits=500).repeated
            raise KeyError

    spends = [partial(debit, workspace_id, str(n), mcredits=1) for n in range(50)]
    results = together(*spends, *[change_of_mind] * 5, at_once=16)
    assert Counter(result for result in results if isinstance(result, type)) == {KeyError: 5}
    assert amounts(workspace_id) == (950, 0, 0)
    assert not Entry.objects.for_workspace(workspace_id).filter(key="ai_query:regretted").exists()
    assert broken() == []


def test_a_workspace_that_is_locked_for_long_does_not_hold_up_the_debits_of_others() -> None:
    slow, quick = new_workspace(mcredits=1_000), [new_workspace(mcredits=1_000) for _ in range(6)]
    locked, go_on = Event(), Event()

    def keep_locked() -> None:
        with transaction.atomic():
            debit(slow, "first")
            locked.set()
            assert go_on.wait(timeout=20)

    def others() -> object:
        assert locked.wait(timeout=20)
        results = together(*[partial(debit, each, "one") for each in quick])
        go_on.set()
        return results

    def waits() -> object:
        assert locked.wait(timeout=20)
        return debit(slow, "second")

    kept, waited, served = together(keep_locked, waits, others)
    assert kept is None and isinstance(waited, operations.Debit)
    assert isinstance(served, list) and all(isinstance(each, operations.Debit) for each in served)
    assert amounts(slow) == (998, 0, 0)


def test_one_debit_that_cannot_be_booked_leaves_those_that_were_asked_with_it_alone() -> None:
    workspace_id = new_workspace(mcredits=1_000)
    results = together(*[partial(debit, workspace_id, "\0" if n % 10 == 0 else str(n)) for n in range(40)], at_once=16)
    assert sum(isinstance(result, operations.Debit) for result in results) == 36
    assert amounts(workspace_id) == (964, 0, 0)


def test_while_the_database_works_for_those_who_ask_together_all_other_threads_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Red when the process stands still until the database answers: then nobody can let go of what it waits for."""
    monkeypatch.setattr(teller, "LOCK_PATIENCE_MS", 5_000)
    workspace_id = new_workspace(mcredits=1_000)
    locked = Event()

    def keep_locked_until_it_is_waited_for() -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            debit(workspace_id, "first")
            locked.set()
            until = time.monotonic() + 20
            while time.monotonic() < until:
                # Else a transaction sees what others do as it was when it first looked.
                cursor.execute("SELECT pg_stat_clear_snapshot()")
                cursor.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s", _SETS)
                if cursor.fetchone():
                    return True
                time.sleep(0.005)
        return False

    def waits() -> object:
        assert locked.wait(timeout=20)
        return debit(workspace_id, "second")

    seen, waited = together(keep_locked_until_it_is_waited_for, waits)
    assert seen is True and isinstance(waited, operations.Debit)
    assert amounts(workspace_id) == (998, 0, 0)


def test_a_connection_that_dies_without_a_word_leaves_nobody_in_the_belief_that_nothing_was_booked() -> None:
    workspace_id = new_workspace(mcredits=1_000)
    slips = [teller.Slip.of(Spend(workspace_id, "ai_query", "query:1", 0, "ai_query:one", 10, NOW))]
    desk = teller.Teller()
    with transaction.atomic():
        debit(workspace_id, "so that the answer is not there yet")
        desk.send(slips)
        assert desk._taken is not None
        with socket.socket(fileno=os.dup(desk._taken.pgconn.socket)) as line:
            line.shutdown(socket.SHUT_RDWR)
        with pytest.raises(OperationalError):
            desk.read(slips, desk.receive())
    desk.send(slips)
    (again,) = desk.read(slips, desk.receive())
    desk.leave()
    assert again is not None and again.spent.outcome in ("paid", "already")
    assert amounts(workspace_id) == (989, 0, 0)


def test_a_set_whose_commit_fails_is_not_taken_for_booked() -> None:
    """Red when only the rows count, which come before the commit."""
    workspace_id = new_workspace(mcredits=1_000)
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE_AT_COMMIT)
    try:
        assert together(*[partial(debit, workspace_id, str(n)) for n in range(4)]) == [IntegrityError] * 4
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION test_refuse CASCADE")
    assert amounts(workspace_id) == (1_000, 0, 0)


def idle_connections(pool: Any) -> list[Any]:
    """Takes those that wait in the pool."""
    return [pool.getconn() for _ in range(pool.get_stats()["pool_available"])]


def test_those_who_have_all_connections_themselves_still_book() -> None:
    """Red when the set waits for a connection of one of those who wait for it."""
    workspace_id = new_workspace(mcredits=1_000)
    pool = cast(Any, connection).pool
    taken = idle_connections(pool)
    try:
        while pool.get_stats()["pool_size"] < pool.max_size:
            taken += [pool.getconn(), *idle_connections(pool)]
        assert isinstance(debit(workspace_id, "one"), operations.Debit)
    finally:
        for each in taken:
            pool.putconn(each)
    assert amounts(workspace_id) == (999, 0, 0)


def test_what_was_answered_as_booked_is_committed_however_a_connection_was_left_behind() -> None:
    workspace_id = new_workspace(mcredits=1_000)
    pool = cast(Any, connection).pool
    connection.close()
    for each in idle_connections(pool):
        each.autocommit = False
        pool.putconn(each)
    assert isinstance(debit(workspace_id, "one"), operations.Debit)
    assert amounts(workspace_id) == (999, 0, 0)


_SETS = ["%ledger_teller%"]
_REFUSE_AT_COMMIT = """
CREATE FUNCTION test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation'; END $$;
CREATE CONSTRAINT TRIGGER test_refuse AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION test_refuse();
"""
