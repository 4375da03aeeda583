"""REST of outgoing webhooks. What they send stands in docs/webhooks.md."""

from typing import Annotated, Final
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status

from api.auth import actor_of
from identity.outgoing import deliveries, endpoints, queries
from identity.outgoing.schemas import (
    DeliveryOut,
    DeliveryPage,
    DeliveryState,
    EndpointChange,
    EndpointIn,
    EndpointOut,
    EndpointSecretOut,
    EndpointsOut,
)
from processors.errors import DomainError

router = Router(tags=["webhooks"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    endpoints.WebhookNotFound: 404,
    endpoints.WebhookUrlRefused: 422,
    endpoints.WebhooksTooMany: 409,
    endpoints.WebhookKnown: 409,
    deliveries.DeliveryNotFound: 404,
    deliveries.WebhookOff: 409,
    deliveries.DeliveryOnItsWay: 409,
}


@router.get("/webhooks", response=EndpointsOut, operation_id="list_webhooks")
def list_webhooks(request: HttpRequest) -> EndpointsOut:
    items = queries.endpoints(actor=actor_of(request), now=timezone.now())
    return EndpointsOut(items=items, max=endpoints.ENDPOINTS_MAX)


@router.post("/webhooks", response={201: EndpointSecretOut}, operation_id="make_webhook")
def make_webhook(request: HttpRequest, form: EndpointIn) -> Status[EndpointSecretOut]:
    """The secret is in this answer alone."""
    return Status(201, endpoints.make(actor=actor_of(request), form=form, now=timezone.now()))


@router.patch("/webhooks/{webhook_id}", response=EndpointOut, operation_id="change_webhook")
def change_webhook(request: HttpRequest, webhook_id: UUID, form: EndpointChange) -> EndpointOut:
    return endpoints.change(actor=actor_of(request), endpoint_id=webhook_id, form=form, now=timezone.now())


@router.delete("/webhooks/{webhook_id}", response={204: None}, operation_id="remove_webhook")
def remove_webhook(request: HttpRequest, webhook_id: UUID) -> Status[None]:
    endpoints.remove(actor=actor_of(request), endpoint_id=webhook_id, now=timezone.now())
    return Status(204, None)


@router.post("/webhooks/{webhook_id}/secret", response=EndpointSecretOut, operation_id="rotate_webhook_secret")
def rotate_webhook_secret(request: HttpRequest, webhook_id: UUID) -> EndpointSecretOut:
    """The new secret is in this answer alone. For 24 hours the one before signs too."""
    return endpoints.rotate(actor=actor_of(request), endpoint_id=webhook_id, now=timezone.now())


@router.post("/webhooks/{webhook_id}/test", response={202: DeliveryOut}, operation_id="test_webhook")
def test_webhook(request: HttpRequest, webhook_id: UUID) -> Status[DeliveryOut]:
    return Status(202, deliveries.send_test(actor=actor_of(request), endpoint_id=webhook_id, now=timezone.now()))


@router.get("/webhooks/{webhook_id}/deliveries", response=DeliveryPage, operation_id="list_deliveries")
def list_deliveries(
    request: HttpRequest,
    webhook_id: UUID,
    state: DeliveryState | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> DeliveryPage:
    return queries.deliveries(actor=actor_of(request), endpoint_id=webhook_id, state=state, cursor=cursor)


@router.post("/deliveries/{delivery_id}/again", response={202: DeliveryOut}, operation_id="send_delivery_again")
def send_delivery_again(request: HttpRequest, delivery_id: UUID) -> Status[DeliveryOut]:
    return Status(202, deliveries.again(actor=actor_of(request), delivery_id=delivery_id, now=timezone.now()))
