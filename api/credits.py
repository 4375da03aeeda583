"""Credits: balance, packs, checkouts, statement."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Header, Query, Router, Status

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
    EntryKind,
    EntryOut,
    PackOut,
    StatementPage,
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
    queries.CursorInvalid: 400,
}
_COLUMNS = ("time", "kind", "description", "credits", "credits_after", "reference", "entry")


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


@router.get("/credits/statement", response=StatementPage, operation_id="get_statement")
def get_statement(
    request: HttpRequest,
    kind: EntryKind | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=queries.STATEMENT_PAGE_MAX)] = 50,
) -> StatementPage:
    return queries.statement(actor=actor_of(request), kind=kind, cursor=cursor, limit=limit)


@router.get("/credits/statement.csv", operation_id="export_statement")
def export_statement(request: HttpRequest, kind: EntryKind | None = None) -> StreamingHttpResponse:
    """The whole statement, newest first, as it is read: a long one takes no more memory than a short one."""
    pages = queries.statement_pages(actor=actor_of(request), kind=kind)
    response = StreamingHttpResponse(_csv_rows(pages), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="statement.csv"'
    response["Cache-Control"] = "no-store"
    return response


async def _csv_rows(pages: Iterator[Sequence[EntryOut]]) -> AsyncIterator[str]:
    yield _csv([_COLUMNS])
    while page := await sync_to_async(lambda: next(pages, None))():
        yield _csv([_csv_row(entry) for entry in page])


def _csv_row(entry: EntryOut) -> tuple[str, ...]:
    return (
        entry.occurred_at.isoformat(),
        entry.kind,
        entry.description,
        f"{entry.amount_mcredits / 1000:.3f}",
        f"{entry.balance_after_mcredits / 1000:.3f}",
        entry.reference,
        str(entry.id),
    )


def _csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
