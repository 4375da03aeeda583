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
    if cursor:
        created_at, row_id = read(cursor)
        rows = rows.filter(Q(created_at__lt=created_at) | Q(created_at=created_at, id__lt=row_id))
    found = list(rows.order_by("-created_at", "-id")[: limit + 1])
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
