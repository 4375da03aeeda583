"""Many at once, on real connections."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import connection

from ledger import operations
from tests.ledger.books import NOW, amounts, began, broken, charge, completed, hold, new_workspace, notify

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


def together(*actions: Callable[[], object]) -> list[object]:
    """Runs the actions at the same moment, AT_ONCE at a time at most; an exception is a result."""
    start = Barrier(min(AT_ONCE, len(actions)))

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

    with ThreadPoolExecutor(AT_ONCE) as pool:
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
