"""What a person does about a notification of Paddle that could not be applied."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import transaction

from compliance import audit
from compliance.audit import WorkspaceAction
from ledger.models import Checkout, PaddleEvent
from ledger.money import checked_amount
from ledger.operations.book import Batch
from ledger.operations.handled import EventState
from ledger.operations.paddle_booking import grant_checkout
from ledger.operations.paddle_events import apply_once
from processors.errors import DomainError

RESOLVED_BY = "operator"


class NothingToResolve(DomainError):
    """No notification with this id waits for a person. Permanent."""

    code: ClassVar[str] = "nothing_to_resolve"


class CannotGrant(DomainError):
    """The notification is not of a purchase that was begun here and not granted yet. Permanent."""

    code: ClassVar[str] = "cannot_grant"


def retry_event(*, event_id: str, now: datetime) -> EventState:
    """Applies it as if it came now, such as after its pack was put on sale. Returns what became of it.

    :raises NothingToResolve:
    """
    with transaction.atomic():
        event = _waiting(event_id)
        event.state = "pending"
        event.save(update_fields=["state"])
    return apply_once(event_id=event_id, now=now)


@transaction.atomic
def grant_event(*, event_id: str, mcredits: int, reason: str, now: datetime) -> None:
    """Credits a purchase by hand, once, where its price says nothing to the product.

    :raises NothingToResolve, CannotGrant, AmountOutOfRange:
    """
    checked_amount(mcredits)
    event = _waiting(event_id)
    checkout = Checkout.objects.get_queryset().filter(transaction_id=event.transaction_id).first()
    if event.event_type != "transaction.completed" or checkout is None:
        raise CannotGrant("This is no purchase that was begun here. Refund it at Paddle, then dismiss it.")
    batch = Batch(workspace_ids=[checkout.workspace_id], now=now)
    checkout.refresh_from_db()
    if checkout.state == "granted":
        raise CannotGrant("This purchase was granted already. Dismiss it.")
    grant_checkout(batch, checkout, mcredits=mcredits, paid_minor=event.payload["total_minor"])
    _close(event, "applied", now)
    _note(event, checkout.workspace_id, "paddle_event.granted", reason, now)


@transaction.atomic
def dismiss_event(*, event_id: str, reason: str, now: datetime) -> None:
    """Takes it off the list; nothing is booked.

    :raises NothingToResolve:
    """
    event = _waiting(event_id)
    _close(event, "ignored", now)
    checkout = Checkout.objects.get_queryset().filter(transaction_id=event.transaction_id).first()
    _note(event, checkout.workspace_id if checkout else None, "paddle_event.dismissed", reason, now)


def _waiting(event_id: str) -> PaddleEvent:
    event = PaddleEvent.objects.select_for_update().filter(event_id=event_id, state="needs_person").first()
    if event is None:
        raise NothingToResolve("No notification with this id waits for a person.")
    return event


def _close(event: PaddleEvent, state: EventState, now: datetime) -> None:
    event.state, event.handled_at = state, now
    event.save(update_fields=["state", "handled_at"])


def _note(event: PaddleEvent, workspace_id: UUID | None, action: WorkspaceAction, reason: str, now: datetime) -> None:
    audit.record(
        workspace_id=workspace_id,
        actor_ref=RESOLVED_BY,
        action=action,
        target=event.event_id,
        detail={"reason": reason, "problem": event.problem},
        now=now,
    )
