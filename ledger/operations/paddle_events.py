"""Paddle's notifications: stored as they come, then applied, in any order and any number of times."""

import logging
from datetime import datetime, timedelta
from typing import cast

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import Q

from ledger import paddle
from ledger.events import CheckoutChanged
from ledger.models import Checkout, Entry, PaddleEvent
from ledger.money import AMOUNT_MAX_MCREDITS
from ledger.operations import top_up_events
from ledger.operations.book import Batch, Line, Overtaken
from ledger.operations.handled import EventState, Handled
from ledger.schemas import CheckoutState
from realtime.publish import Topic, publish_on_commit

logger = logging.getLogger(__name__)

SWEEP_AT_ONCE_MAX = 200
# Paddle repeats a notification for three days; what still waits for an earlier one then is looked at by a person.
WAIT_MAX = timedelta(days=4)
_WAITING = ("waits_for_purchase", "waits_for_chargeback", "waits_for_subscription")


def receive_webhook(*, body: bytes, signature: str | None, now: datetime) -> None:
    """Verifies, stores and applies one notification. A repeated one changes nothing.

    Once it is stored it is never lost: what cannot be applied now is applied by the sweep.

    :raises SignatureInvalid, SignatureStale, NotificationMalformed: nothing was stored.
    """
    notification = paddle.verified(body=body, signature=signature, now=now)
    PaddleEvent.objects.bulk_create(
        [
            PaddleEvent(
                event_id=notification.event_id,
                event_type=notification.event_type,
                occurred_at=notification.occurred_at,
                received_at=now,
                transaction_id=notification.transaction_id,
                payload=notification.payload,
            )
        ],
        ignore_conflicts=True,
    )
    try:
        _apply_with_followers(notification.event_id, now)
    except (DatabaseError, Overtaken) as error:
        _not_applied(notification.event_id, error)


def apply_pending_paddle_events(*, now: datetime) -> int:
    """Applies what was stored and not applied, oldest first, at most SWEEP_AT_ONCE_MAX. Returns how many got through.

    One that cannot be applied must not keep the others waiting.

    :raises OperationalError, InterfaceError: the database is away, so the others would fail as well.
    """
    due = PaddleEvent.objects.filter(state="pending").order_by("received_at").values_list("event_id", flat=True)
    applied = 0
    for event_id in list(due[:SWEEP_AT_ONCE_MAX]):
        try:
            applied += _apply_with_followers(event_id, now)
        except (OperationalError, InterfaceError):
            raise
        except (DatabaseError, Overtaken) as error:
            _not_applied(event_id, error)
    return applied


def _not_applied(event_id: str, error: Exception) -> None:
    """It stays due."""
    logger.error(
        "paddle event stored but not applied", extra={"event_id": event_id, "error_type": type(error).__name__}
    )


def apply_once(*, event_id: str, now: datetime) -> EventState:
    """Applies a stored event that is due and those that wait for it. Returns what became of it."""
    _apply_with_followers(event_id, now)
    return cast(EventState, PaddleEvent.objects.values_list("state", flat=True).get(event_id=event_id))


def _apply_with_followers(event_id: str, now: datetime) -> int:
    """Applies an event, then those of the same transaction that waited for it, each in its own transaction."""
    applied = _apply(event_id, now)
    if applied is None or applied.state != "applied":
        return 0
    event = PaddleEvent.objects.get(event_id=event_id)
    about = Q(transaction_id=event.transaction_id) & ~Q(transaction_id="")
    if event.event_type == "subscription.created":
        about |= Q(event_type__startswith="subscription.", payload__subscription_id=event.payload["subscription_id"])
    waiting = PaddleEvent.objects.filter(about, problem__in=_WAITING)
    followers = waiting.exclude(event_id=event_id).order_by("occurred_at").values_list("event_id", flat=True)
    return 1 + sum(_apply_with_followers(follower, now) for follower in list(followers[:SWEEP_AT_ONCE_MAX]))


