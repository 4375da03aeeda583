"""Automatic top-up when Paddle is late, silent, declines, tells things twice or in another order, or somebody forges.

Planted and seen red: a lost answer that is asked for again, a refusal that is tried again, a subscription that is bound without our
own transaction, a charge of another pack that is taken for ours. What else would turn a test red was not planted.
"""

from itertools import permutations
from typing import Any

import pytest
from django.test import override_settings

from ledger import operations
from ledger.models import Checkout, PaddleEvent, TopUpPlan
from ledger.operations import top_up_charging
from tests.ledger.books import adjusted, amounts, broken, new_workspace, notify
from tests.ledger.top_ups import PACK_MCREDITS, World, agree, begun, completed, created, told

pytestmark = pytest.mark.django_db(transaction=True)


def problems() -> set[tuple[str, str]]:
    return set(PaddleEvent.objects.exclude(problem="").values_list("event_type", "problem"))


def states() -> list[str]:
    return sorted(PaddleEvent.objects.filter(event_type__startswith="subscription.").values_list("state", flat=True))


def test_a_subscription_told_in_any_order_ends_the_same() -> None:
    """An end is final, whatever is told after it and however often."""
    for number, order in enumerate(permutations(range(4))):
        plan = begun(new_workspace())
        alive = {"id": f"sub_{number}", "status": "active"}
        story = [
            created(alive, plan.transaction_id),
            told("subscription.activated", alive, after_s=1),
            told("subscription.updated", alive, after_s=2),
            told("subscription.canceled", alive | {"status": "canceled"}, after_s=3),
        ]
        for index in order:
            for _ in range(2):
                notify(story[index])
        plan.refresh_from_db()
        assert (plan.state, plan.end_reason, plan.subscription_id) == ("ended", "method_removed", f"sub_{number}"), (
            order
        )
        assert plan.canceled_at is not None and plan.cancel_at is None
        assert "pending" not in states()


def test_a_payment_told_before_paddle_answered_is_granted_once(world: World) -> None:
    """Red when the answer is what ties a transaction to its charge."""
    world.opt_in()
    world.fall(11_000)
    world.sandbox.fail("paddle.rest", "timeout_after_accept")
    world.settle()
    [charge] = world.charges()
    for event in (completed(charge), told("transaction.paid", charge), completed(charge)):
        for _ in range(2):
            notify(event)
    assert (world.top_ups(), amounts(world.owner.workspace_id)[0]) == ([("granted", "")], 9_000 + PACK_MCREDITS)
    assert world.settle(minutes=10) == 0
    assert (world.asked(), broken()) == (1, [])


def test_a_lost_answer_is_looked_up_and_never_asked_for_again(world: World) -> None:
    """Red when an unclear answer is asked for again: the card would be charged twice."""
    world.opt_in()
    world.fall(11_000)
    world.sandbox.fail("paddle.rest", "timeout_after_accept")
    world.settle()
    assert world.top_ups() == [("intended", "")]
    assert world.settle(seconds=10) == 0
    assert world.settle(seconds=40) == 1
    assert (world.top_ups(), world.asked(), len(world.charges())) == ([("charged", "")], 1, 1)
    notify(completed(world.charges()[0]))
    assert (world.top_ups(), amounts(world.owner.workspace_id)[0]) == ([("granted", "")], 9_000 + PACK_MCREDITS)


@pytest.mark.parametrize("kind", ["drop", "error"])
def test_what_paddle_surely_did_not_take_is_asked_for_again_but_not_for_ever(world: World, kind: str) -> None:
    """Red when one asking without an answer is given up, and when it goes on without end."""
    world.opt_in()
    world.fall(11_000)
    world.sandbox.ask(
        "POST",
        "/faults",
        {"target": "paddle.rest", "kind": kind, "value": 502, "count": -1, "match": {"method": "POST"}},
    )
    world.settle()
    for _ in range(6):
        world.settle(minutes=1)
    assert world.asked() == 2
    for _ in range(20):
        world.settle(minutes=1)
    assert (world.asked(), world.top_ups()) == (top_up_charging.ASKS_MAX, [("failed", "unanswered")])
    assert world.plan().end_reason == "unanswered"
    assert world.mails() == ["Automatic top-up is off"]


