"""Asking Paddle for what was intended, after the intention is committed; finding out what became of it; forgetting a method.

A charge is asked for under a row that says so. When the answer is lost, Paddle's own list of charges decides, never a guess.
"""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F

from ledger import paddle, paddle_subscriptions
from ledger.models import Checkout, TopUp, TopUpPlan
from ledger.operations.top_up_plans import end, fail, locked, publish
from ledger.paddle import PaddleUnavailable
from ledger.paddle_subscriptions import ChargeAnswer, FoundCharge
from ledger.top_up_schemas import EndReason
from processors import disclosures

logger = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 20
# Longer than Paddle is waited for, so that nobody looks for a charge that is still being asked for.
CLAIM: Final = timedelta(seconds=45)
LOOK_AGAIN_AFTER: Final = timedelta(seconds=30)
# A charge that Paddle lists nowhere this long after it was asked for has not been taken.
NOT_TAKEN_AFTER: Final = timedelta(minutes=5)
ASK_AGAIN_AFTER: Final = timedelta(minutes=2)
ASKS_MAX: Final = 3
GIVEN_UP_AFTER: Final = timedelta(hours=24)
# Between Paddle's clock and ours.
CLOCKS_DIFFER_BY_MAX: Final = timedelta(minutes=2)
_FAILED_AS: Final[dict[str, EndReason]] = {"declined": "declined", "past_due": "past_due"}
CANCEL_AGAIN_AFTER_MAX: Final = timedelta(hours=1)


def settle_top_ups(*, now: datetime) -> int:
    """Asks for what is due and was never asked for, and looks for what was asked for without a clear answer.

    Must not run inside a transaction. Returns how many were looked at.
    """
    due = TopUp.objects.get_queryset().filter(state="intended", next_at__lte=now).order_by("next_at")
    ids = list(due.values_list("id", flat=True)[:AT_ONCE_MAX])
    return sum(_settle(top_up_id, now) for top_up_id in ids)


def _settle(top_up_id: UUID, now: datetime) -> bool:
    claimed = TopUp.objects.get_queryset().filter(id=top_up_id, state="intended", next_at__lte=now)
    if not claimed.update(next_at=now + CLAIM):
        return False  # another clock was quicker
    top_up = TopUp.objects.get_queryset().select_related("plan").get(id=top_up_id)
    about = disclosures.about(user_id=top_up.plan.user_id, workspace_id=top_up.workspace_id)
    if top_up.asked_at is not None:
        with about:
            _look_for(top_up, now)
    elif _may_ask(top_up, now):
        with about:
            answer = paddle_subscriptions.charge(
                subscription_id=top_up.plan.subscription_id, price_id=top_up.plan.price_id
            )
        _note_answer(top_up, answer, now)
    return True


@transaction.atomic
def _may_ask(top_up: TopUp, now: datetime) -> bool:
    """Writes down that Paddle is asked now; from here on only Paddle's list tells whether it charged."""
    plan = locked(id=top_up.plan_id)
    assert plan is not None
    row = TopUp.objects.get_queryset().select_for_update().get(id=top_up.id)
    if row.state != "intended" or row.asked_at is not None:
        return False
    reason = _forbids(plan, row, now)
    if reason is not None:
        fail(row, plan, reason, now=now)
        return False
    row.asked_at, row.asks = now, row.asks + 1
    row.save(update_fields=["asked_at", "asks"])
    top_up.asked_at = now
    return True


def _forbids(plan: TopUpPlan, row: TopUp, now: datetime) -> EndReason | None:
    """Why it must not be asked for, although it was intended."""
    if plan.state != "active":
        return plan.end_reason or "stopped"  # type: ignore[return-value]
    agreed = (plan.price_id, plan.mcredits, plan.amount_minor, plan.currency)
    if agreed not in {(pack.price_id, pack.mcredits, pack.amount_minor, pack.currency) for pack in paddle.packs()}:
        # Another price, or fewer credits for it, is not what was agreed to.
        return "pack_changed"
    if row.asks >= ASKS_MAX or now - row.created_at > GIVEN_UP_AFTER:
        return "unanswered"
    return None


@transaction.atomic
def _note_answer(top_up: TopUp, answer: ChargeAnswer, now: datetime) -> None:
    plan = locked(id=top_up.plan_id)
    assert plan is not None
    row = TopUp.objects.get_queryset().select_for_update().get(id=top_up.id)
    if row.state != "intended":
        return  # Paddle's notification was quicker than its answer
    logger.info("top-up asked for", extra={"top_up_id": str(row.id), "answer": answer})
    if answer == "accepted":
        row.state = "charged"
        row.save(update_fields=["state"])
        publish(plan)
    elif answer == "later":
        row.asked_at, row.asks, row.next_at = None, row.asks - 1, now + ASK_AGAIN_AFTER
        row.save(update_fields=["asked_at", "asks", "next_at"])
    elif answer == "unclear":
        row.next_at = now + LOOK_AGAIN_AFTER
        row.save(update_fields=["next_at"])
    else:
        fail(row, plan, answer, now=now)


