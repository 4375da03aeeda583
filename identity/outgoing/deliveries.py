"""Writing down what is to be sent, in the transaction of what it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from identity.auth import Actor
from identity.outgoing.endpoints import WebhookNotFound
from identity.outgoing.models import Delivery, Endpoint
from identity.outgoing.queries import delivery_out
from identity.outgoing.schemas import TEST, DeliveryOut, Event
from processors.errors import DomainError

Plain = str | int | None
GIVES_UP_AFTER: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class News:
    """What is to be told of an event; the fields are those of `record`."""

    workspace_id: UUID
    subject: str
    data: Mapping[str, Plain]
    call_id: UUID | None = None
    user_id: UUID | None = None


class DeliveryNotFound(DomainError):
    """No delivery of the workspace has this id; it may be over its term. Permanent."""

    code: ClassVar[str] = "delivery_not_found"


class WebhookOff(DomainError):
    """Nothing is sent to an endpoint that is off; passes when it is switched on."""

    code: ClassVar[str] = "webhook_off"


class DeliveryOnItsWay(DomainError):
    """It is going to be tried anyhow; passes when it is sent or given up."""

    code: ClassVar[str] = "delivery_on_its_way"


def record(
    *,
    workspace_id: UUID,
    event: Event,
    subject: str,
    data: Mapping[str, Plain],
    now: datetime,
    call_id: UUID | None = None,
    user_id: UUID | None = None,
) -> None:
    """Writes a delivery for each endpoint of the workspace that listens to the event; the clock sends them within a second.

    In the caller's transaction, so that event and delivery stand or fall together. The same subject is written once.
    data: identifiers and figures alone; `processors.endpoints` lists what may be in it. call_id, user_id: of whom it speaks.
    """
    record_all(event, [News(workspace_id, subject, data, call_id=call_id, user_id=user_id)], now=now)


def record_all(event: Event, news: Sequence[News], *, now: datetime) -> None:
    """The same for many at once."""
    listening: dict[UUID, list[Endpoint]] = {}
    endpoints = Endpoint.objects.filter(workspace_id__in={each.workspace_id for each in news}, off_at__isnull=True)
    for endpoint in endpoints.filter(events__contains=[event]).only("id", "workspace_id"):
        listening.setdefault(endpoint.workspace_id, []).append(endpoint)
    rows = [
        _row(endpoint, event, each.subject, each.data, now, call_id=each.call_id, user_id=each.user_id)
        for each in news
        for endpoint in listening.get(each.workspace_id, ())
    ]
    if rows:
        Delivery.objects.get_queryset().bulk_create(rows, ignore_conflicts=True)


def send_test(*, actor: Actor, endpoint_id: UUID, now: datetime) -> DeliveryOut:
    """A message that tells of nothing. Raises NotPermitted, WebhookNotFound, WebhookOff, DeliveryOnItsWay."""
    actor.demand("manage_webhooks")
    with transaction.atomic():
        endpoint = Endpoint.objects.for_workspace(actor.workspace_id).select_for_update().filter(id=endpoint_id).first()
        if endpoint is None:
            raise WebhookNotFound("There is no such webhook; it may have been removed already. Reload the page.")
        _demand_on(endpoint)
        if endpoint.deliveries.filter(event=TEST, state="pending").exists():
            raise DeliveryOnItsWay("A test is on its way already. Wait for its answer.")
        row = _row(endpoint, TEST, f"test:{uuid7()}", {"webhook_id": str(endpoint.id)}, now)
        row.save(force_insert=True)
        _try_soon(endpoint)
    return delivery_out(row)


def again(*, actor: Actor, delivery_id: UUID, now: datetime) -> DeliveryOut:
    """Sends a message once more, for another day if need be. Raises NotPermitted, DeliveryNotFound, WebhookOff, DeliveryOnItsWay."""
    actor.demand("manage_webhooks")
    with transaction.atomic():
        mine = Delivery.objects.for_workspace(actor.workspace_id).select_related("endpoint")
        row = mine.select_for_update(of=("self",)).filter(id=delivery_id).first()
        if row is None:
            raise DeliveryNotFound(
                "There is no such delivery; they are kept for 30 days, and for 7 once given up. Choose a newer one."
            )
        _demand_on(row.endpoint)
        if row.state == "pending" and row.attempts == 0:
            raise DeliveryOnItsWay("It is on its way already. Wait for its answer.")
        row.state, row.attempts, row.next_at, row.gives_up_at = "pending", 0, now, now + GIVES_UP_AFTER
        row.save(update_fields=["state", "attempts", "next_at", "gives_up_at"])
        _try_soon(row.endpoint)
    return delivery_out(row)


def forget_calls(*, call_ids: Sequence[UUID]) -> None:
    """What was told of calls goes when they are erased; whoever erases them says so."""
    Delivery.objects.get_queryset().filter(call_id__in=call_ids).delete()


def _row(
    endpoint: Endpoint,
    event: str,
    subject: str,
    data: Mapping[str, Plain],
    now: datetime,
    *,
    call_id: UUID | None = None,
    user_id: UUID | None = None,
) -> Delivery:
    return Delivery(
        workspace_id=endpoint.workspace_id,
        endpoint=endpoint,
        event=event,
        subject=subject,
        data=dict(data),
        call_id=call_id,
        user_id=user_id,
        created_at=now,
        next_at=now,
        gives_up_at=now + GIVES_UP_AFTER,
    )


def _demand_on(endpoint: Endpoint) -> None:
    if endpoint.off_at is not None:
        raise WebhookOff("This webhook is off. Switch it on first.")


def _try_soon(endpoint: Endpoint) -> None:
    """A person waits for the answer, so it does not rest."""
    Endpoint.objects.get_queryset().filter(id=endpoint.id).update(resting_until=None)
