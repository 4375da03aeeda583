"""Keyset pages over (created_at, id), newest first: the place is kept while rows come and go."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet

from processors.errors import CursorInvalid

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    next_cursor: str | None


def page_of(rows: QuerySet[Any], *, cursor: str | None, limit: int) -> Page[Any]:
    """limit: 1..200.

    :raises CursorInvalid: the cursor was not made by this function.
    """
    return cut(list(in_order(rows, after=read(cursor) if cursor else None)[: limit + 1]), limit=limit)


def in_order(rows: QuerySet[Any, Any], *, after: tuple[datetime, UUID] | None) -> QuerySet[Any, Any]:
    """Newest first. after: the place that a cursor says."""
    if after is not None:
        created_at, row_id = after
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=row_id))
    return rows.order_by("-created_at", "-id")


def cut(found: list[Any], *, limit: int) -> Page[Any]:
    """found: one more row than the limit, where there is one."""
    more = len(found) > limit
    return Page(found[:limit], _after(found[limit - 1]) if more else None)


def _after(row: Any) -> str:
    return write(row.created_at, row.id)


def write(at: datetime, row_id: UUID) -> str:
    """The cursor of what comes after a row."""
    return base64.urlsafe_b64encode(f"{at.isoformat()}|{row_id}".encode()).decode()


def read(cursor: str) -> tuple[datetime, UUID]:
    """:raises CursorInvalid:"""
    try:
        created_at, row_id = base64.urlsafe_b64decode(cursor.encode()).decode().split("|")
        return datetime.fromisoformat(created_at), UUID(row_id)
    except (ValueError, binascii.Error):
        raise CursorInvalid from None
