"""What Paddle's notifications do to automatic top-up, in any order: by occurred_at, and by ids that we stored ourselves.

The workspace comes from the transaction that began the subscription, or from the subscription that it bound; never from
custom_data, which anybody can set in a browser.
"""

from datetime import datetime
from typing import Final

from ledger.models import Checkout, PaddleEvent, TopUp, TopUpPlan
from ledger.operations.handled import Handled
from ledger.operations.top_up_charging import bind
from ledger.operations.top_up_plans import IN_FLIGHT, credit, end, fail, forget_method, locked, publish, set_state
from ledger.top_up_schemas import EndReason

_SAVES_METHOD: Final = ("active", "trialing")
_ENDS_BY: Final[dict[str, EndReason]] = {"canceled": "method_removed", "past_due": "past_due", "paused": "past_due"}
_BINDS: Final = ("transaction.paid", "transaction.completed", "transaction.canceled")
# A charge that was given up and came all the same; the money was taken, so the credits are granted.
_MAY_COME_LATE: Final = ("unanswered", "stopped", "erased", "method_removed", "past_due", "owner_left")


def plan_of(event: PaddleEvent, checkout: Checkout | None) -> TopUpPlan | None:
    """The plan that an event concerns, locked before the accounts are."""
    if checkout is not None:
        return locked(top_ups__checkout=checkout)
    subscription_id = event.payload.get("subscription_id")
    plan = locked(subscription_id=subscription_id) if subscription_id else None
    return plan or (locked(transaction_id=event.transaction_id) if event.transaction_id else None)


def follow_subscription(event: PaddleEvent, plan: TopUpPlan | None, *, now: datetime) -> Handled:
    """Binds a subscription to the plan whose checkout began it, switches the plan on, and off when its method is gone."""
    subscription_id, status = event.payload["subscription_id"], event.payload["status"]
    if plan is None:
        # Only the first event names the transaction; the others wait for it.
        if event.transaction_id:
            return Handled("needs_person", "unknown_subscription")
        return Handled("pending", "waits_for_subscription")
    if plan.subscription_id not in ("", subscription_id):
        return Handled("needs_person", "unknown_subscription")
    late = plan.subscription_at is not None and event.occurred_at < plan.subscription_at
    newly_bound = plan.subscription_id == ""
    plan.subscription_id = subscription_id
    if late or plan.canceled_at is not None:
        plan.save(update_fields=["subscription_id"])
        return Handled("applied" if newly_bound else "ignored", "" if newly_bound else "late")
    plan.subscription_at = event.occurred_at
    if status == "canceled":
        plan.canceled_at = now
        plan.cancel_at = None
    if plan.state != "ended" and status in _ENDS_BY:
        end(plan, _ENDS_BY[status], now=now)
    elif plan.state == "pending" and status in _SAVES_METHOD:
        set_state(plan, "active")
    elif plan.state == "ended":
        # Stopped before the method was saved, or not forgotten yet.
        if status != "canceled" and plan.cancel_at is None:
            forget_method(plan, now=now)
        plan.save()
        publish(plan)
    else:
        plan.save()
    return Handled("applied")


def claim(event: PaddleEvent, plan: TopUpPlan, *, now: datetime) -> Checkout | Handled:
    """The purchase that a transaction of a plan's subscription is, or what else is to be done about it."""
    if event.transaction_id == plan.transaction_id:
        return Handled("ignored", "saves_method")
    if event.event_type.startswith("adjustment."):
        return Handled("pending", "waits_for_purchase")
    payload = event.payload
    if payload.get("origin") != "subscription_charge" and not payload["total_minor"]:
        # The yearly renewal of a price of 0, and changes of the payment method.
        return Handled("ignored", "of_no_amount")
    top_ups = TopUp.objects.for_workspace(plan.workspace_id).select_for_update(of=("self",))
    unbound = top_ups.filter(plan=plan, checkout__isnull=True, asks__gt=0)
    wanted = [{"price_id": plan.price_id, "quantity": 1}]
    top_up = unbound.filter(state__in=IN_FLIGHT).first()
    if event.event_type == "transaction.canceled":
        # A declined one is canceled by Paddle; whoever asked heard of it already, unless the answer was lost.
        if top_up is None or payload["items"] != wanted:
            return Handled("ignored", "late")
    elif top_up is None:
        top_up = unbound.filter(state="failed", reason__in=_MAY_COME_LATE).order_by("-created_at").first()
    if top_up is None or payload["items"] != wanted:
        return Handled("needs_person", "unknown_transaction")
    return bind(top_up, plan, transaction_id=event.transaction_id, now=now)


def note(checkout: Checkout, plan: TopUpPlan, *, now: datetime) -> None:
    """Brings the charge into line with its purchase."""
    top_up = TopUp.objects.for_workspace(plan.workspace_id).select_for_update(of=("self",)).get(checkout=checkout)
    if checkout.charged_back_mcredits and plan.state != "ended":
        end(plan, "charged_back", now=now)
    if top_up.state not in IN_FLIGHT:
        return
    if checkout.state == "granted":
        top_up.state, top_up.settled_at = "granted", now
        top_up.save(update_fields=["state", "settled_at"])
        if credit(plan.workspace_id) >= plan.threshold_mcredits:
            # Here and not at the next look, so that credits which are spent until then are a fall of their own.
            plan.raised_at = None
            plan.save(update_fields=["raised_at"])
        publish(plan)
    elif checkout.state == "failed":
        fail(top_up, plan, "declined", now=now)
