"""Credits: balance, packs, checkouts."""

from typing import Annotated
from uuid import UUID

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Header, Router, Status

from api.auth import actor_of
from identity.permissions import NotPermitted
from ledger import operations, paddle, queries
from ledger.models import Checkout
from ledger.money import AmountOutOfRange
from ledger.schemas import (
    BalanceOut,
    CheckoutIn,
    CheckoutOut,
    CheckoutStateOut,
    PackOut,
)
from processors.errors import DomainError

router = Router(tags=["credits"])

PROBLEMS: dict[type[DomainError], int] = {
    NotPermitted: 403,
    AmountOutOfRange: 422,
    operations.InsufficientCredit: 402,
    operations.PackUnknown: 422,
    operations.IdempotencyKeyReused: 409,
    operations.CheckoutBusy: 409,
    operations.CheckoutsTooMany: 429,
    operations.Overtaken: 409,
    paddle.PaddleUnavailable: 502,
    paddle.SignatureInvalid: 403,
    paddle.SignatureStale: 403,
    paddle.NotificationMalformed: 400,
}


@router.get("/credits", response=BalanceOut, operation_id="get_credits")
def get_credits(request: HttpRequest) -> BalanceOut:
    return queries.balance(actor_of(request).workspace_id, now=timezone.now())


@router.get("/credits/packs", response=list[PackOut], operation_id="list_packs")
def list_packs(request: HttpRequest) -> list[PackOut]:
    return paddle.packs()


@router.post("/credits/checkouts", response={201: CheckoutOut}, operation_id="start_checkout")
def start_checkout(
    request: HttpRequest,
    body: CheckoutIn,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=100)],
) -> Status[CheckoutOut]:
    started = operations.start_checkout(
        actor=actor_of(request), price_id=body.price_id, idempotency_key=idempotency_key, now=timezone.now()
    )
    return Status(201, started)


@router.get("/credits/checkouts/{checkout_id}", response=CheckoutStateOut, operation_id="get_checkout")
def get_checkout(request: HttpRequest, checkout_id: UUID) -> CheckoutStateOut:
    try:
        return queries.checkout(workspace_id=actor_of(request).workspace_id, checkout_id=checkout_id)
    except Checkout.DoesNotExist:
        raise Http404 from None