@transaction.atomic
def _apply(event_id: str, now: datetime) -> Handled | None:
    """None: it has been handled before, or is being handled by somebody else in this moment."""
    event = PaddleEvent.objects.select_for_update(skip_locked=True).filter(event_id=event_id).first()
    if event is None or not (event.state == "pending" or event.problem in _WAITING):
        return None
    handled = _handle(event, now)
    if handled.state == "pending" and now - event.received_at > WAIT_MAX:
        handled = Handled("needs_person", handled.problem)
    if handled.state == "needs_person" and event.state != "needs_person":
        logger.error(
            "paddle event needs a person",
            extra={
                "event_id": event.event_id,
                "event_type": event.event_type,
                "transaction_id": event.transaction_id,
                "code": handled.problem,
            },
        )
    event.state = handled.state
    event.problem = handled.problem
    event.handled_at = now
    event.save(update_fields=["state", "problem", "handled_at"])
    return handled


def _handle(event: PaddleEvent, now: datetime) -> Handled:
    # The workspace comes from our own checkout; custom_data can be set by anybody in a browser.
    checkout = (
        Checkout.objects.get_queryset().filter(transaction_id=event.transaction_id).first()
        if event.transaction_id
        else None
    )
    if event.event_type not in _HANDLED_TYPES:
        return Handled("ignored", "not_used")
    plan = top_up_events.plan_of(event, checkout)
    if event.event_type.startswith("subscription."):
        return top_up_events.follow_subscription(event, plan, now=now)
    if checkout is None and plan is not None:
        claimed = top_up_events.claim(event, plan, now=now)
        if isinstance(claimed, Handled):
            return claimed
        checkout = claimed
    if checkout is None:
        return Handled("needs_person", "unknown_transaction")
    handled = _book(checkout, event, now)
    if plan is not None:
        top_up_events.note(checkout, plan, now=now)
    return handled


def _book(checkout: Checkout, event: PaddleEvent, now: datetime) -> Handled:
    batch = Batch(workspace_ids=[checkout.workspace_id], now=now)
    # Read again now that the workspace is locked.
    checkout.refresh_from_db()
    if event.event_type.startswith("adjustment."):
        return _adjust(batch, checkout, event)
    if event.event_type == "transaction.completed":
        return _grant(batch, checkout, event)
    return _follow(checkout, event)


_HANDLED_TYPES = frozenset(
    {
        "transaction.completed",
        "transaction.paid",
        "transaction.canceled",
        "adjustment.created",
        "adjustment.updated",
        "subscription.created",
        "subscription.activated",
        "subscription.updated",
        "subscription.past_due",
        "subscription.paused",
        "subscription.resumed",
        "subscription.canceled",
    }
)


def _follow(checkout: Checkout, event: PaddleEvent) -> Handled:
    """Notes a payment or its end on the checkout. A granted checkout stays granted, whatever comes late."""
    state: CheckoutState = "paid" if event.event_type == "transaction.paid" else "failed"
    if checkout.state not in ("open", "paid") or checkout.state == state:
        return Handled("ignored", "late")
    _move(checkout, state)
    return Handled("applied")


def _grant(batch: Batch, checkout: Checkout, event: PaddleEvent) -> Handled:
    """Credits what was bought, once per transaction."""
    if checkout.state == "granted":
        return Handled("ignored", "already_granted")
    # What the buyer was shown counts, even if the pack was changed since.
    worth = {pack.price_id: pack.mcredits for pack in paddle.packs()} | {checkout.price_id: checkout.mcredits}
    items = event.payload["items"]
    if not items or any(item["price_id"] not in worth for item in items):
        return Handled("needs_person", "unknown_price")
    bought = sum(worth[item["price_id"]] * item["quantity"] for item in items)
    if bought > AMOUNT_MAX_MCREDITS:
        return Handled("needs_person", "amount_out_of_range")
    grant_checkout(batch, checkout, mcredits=bought, paid_minor=event.payload["total_minor"])
    return Handled("applied")


def grant_checkout(batch: Batch, checkout: Checkout, *, mcredits: int, paid_minor: int | None) -> None:
    """Books a purchase that was not granted yet, first against the debt."""
    books = batch.books(checkout.workspace_id)
    to_debt = min(mcredits, books.debt)
    batch.post(
        books,
        "purchase",
        [
            Line("paddle_clearing", "debit", mcredits),
            Line("debt", "credit", to_debt),
            Line("available", "credit", mcredits - to_debt),
        ],
        reference=checkout.transaction_id,
        key=f"purchase:{checkout.transaction_id}",
    )
    batch.write()
    checkout.granted_mcredits = mcredits
    checkout.granted_at = batch.now
    checkout.paid_minor = paid_minor
    _move(checkout, "granted")


