"""What happened with one lead, newest first. A rep sees what the rep did; managers and the owner see the team's."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance import restriction, suppression
from identity.auth import Actor
from identity.models import User
from voice import keyset
from voice.models import TERMINAL_STATUSES, Lead, Reservation, TranscriptSegment
from voice.queries import lead_of, visible_calls
from voice.queue_schemas import HistoryCall, HistoryItem, HistoryPage


def history_page(*, actor: Actor, lead_id: UUID, cursor: str | None, limit: int) -> HistoryPage:
    """limit: 1..200.

    :raises Lead.DoesNotExist, SubjectRestricted, CursorInvalid:
    """
    lead = lead_of(actor=actor, lead_id=lead_id)
    restriction.refuse(lead.id)
    before = keyset.read(cursor) if cursor else None
    # Of each kind as many as the page may hold; what comes first of them all is the page.
    kinds = (_calls, _corrections, _skips, _suppressions)
    found = [item for kind in kinds for item in kind(actor, lead, before, limit + 1)]
    newest = sorted(found, key=lambda item: (item.at, item.id), reverse=True)
    shown = newest[:limit]
    more = len(newest) > limit
    return HistoryPage(items=shown, next_cursor=keyset.write(shown[-1].at, shown[-1].id) if more else None)


Before = tuple[datetime, UUID] | None


def _calls(actor: Actor, lead: Lead, before: Before, limit: int) -> Iterator[HistoryItem]:
    for call in _older(visible_calls(actor).filter(lead=lead), "created_at", before)[:limit]:
        yield HistoryItem(
            id=call.id,
            kind="call",
            at=call.created_at,
            by=_name(call.user),
            call_id=call.id,
            call=HistoryCall(
                status=call.status,
                outcome=call.outcome,
                disposition=call.disposition,
                duration_s=call.duration_s,
                notes=call.notes,
            ),
            detail="",
            before="",
        )


def _corrections(actor: Actor, lead: Lead, before: Before, limit: int) -> Iterator[HistoryItem]:
    """Lines of calls with the lead that somebody put right."""
    calls = visible_calls(actor).filter(lead=lead)
    # Members read their own calls while it is they who restricted that.
    calls = calls.exclude(Q(user_id__in=restriction.covered()) & ~Q(user_id=actor.user_id))
    # The words of a colleague's live call are read on its own page, where its rep sees who reads.
    calls = calls.exclude(~Q(user_id=actor.user_id) & ~Q(status__in=TERMINAL_STATUSES))
    segments = TranscriptSegment.objects.filter(call__in=calls)
    corrected = segments.filter(corrected_at__isnull=False).select_related("corrected_by")
    for segment in _older(corrected, "corrected_at", before)[:limit]:
        yield HistoryItem(
            id=segment.id,
            kind="corrected",
            at=segment.corrected_at,
            by=_name(segment.corrected_by),
            call_id=segment.call_id,
            call=None,
            detail=segment.text,
            before=segment.original_text,
        )


def _skips(actor: Actor, lead: Lead, before: Before, limit: int) -> Iterator[HistoryItem]:
    skipped = Reservation.objects.for_workspace(actor.workspace_id).filter(lead=lead, release_reason="skipped")
    if not actor.may("see_team"):
        skipped = skipped.filter(user_id=actor.user_id)
    for row in _older(skipped.select_related("user"), "released_at", before)[:limit]:
        yield _without_call(row.id, "skipped", at=row.released_at, by=_name(row.user), detail=row.skip_reason)


def _suppressions(actor: Actor, lead: Lead, before: Before, limit: int) -> Iterator[HistoryItem]:
    """When the number asked not to be called; also where that was taken back since."""
    if lead.phone_e164 is None:
        return
    asked = suppression.entries(workspace_id=actor.workspace_id, phone_e164=lead.phone_e164)
    for entry in _older(asked, "created_at", before)[:limit]:
        yield _without_call(entry.id, "suppressed", at=entry.created_at, by=None, detail=entry.source)


def _without_call(
    item_id: UUID, kind: Literal["skipped", "suppressed"], *, at: datetime, by: str | None, detail: str
) -> HistoryItem:
    return HistoryItem(id=item_id, kind=kind, at=at, by=by, call_id=None, call=None, detail=detail, before="")


def _older(rows: QuerySet[Any], field: str, before: Before) -> QuerySet[Any]:
    if before is not None:
        at, row_id = before
        rows = rows.filter(Q(**{f"{field}__lt": at}) | Q(**{field: at, "id__lt": row_id}))
    return rows.order_by(f"-{field}", "-id")


def _name(user: User | None) -> str | None:
    return f"{user.first_name} {user.last_name}".strip() if user else None
