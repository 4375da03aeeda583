"""Reading endpoints and what is on its way to them."""

from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

from identity.auth import Actor
from identity.outgoing.models import Delivery, Endpoint
from identity.outgoing.schemas import DeliveryOut, DeliveryPage, DeliveryState, EndpointOut, Event, OffReason
from processors.errors import CursorInvalid

PAGE: Final = 50


def endpoints(*, actor: Actor, now: datetime) -> list[EndpointOut]:
    """Every endpoint of the workspace, the newest first. Raises NotPermitted."""
    actor.demand("manage_webhooks")
    rows = Endpoint.objects.for_workspace(actor.workspace_id).select_related("made_by").order_by("-created_at", "-id")
    return [endpoint_out(row, now=now) for row in rows]


def deliveries(*, actor: Actor, endpoint_id: UUID, state: DeliveryState | None, cursor: str | None) -> DeliveryPage:
    """Newest first. Raises NotPermitted, CursorInvalid; Endpoint.DoesNotExist for one that is not the workspace's."""
    actor.demand("manage_webhooks")
    endpoint = Endpoint.objects.for_workspace(actor.workspace_id).get(id=endpoint_id)
    rows = Delivery.objects.for_workspace(actor.workspace_id).filter(endpoint=endpoint)
    if state is not None:
        rows = rows.filter(state=state)
    if cursor is not None:
        try:
            # Identifiers grow with time, so the last one seen says where to go on.
            rows = rows.filter(id__lt=UUID(cursor))
        except ValueError:
            raise CursorInvalid from None
    found = list(rows.order_by("-id")[: PAGE + 1])
    shown = found[:PAGE]
    return DeliveryPage(
        items=[delivery_out(row) for row in shown], next_cursor=str(shown[-1].id) if len(found) > PAGE else None
    )


def endpoint_out(row: Endpoint, *, now: datetime) -> EndpointOut:
    by = row.made_by
    both = row.previous_until if row.previous_until is not None and row.previous_until > now else None
    return EndpointOut(
        id=row.id,
        url=row.url,
        events=cast(list[Event], row.events),
        made_by=f"{by.first_name} {by.last_name}" if by is not None else None,
        created_at=row.created_at,
        failing_since=row.failing_since,
        failures=row.failures,
        off_at=row.off_at,
        off_reason=cast(OffReason | None, row.off_reason),
        two_secrets_until=both,
    )


def delivery_out(row: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=row.id,
        message_id=message_id(row.id),
        event=cast(Any, row.event),
        state=cast(DeliveryState, row.state),
        created_at=row.created_at,
        attempts=row.attempts,
        attempted_at=row.attempted_at,
        answer_status=row.answer_status,
        error=row.error,
        next_at=row.next_at if row.state == "pending" else None,
        call_id=row.call_id,
    )


def message_id(delivery_id: UUID) -> str:
    """The same for every attempt, so that a receiver knows a message that it has had."""
    return f"msg_{delivery_id.hex}"