def _adjust(batch: Batch, checkout: Checkout, event: PaddleEvent) -> Handled:
    """Refunds once approved, chargebacks at once, reversals of chargebacks; each adjustment once."""
    action, status = event.payload["action"], event.payload["status"]
    if event.payload.get("tax_only"):
        # The price was paid all the same.
        return Handled("ignored", "tax_only")
    if action == "refund" and status != "approved":
        return Handled("ignored", f"refund_{status}"[:40])
    if action == "chargeback_warning" and status not in ("rejected", "reversed"):
        # The bank only asks so far; somebody may still answer it at Paddle.
        return Handled("needs_person", "chargeback_warning")
    if action not in ("refund", "chargeback", "chargeback_reverse") or status in ("rejected", "reversed"):
        # A chargeback that is reversed comes as an adjustment of its own as well; that one is applied.
        return Handled("ignored", "not_used")
    if checkout.state != "granted":
        return Handled("pending", "waits_for_purchase")
    key = f"adjustment:{event.payload['adjustment_id']}"
    if Entry.objects.for_workspace(checkout.workspace_id).filter(key=key).exists():
        return Handled("ignored", "already_applied")
    if action == "chargeback_reverse":
        return _restore(batch, checkout, event, key)
    return _take_back(batch, checkout, event, key)


def _take_back(batch: Batch, checkout: Checkout, event: PaddleEvent, key: str) -> Handled:
    """Takes credits back from what is available; what was spent already becomes the workspace's debt."""
    share = _share(checkout, event)
    if share is None:
        return Handled("needs_person", "amount_unknown")
    amount = min(share, checkout.granted_mcredits - checkout.taken_back_mcredits)
    if amount <= 0:
        return Handled("ignored", "nothing_left")
    books = batch.books(checkout.workspace_id)
    from_available = min(amount, books.available)
    chargeback = event.payload["action"] == "chargeback"
    batch.post(
        books,
        "chargeback" if chargeback else "refund",
        [
            Line("available", "debit", from_available),
            Line("debt", "debit", amount - from_available),
            Line("paddle_clearing", "credit", amount),
        ],
        reference=checkout.transaction_id,
        key=key,
    )
    batch.write()
    checkout.taken_back_mcredits += amount
    checkout.charged_back_mcredits += amount if chargeback else 0
    checkout.save(update_fields=["taken_back_mcredits", "charged_back_mcredits"])
    return Handled("applied")


def _restore(batch: Batch, checkout: Checkout, event: PaddleEvent, key: str) -> Handled:
    """Gives back what a chargeback took, first against the debt."""
    if checkout.charged_back_mcredits == 0:
        return Handled("pending", "waits_for_chargeback")
    share = _share(checkout, event)
    amount = checkout.charged_back_mcredits if share is None else min(share, checkout.charged_back_mcredits)
    if amount <= 0:
        return Handled("ignored", "nothing_left")
    books = batch.books(checkout.workspace_id)
    to_debt = min(amount, books.debt)
    batch.post(
        books,
        "chargeback_reverse",
        [
            Line("paddle_clearing", "debit", amount),
            Line("debt", "credit", to_debt),
            Line("available", "credit", amount - to_debt),
        ],
        reference=checkout.transaction_id,
        key=key,
    )
    batch.write()
    checkout.taken_back_mcredits -= amount
    checkout.charged_back_mcredits -= amount
    checkout.save(update_fields=["taken_back_mcredits", "charged_back_mcredits"])
    return Handled("applied")


def _share(checkout: Checkout, event: PaddleEvent) -> int | None:
    """The credits that stand for the adjusted money, rounded up; None when the notification does not say how much."""
    adjusted_minor: int | None = event.payload["total_minor"]
    paid_minor = checkout.paid_minor
    if adjusted_minor is not None and paid_minor:
        return -(-checkout.granted_mcredits * min(adjusted_minor, paid_minor) // paid_minor)
    return checkout.granted_mcredits if event.payload["type"] == "full" else None


def _move(checkout: Checkout, state: CheckoutState) -> None:
    checkout.state = state
    checkout.save()
    publish_on_commit(Topic.workspace(checkout.workspace_id), CheckoutChanged(checkout_id=checkout.id, state=state))
