"""The statement: a workspace's entries, newest first, by day, kind and reference, in pages and as a whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Max, QuerySet

from ledger.models import Entry
from ledger.schemas import EntryKind
from processors.errors import CursorInvalid

STATEMENT_PAGE_MAX: Final = 200
EXPORT_PAGE: Final = 1_000
# Setting credit aside is not spending it; the statement shows these when they are asked for.
_ASIDE: Final = ("hold", "release")
# A booking takes its time before it waits for the workspace's accounts, so times may lag behind the numbering, by far less.
BOOKED_LATE_MAX: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """Which entries are asked for; None asks for all.

    kind: None leaves out what only sets credit aside. since: inclusive; until: exclusive.
    references: a query for the references whose entries are asked for, one column; several of them narrow each other.
    """

    kind: EntryKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    references: tuple[QuerySet[Any, str] | Sequence[str], ...] = ()


def page(
    *, workspace_id: UUID, chosen: StatementFilter, cursor: str | None, limit: int
) -> tuple[list[Entry], str | None]:
    """One page and the cursor of the next, None at the end. limit: 1 to STATEMENT_PAGE_MAX.

    :raises CursorInvalid:
    """
    rows = _entries(workspace_id, chosen)
    if cursor is not None:
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
            raise CursorInvalid
        rows = rows.filter(sequence__lt=int(cursor))
    found = list(rows[: limit + 1])
    return found[:limit], str(found[limit - 1].sequence) if len(found) > limit else None


def pages(*, workspace_id: UUID, chosen: StatementFilter) -> Iterator[list[Entry]]:
    """The whole of it page by page, so that its length does not matter to memory."""
    rows = _entries(workspace_id, chosen)
    found = list(rows[:EXPORT_PAGE])
    while found:
        yield found
        found = list(rows.filter(sequence__lt=found[-1].sequence)[:EXPORT_PAGE])


def _entries(workspace_id: UUID, chosen: StatementFilter) -> QuerySet[Entry]:
    rows = Entry.objects.for_workspace(workspace_id).order_by("-sequence")
    rows = rows.filter(kind=chosen.kind) if chosen.kind else rows.exclude(kind__in=_ASIDE)
    for references in chosen.references:
        rows = rows.filter(reference__in=references)
    if chosen.since is not None:
        first = first_sequence_at(workspace_id, chosen.since - BOOKED_LATE_MAX)
        rows = rows.filter(sequence__gte=first, occurred_at__gte=chosen.since)
    if chosen.until is not None:
        last = first_sequence_at(workspace_id, chosen.until + BOOKED_LATE_MAX)
        rows = rows.filter(sequence__lte=last, occurred_at__lt=chosen.until)
    return rows


def first_sequence_at(workspace_id: UUID, moment: datetime) -> int:
    """The number from which entries were booked at `moment` or later; one after the newest if there is none.

    A search by halves over the numbering, whose index every writer pays for anyway; one by time would cost each entry more.
    """
    mine = Entry.objects.for_workspace(workspace_id)
    low, high = 1, (mine.aggregate(newest=Max("sequence"))["newest"] or 0) + 1
    while low < high:
        middle = (low + high) // 2
        times = mine.filter(sequence__lte=middle).order_by("-sequence").values_list("occurred_at", flat=True)
        if (at := times.first()) is not None and at >= moment:
            high = middle
        else:
            low = middle + 1
    return low