def test_a_server_that_cannot_be_reached_was_not_asked(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    with override_settings(PADDLE_API_URL="http://localhost:9"):
        for _ in range(5):
            world.settle(minutes=3)
    assert (world.asked(), world.top_ups()) == (0, [("intended", "")])
    world.settle(minutes=3)
    assert (world.asked(), world.top_ups()) == (1, [("charged", "")])


def test_while_paddle_cannot_be_asked_what_it_did_nothing_is_asked_for(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.sandbox.fail("paddle.rest", "timeout_after_accept")
    world.settle()
    with override_settings(PADDLE_API_URL="http://localhost:9"):
        for _ in range(12):
            world.settle(minutes=1)
    world.settle(minutes=1)
    assert (world.asked(), world.top_ups()) == (1, [("charged", "")])


def test_a_declined_card_switches_it_off_with_a_notice_and_a_mail(world: World) -> None:
    """Red when a refusal is tried again at each look."""
    world.opt_in()
    world.sandbox.ask("POST", f"/paddle/subscriptions/{world.plan().subscription_id}/card", {"declines": True})
    world.fall(11_000)
    world.settle()
    [tried] = world.charges()
    notify(told("transaction.payment_failed", tried))
    notify(told("transaction.canceled", tried))
    assert (world.top_ups(), world.asked()) == ([("failed", "declined")], 1)
    shown = world.shown()
    assert (shown["state"], shown["end_reason"], shown["used"]) == ("ended", "declined", 0)
    assert operations.cancel_subscriptions(now=world.later(seconds=5)) == 1
    assert world.subscription()["status"] == "canceled"
    assert (world.mails(), world.fall(5_000)) == (["Automatic top-up is off"], 0)
    assert amounts(world.owner.workspace_id)[0] == 4_000
    assert agree(world.page)[0] == 201


def test_a_declined_card_whose_answer_was_lost_is_found_out(world: World) -> None:
    world.opt_in()
    world.sandbox.ask("POST", f"/paddle/subscriptions/{world.plan().subscription_id}/card", {"declines": True})
    world.fall(11_000)
    # The answer itself is delayed beyond all waiting: only Paddle's list and its notification tell.
    world.sandbox.fail("paddle.rest", "error", value=500)
    world.settle()
    plan = world.plan()
    charge = told("transaction.canceled", _tried(plan))
    notify(charge)
    assert (world.top_ups(), world.plan().end_reason) == ([("failed", "declined")], "declined")


def _tried(plan: TopUpPlan) -> dict[str, Any]:
    """A charge that Paddle gave up, as its notification has it."""
    return {
        "id": "txn_tried",
        "status": "canceled",
        "origin": "subscription_charge",
        "subscription_id": plan.subscription_id,
        "items": [{"price": {"id": plan.price_id}, "quantity": 1}],
        "details": {"totals": {"total": "1000"}},
    }


def test_a_subscription_past_due_switches_it_off(world: World) -> None:
    plan = world.opt_in()
    world.sandbox.ask("POST", f"/paddle/subscriptions/{plan.subscription_id}/past_due")
    notify(told("subscription.past_due", world.subscription()))
    assert (world.plan().state, world.plan().end_reason) == ("ended", "past_due")
    assert world.mails() == ["Automatic top-up is off"]


def test_a_charge_refused_because_of_past_due_switches_it_off(world: World) -> None:
    plan = world.opt_in()
    world.sandbox.ask("POST", f"/paddle/subscriptions/{plan.subscription_id}/past_due")
    world.fall(11_000)
    world.settle()
    assert (world.top_ups(), world.plan().end_reason) == ([("failed", "past_due")], "past_due")


def test_the_link_in_paddles_mail_stops_it_too(world: World) -> None:
    plan = world.opt_in()
    world.sandbox.ask("POST", f"/paddle/subscriptions/{plan.subscription_id}/cancel")
    notify(told("subscription.canceled", world.subscription()))
    assert world.shown()["end_reason"] == "method_removed"
    assert world.mails() == ["Automatic top-up is off"]


def test_a_charge_in_flight_when_it_is_stopped_is_granted_if_it_was_taken(world: World) -> None:
    """Red when the stop throws away what Paddle was asked for: paid, and no credits."""
    world.opt_in()
    world.fall(11_000)
    world.sandbox.fail("paddle.rest", "timeout_after_accept")
    world.settle()
    world.page.delete("/api/credits/top-up")
    notify(completed(world.charges()[0]))
    assert (world.top_ups(), amounts(world.owner.workspace_id)[0]) == ([("granted", "")], 9_000 + PACK_MCREDITS)


def test_a_charge_that_was_given_up_and_comes_after_all_is_granted_and_counts(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.sandbox.fail("paddle.rest", "timeout_after_accept")
    world.settle()
    [charge] = world.charges()
    # Paddle lists nothing for so long that the charge is given up.
    world.sandbox.ask("POST", "/faults", {"target": "paddle.rest", "kind": "error", "value": 503, "count": -1})
    _give_up(world)
    assert world.top_ups() == [("failed", "unanswered")]
    notify(completed(charge))
    assert amounts(world.owner.workspace_id)[0] == 9_000 + PACK_MCREDITS
    assert (world.shown()["used"], broken()) == (1, [])


def _give_up(world: World) -> None:
    """A day without any word of Paddle's."""
    world.later(hours=25)
    world.settle(minutes=1)


def test_a_refund_told_before_its_purchase_waits_for_it(world: World) -> None:
    world.opt_in()
    world.fall(11_000)
    world.settle()
    [charge] = world.charges()
    stand_in = Checkout(transaction_id=charge["id"], price_id=charge["items"][0]["price"]["id"])
    early = adjusted(stand_in, "refund")
    early["data"]["subscription_id"] = charge["subscription_id"]
    notify(early)
    assert ("adjustment.updated", "waits_for_purchase") in problems()
    notify(completed(charge))
    assert (amounts(world.owner.workspace_id)[0], broken()) == (9_000, [])


def test_a_subscription_that_nobody_began_here_binds_nothing(world: World) -> None:
    """Red when custom_data decides: anybody can open Paddle's checkout in a browser and write a workspace into it."""
    setup = agree(world.page)[1]
    forged = world.subscribe(setup["transaction_id"]) | {
        "custom_data": {"checkout_id": setup["plan_id"], "workspace_id": str(world.owner.workspace_id)}
    }
    notify(created(forged | {"id": "sub_forged"}, "txn_somebody_elses"))
    assert (world.plan().state, world.plan().subscription_id) == ("pending", "")
    assert ("subscription.created", "unknown_subscription") in problems()


def test_a_second_subscription_of_one_checkout_is_put_before_a_person(world: World) -> None:
    plan = world.opt_in()
    notify(created(world.subscription() | {"id": "sub_another"}, plan.transaction_id))
    assert world.plan().subscription_id == plan.subscription_id
    assert ("subscription.created", "unknown_subscription") in problems()


def test_a_charge_that_we_never_asked_for_is_put_before_a_person(world: World) -> None:
    """Red when any paid transaction of the subscription is granted."""
    plan = world.opt_in()
    notify(completed(_tried(plan) | {"id": "txn_by_hand"}))
    assert ("transaction.completed", "unknown_transaction") in problems()
    assert amounts(world.owner.workspace_id)[0] == 20_000


def test_something_else_than_was_intended_is_put_before_a_person(world: World) -> None:
    plan = world.opt_in()
    world.fall(11_000)
    world.settle()
    dearer = _tried(plan) | {"id": "txn_other", "items": [{"price": {"id": "pri_other"}, "quantity": 1}]}
    notify(completed(dearer))
    assert ("transaction.completed", "unknown_transaction") in problems()
    assert world.top_ups() == [("charged", "")]


def test_the_checkout_that_saves_a_method_and_its_renewals_grant_nothing(world: World) -> None:
    plan = world.opt_in()
    saved = {"items": [], "details": {"totals": {"total": "0"}}, "subscription_id": plan.subscription_id}
    notify(completed(saved | {"id": plan.transaction_id, "origin": "api"}))
    notify(completed(saved | {"id": "txn_renewed", "origin": "subscription_recurring"}))
    assert {problem for _, problem in problems()} == {"saves_method", "of_no_amount"}
    assert amounts(world.owner.workspace_id)[0] == 20_000


def test_another_workspace_is_not_touched(world: World) -> None:
    other = new_workspace(mcredits=5_000)
    world.opt_in()
    world.fall(11_000)
    world.settle()
    notify(completed(world.charges()[0]))
    assert amounts(other) == (5_000, 0, 0)
