"""The statement: pages, export, and each entry explained."""

import csv
import io
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router
from pydantic import BaseModel

from api.auth import actor_of, or_key, still_acts
from identity import tenancy
from ledger import statement
from ledger.schemas import EntryKind, Moment
from processors.errors import DomainError
from voice import explanation, spending
from voice.spending_schemas import ExplanationOut, Spender, StatementPage, StatementRow

router = Router(tags=["credits"])

PROBLEMS: dict[type[DomainError], int] = {}
_COLUMNS = (
    "time",
    "kind",
    "description",
    "about",
    "by",
    "credits",
    "credits_after",
    "reference",
    "entry",
)
# What a spreadsheet would take for a formula if a cell began with it (OWASP, CSV injection).
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n")


class ExportEnded(Exception):
    """Whoever takes the statement may not any more. No answer can say so behind its first rows: the connection breaks off, so that they
    are not taken for the whole. Permanent."""


class StatementQuery(BaseModel):
    """since: inclusive; until: exclusive. user_id: only what this person called, asked and bought."""

    kind: EntryKind | None = None
    since: Moment | None = None
    until: Moment | None = None
    user_id: UUID | None = None
    call_id: UUID | None = None

    def filter(self) -> spending.SpendingFilter:
        return spending.SpendingFilter(**dict(self))


@router.get("/credits/statement", response=StatementPage, operation_id="get_statement", auth=or_key("credits:read"))
def get_statement(
    request: HttpRequest,
    asked: Annotated[StatementQuery, Query()],
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=statement.STATEMENT_PAGE_MAX)] = 50,
) -> StatementPage:
    """A rep's own calls, questions and purchases; for a manager and the owner everything of the workspace."""
    return spending.page(actor=actor_of(request), asked=asked.filter(), cursor=cursor, limit=limit)


@router.get(
    "/credits/statement.csv",
    operation_id="export_statement",
    auth=or_key("credits:read"),
    openapi_extra={"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
def export_statement(request: HttpRequest, asked: Annotated[StatementQuery, Query()]) -> StreamingHttpResponse:
    """What the statement shows with the same filters, all of it, as it is read: its length does not matter to memory. That it
    was taken stands in the workspace's record of acts."""
    actor = actor_of(request)
    rows = spending.export(actor=actor, asked=asked.filter(), now=timezone.now())
    response = StreamingHttpResponse(_csv_rows(request, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="statement.csv"'
    response["Cache-Control"] = "no-store"
    return response


@router.get("/credits/spenders", response=list[Spender], operation_id="list_spenders", auth=or_key("credits:read"))
def list_spenders(request: HttpRequest) -> list[Spender]:
    return spending.spenders(actor_of(request))


@router.get(
    "/credits/entries/{entry_id}/explanation",
    response=ExplanationOut,
    operation_id="explain_entry",
    auth=or_key("credits:read"),
)
def explain_entry(request: HttpRequest, entry_id: UUID) -> ExplanationOut:
    return explanation.explain(actor=actor_of(request), entry_id=entry_id)


async def _csv_rows(request: HttpRequest, pages: Iterator[Sequence[StatementRow]]) -> AsyncIterator[str]:
    """Raises ExportEnded."""

    @sync_to_async
    def read() -> Sequence[StatementRow] | None:
        with tenancy.confined(actor_of(request).workspace_id):
            if not still_acts(request, scope="credits:read"):
                raise ExportEnded
            return next(pages, None)

    yield _csv([_COLUMNS])
    while page := await read():
        yield _csv([_csv_row(row) for row in page])


def _csv_row(row: StatementRow) -> tuple[str, ...]:
    return (
        _time(row.occurred_at),
        row.kind,
        row.description,
        _plain(row.cause.about),
        _plain(row.cause.by or ""),
        f"{row.amount_mcredits / 1000:.3f}",
        f"{row.balance_after_mcredits / 1000:.3f}",
        _plain(row.reference),
        str(row.id),
    )


def _time(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _plain(text: str) -> str:
    """Names are anybody's words: one that begins like a formula is kept from being one."""
    return f"'{text}" if text.startswith(_FORMULA_BEGINS) else text


def _csv(rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
