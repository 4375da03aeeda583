"""Paddle's notifications: stored as they come, then applied, in any order and any number of times."""

import logging
from datetime import datetime, timedelta
from typing import cast

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import Q

from ledger import paddle
from ledger.models import Checkout, PaddleEvent
from ledger.operations import top_up_events
from ledger.operations.book import Overtaken
from ledger.operations.handled import EventState, Handled
from ledger.operations.paddle_booking import book

logger = logging.getLogger(__name__)

SWEEP_AT_ONCE_MAX = 200
# Paddle repeats a notification for three days; what still waits for an earlier one then is looked at by a person.
WAIT_MAX = timedelta(days=4)
_WAITING = ("waits_for_purchase", "waits_for_chargeback", "waits_for_subscription")
HANDLED_TYPES = frozenset(
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


def receive_webhook(*, body: bytes, signature: str | None, now: datetime) -> None:
    """Verifies, stores and applies one notification. A repeated one changes nothing.

    Once it is stored it is never lost: what cannot be applied now is applied by the sweep.

    :raises SignatureInvalid, SignatureStale, NotificationMalformed: nothing was stored.
    """
    take(paddle.verified(body=body, signature=signature, now=now), now=now)


def take(notification: paddle.Notification, *, now: datetime) -> None:
    """Stores what Paddle told, in a notification or when it was asked, then applies it. A known one changes nothing."""
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
    if event.event_type not in HANDLED_TYPES:
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
    handled = book(checkout, event, now)
    if plan is not None:
        top_up_events.note(checkout, plan, now=now)
    return handled
