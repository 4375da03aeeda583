"""Credits: balance, packs, checkouts."""

from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Header, Query, Router, Status
from pydantic import AfterValidator, BaseModel, Field

from api.auth import actor_of, or_key
from identity.permissions import NotPermitted
from ledger import operations, paddle, purchases, queries
from ledger.burn_down import DAYS_MAX, burn_down
from ledger.models import Checkout
from ledger.money import AmountOutOfRange
from ledger.purchase_schemas import BurnDownOut, InvoiceOut, PurchasePage
from ledger.schemas import (
    AlertIn,
    BalanceOut,
    CheckoutIn,
    CheckoutOut,
    CheckoutStateOut,
    PackOut,
)
from processors.errors import DomainError


def _known_zone(name: str) -> str:
    """Raises ValueError."""
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError("no such time zone") from None


class BurnDownQuery(BaseModel):
    """time_zone: the reader's, by its IANA name; days begin at its midnight."""

    days: int = Field(default=30, ge=1, le=DAYS_MAX)
    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_known_zone)] = "UTC"


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
    purchases.PurchaseUnknown: 404,
    purchases.InvoiceMissing: 409,
    paddle.SignatureInvalid: 403,
    paddle.SignatureStale: 403,
    paddle.NotificationMalformed: 400,
}


@router.get("/credits", response=BalanceOut, operation_id="get_credits", auth=or_key("credits:read"))
def get_credits(request: HttpRequest) -> BalanceOut:
    return queries.balance(actor_of(request).workspace_id, now=timezone.now())


@router.put("/credits/alert", response=BalanceOut, operation_id="set_balance_alert")
def set_balance_alert(request: HttpRequest, body: AlertIn) -> BalanceOut:
    actor = actor_of(request)
    operations.set_alert(actor=actor, threshold_mcredits=body.threshold_mcredits)
    return queries.balance(actor.workspace_id, now=timezone.now())


@router.get("/credits/burn-down", response=BurnDownOut, operation_id="get_burn_down", auth=or_key("credits:read"))
def get_burn_down(
    request: HttpRequest,
    asked: Annotated[BurnDownQuery, Query()],
) -> BurnDownOut:
    return burn_down(actor=actor_of(request), days=asked.days, zone=ZoneInfo(asked.time_zone), now=timezone.now())


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


@router.get("/credits/purchases", response=PurchasePage, operation_id="list_purchases", auth=or_key("credits:read"))
def list_purchases(request: HttpRequest, cursor: Annotated[str | None, Query(max_length=200)] = None) -> PurchasePage:
    return purchases.page(actor=actor_of(request), cursor=cursor)


@router.get("/credits/purchases/{checkout_id}/invoice", response=InvoiceOut, operation_id="get_invoice")
def get_invoice(request: HttpRequest, checkout_id: UUID) -> InvoiceOut:
    return purchases.invoice(actor=actor_of(request), checkout_id=checkout_id)