def _look_for(top_up: TopUp, now: datetime) -> None:
    """Whether Paddle lists the charge whose answer was lost."""
    try:
        listed = paddle_subscriptions.charges(subscription_id=top_up.plan.subscription_id)
    except PaddleUnavailable:
        logger.warning("top-up not found out", extra={"top_up_id": str(top_up.id), "attempt": top_up.asks})
        listed = None
    _note_found(top_up, listed, now)


@transaction.atomic
def _note_found(top_up: TopUp, listed: list[FoundCharge] | None, now: datetime) -> None:
    """listed: None when Paddle did not tell."""
    plan = locked(id=top_up.plan_id)
    assert plan is not None
    row = TopUp.objects.get_queryset().select_for_update().get(id=top_up.id)
    if row.state != "intended" or row.asked_at is None:
        return
    mine = _unknown_charges(plan, row, listed or [])
    found = next((charge for charge in mine if charge.state == "paid"), mine[0] if mine else None)
    if found is not None and found.state == "paid":
        bind(row, plan, transaction_id=found.transaction_id, now=now)
        publish(plan)
    elif found is not None and (reason := _FAILED_AS.get(found.state)) is not None:
        fail(row, plan, reason, now=now)
    elif now - row.created_at > GIVEN_UP_AFTER:
        fail(row, plan, "unanswered", now=now)
    elif listed is not None and found is None and now - row.asked_at >= NOT_TAKEN_AFTER:
        # Surely not charged, so it may be asked for again.
        row.asked_at, row.next_at = None, now
        row.save(update_fields=["asked_at", "next_at"])
    else:
        row.next_at = now + LOOK_AGAIN_AFTER
        row.save(update_fields=["next_at"])


def _unknown_charges(plan: TopUpPlan, row: TopUp, listed: list[FoundCharge]) -> list[FoundCharge]:
    """Those that may be this one: of the agreed pack, not earlier, and no purchase yet."""
    known = set(
        Checkout.objects.for_workspace(plan.workspace_id)
        .filter(transaction_id__in=[charge.transaction_id for charge in listed])
        .values_list("transaction_id", flat=True)
    )
    since = row.created_at - CLOCKS_DIFFER_BY_MAX
    return [
        charge
        for charge in listed
        if charge.transaction_id not in known and charge.price_ids == (plan.price_id,) and charge.created_at >= since
    ]


def bind(top_up: TopUp, plan: TopUpPlan, *, transaction_id: str, now: datetime) -> Checkout:
    """Makes the purchase of a locked charge; Paddle's notifications about it find it from here on, and grant it."""
    checkout = Checkout.objects.get_queryset().create(
        workspace_id=plan.workspace_id,
        user_id=plan.user_id,
        idempotency_key=f"top-up:{top_up.id}" if plan.user_id else "",
        price_id=plan.price_id,
        pack_name=plan.pack_name,
        mcredits=plan.mcredits,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        transaction_id=transaction_id,
        created_at=now,
    )
    top_up.checkout = checkout
    if top_up.state == "intended":
        top_up.state = "charged"
    top_up.save()
    return checkout


def cancel_subscriptions(*, now: datetime) -> int:
    """Asks Paddle to forget the payment methods that are due. Returns how many it forgot. Must not run inside a
    transaction."""
    due = TopUpPlan.objects.get_queryset().filter(cancel_at__lte=now).order_by("cancel_at")
    return sum(cancel_now(plan_id=plan_id, now=now) for plan_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def end_for_good(*, plan_id: UUID, now: datetime) -> bool:
    """Ends a plan whose person is erased. Whether nothing is left at Paddle that could be charged."""
    with transaction.atomic():
        plan = locked(id=plan_id)
        if plan is not None:
            end(plan, "erased", now=now)
    return cancel_now(plan_id=plan_id, now=now)


def cancel_now(*, plan_id: UUID, now: datetime) -> bool:
    """Whether nothing is left at Paddle that could be charged. What it does not answer now is asked again later."""
    due = TopUpPlan.objects.get_queryset().filter(id=plan_id, cancel_at__isnull=False)
    plan = due.first()
    if plan is None:
        return True
    again = min(timedelta(seconds=10) * 2 ** min(plan.cancel_attempts, 10), CANCEL_AGAIN_AFTER_MAX)
    due.update(cancel_at=now + again, cancel_attempts=F("cancel_attempts") + 1)
    try:
        with disclosures.about(user_id=plan.user_id, workspace_id=plan.workspace_id):
            paddle_subscriptions.cancel(subscription_id=plan.subscription_id)
    except PaddleUnavailable:
        logger.warning(
            "payment method not forgotten yet", extra={"plan_id": str(plan.id), "attempt": plan.cancel_attempts + 1}
        )
        return False
    with transaction.atomic():
        forgotten = locked(id=plan_id)
        assert forgotten is not None
        forgotten.cancel_at, forgotten.canceled_at = None, forgotten.canceled_at or now
        forgotten.save(update_fields=["cancel_at", "canceled_at"])
        publish(forgotten)
    return True
