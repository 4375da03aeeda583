"""Purchases, refunds and chargebacks, in whatever order they arrive."""

from datetime import datetime, timedelta, timezone
from itertools import permutations
from typing import Any

import pytest

from ledger import operations, queries
from ledger.models import Checkout, PaddleEvent
from tests.ledger.books import (
    LATER,
    NOW,
    adjusted,
    amounts,
    began,
    broken,
    charge,
    completed,
    event,
    hold,
    new_workspace,
    notify,
)
from tests.ledger.hearing import heard

pytestmark = pytest.mark.django_db


def spend(workspace_id: Any, mcredits: int) -> None:
    operations.debit(
        workspace_id=workspace_id, key="spent", amount_mcredits=mcredits, kind="ai_query", reference="query:1", now=NOW
    )


def test_a_refund_takes_back_only_once_it_is_approved() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    for status in ("pending_approval", "rejected"):
        notify(adjusted(checkout, "refund", status=status))
        assert amounts(workspace_id) == (100_000, 0, 0)
    for _ in range(2):
        notify(adjusted(checkout, "refund", adjustment_id="adj_one"))
        assert amounts(workspace_id) == (0, 0, 0)
    assert queries.house_balance("paddle_clearing") == 0
    assert broken() == []


def test_a_part_of_the_money_takes_back_its_part_of_the_credits() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    notify(adjusted(checkout, "refund", total=250))
    assert amounts(workspace_id) == (75_000, 0, 0)
    notify(adjusted(checkout, "chargeback", total=750))
    notify(adjusted(checkout, "chargeback", total=750))
    assert amounts(workspace_id) == (0, 0, 0)
    assert broken() == []


def test_credits_that_were_spent_become_a_debt_and_the_next_purchase_pays_it() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    spend(workspace_id, 30_000)
    notify(adjusted(checkout, "chargeback"))
    assert amounts(workspace_id) == (0, 0, 30_000)
    with pytest.raises(operations.InsufficientCredit):
        hold(workspace_id, "call:1", 1)
    notify(completed(began(workspace_id)))
    assert amounts(workspace_id) == (70_000, 0, 0)
    notify(adjusted(checkout, "chargeback_reverse"))
    assert amounts(workspace_id) == (170_000, 0, 0)
    assert broken() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("action", ["refund", "chargeback", "chargeback_reverse"])
def test_pages_hear_of_every_change_of_a_purchase(action: str) -> None:
    """They ask for purchases again upon nothing else. Red when only the balance is told of."""
    checkout = began(new_workspace())
    notify(completed(checkout))
    if action == "chargeback_reverse":
        notify(adjusted(checkout, "chargeback"))
    text = heard(checkout.workspace_id, lambda: notify(adjusted(checkout, action)), kind="checkout.changed")
    assert str(checkout.id) in text


def test_a_chargeback_leaves_a_live_calls_hold_alone() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(completed(checkout))
    hold(workspace_id, "call:1", 10_000)
    notify(adjusted(checkout, "chargeback"))
    assert amounts(workspace_id) == (0, 10_000, 10_000)
    assert charge(workspace_id, "call:1", 0, mcredits=10_000) == ["charged"]
    assert amounts(workspace_id) == (0, 0, 10_000)
    assert broken() == []


def test_every_order_of_a_story_ends_equal() -> None:
    """Red when an adjustment that comes before its purchase, or a reversal before its chargeback, is dropped."""
    ends = set()
    for order in permutations(range(4)):
        workspace_id = new_workspace()
        checkout = began(workspace_id)
        story = [
            completed(checkout),
            adjusted(checkout, "refund", total=200),
            adjusted(checkout, "chargeback", total=800),
            adjusted(checkout, "chargeback_reverse", total=800),
        ]
        for step in order:
            notify(story[step])
            notify(story[order[0]])
        checkout.refresh_from_db()
        ends.add((*amounts(workspace_id), checkout.state, checkout.taken_back_mcredits))
    assert ends == {(80_000, 0, 0, "granted", 20_000)}
    assert not PaddleEvent.objects.filter(state__in=("pending", "needs_person")).exists()
    assert broken() == []


def test_what_was_stored_and_not_applied_is_applied_by_the_sweep() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notification = completed(checkout)
    PaddleEvent.objects.create(
        event_id=notification["event_id"],
        event_type="transaction.completed",
        occurred_at=NOW,
        received_at=NOW,
        transaction_id=checkout.transaction_id,
        payload={"status": "completed", "items": [{"price_id": "pri_tests", "quantity": 1}], "total_minor": 1_000},
    )
    assert [operations.apply_pending_paddle_events(now=LATER) for _ in range(2)] == [1, 0]
    assert amounts(workspace_id) == (100_000, 0, 0)


def test_an_event_that_cannot_be_applied_keeps_no_other_waiting() -> None:
    """Red when the sweep stops at the first that fails: PostgreSQL keeps a time that Python cannot read."""
    workspace_id = new_workspace()
    purchase = completed(began(workspace_id))
    beyond = datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2)))
    for event_id, occurred_at in (("evt_broken", beyond), (purchase["event_id"], NOW)):
        PaddleEvent.objects.create(
            event_id=event_id,
            event_type="transaction.completed",
            occurred_at=occurred_at,
            received_at=NOW if event_id == "evt_broken" else LATER,
            transaction_id=purchase["data"]["id"],
            payload={"status": "completed", "items": [{"price_id": "pri_tests", "quantity": 1}], "total_minor": 1_000},
        )
    assert operations.apply_pending_paddle_events(now=LATER) == 1
    assert amounts(workspace_id) == (100_000, 0, 0)
    assert PaddleEvent.objects.filter(state="pending").values_list("event_id", flat=True).get() == "evt_broken"


def test_a_cancelled_purchase_fails_and_is_granted_all_the_same_if_it_was_paid_after_all() -> None:
    workspace_id = new_workspace()
    checkout = began(workspace_id)
    notify(event("transaction.canceled", {"id": checkout.transaction_id, "status": "canceled"}))
    assert Checkout.objects.for_workspace(workspace_id).get().state == "failed"
    notify(completed(checkout))
    assert amounts(workspace_id) == (100_000, 0, 0)
