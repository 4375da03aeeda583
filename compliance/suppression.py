"""Numbers that must not be called, kept as keyed hashes so that the list outlives the erasure of whom it
protects."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from compliance import erasure_ledger
from compliance.erasure_ledger import Entry
from compliance.models import Suppression
from processors.pseudonyms import pseudonym


def suppress(*, workspace_id: UUID | None, phone_e164: str, reason: str, source: str, now: datetime) -> Suppression:
    """Puts a number on the list, once; asked for again, the term begins anew. workspace_id: None for all workspaces."""
    number_key = pseudonym("phone", phone_e164)
    with transaction.atomic():
        entry = _put(workspace_id=workspace_id, number_key=number_key, reason=reason, source=source, now=now)
        detail = {"workspace_id": _text(workspace_id), "reason": reason, "source": source}
        erasure_ledger.note([Entry("suppression", number_key, now, detail)], now=now)
    return entry


def lift(*, workspace_id: UUID | None, phone_e164: str, source: str, now: datetime, of: str | None = None) -> bool:
    """Takes a number off this list; whether it was on it. A list for all workspaces is not touched by one of
    them. of: only where that source put it there."""
    number_key = pseudonym("phone", phone_e164)
    entries = Suppression.objects.filter(workspace_id=workspace_id, number_key=number_key, lifted_at__isnull=True)
    if of is not None:
        entries = entries.filter(source=of)
    with transaction.atomic():
        lifted = bool(entries.update(lifted_at=now, lifted_source=source))
        if lifted:
            detail = {"workspace_id": _text(workspace_id), "lifted_source": source}
            erasure_ledger.note([Entry("suppression", number_key, now, detail)], now=now)
    return lifted


def recall(entry: Entry) -> None:
    """Brings what the erasure ledger knows of the list back into a database that was restored; entries in their order.

    Repeating them all ends the same.
    """
    workspace_id = UUID(entry.detail["workspace_id"]) if entry.detail["workspace_id"] else None
    if lifted_source := entry.detail.get("lifted_source"):
        in_force = Suppression.objects.filter(
            workspace_id=workspace_id, number_key=entry.key, lifted_at__isnull=True, last_asked_at__lte=entry.at
        )
        in_force.update(lifted_at=entry.at, lifted_source=lifted_source)
        return
    reason, source = entry.detail["reason"], entry.detail["source"]
    _put(workspace_id=workspace_id, number_key=entry.key, reason=reason, source=source, now=entry.at)


def remembered(*, since: datetime) -> Iterator[Entry]:
    """What was put on the list since then and is on it, for a ledger that does not know it."""
    in_force = Suppression.objects.filter(lifted_at__isnull=True, last_asked_at__gte=since)
    for row in in_force.order_by("id").iterator():
        detail = {"workspace_id": _text(row.workspace_id), "reason": row.reason, "source": row.source}
        yield Entry("suppression", row.number_key, row.last_asked_at, detail)


def is_suppressed(*, workspace_id: UUID, phone_e164: str) -> Suppression | None:
    """The entry that forbids this workspace to call the number, the one for everybody first."""
    return (
        _in_force(workspace_id)
        .filter(number_key=pseudonym("phone", phone_e164))
        .order_by(F("workspace_id").asc(nulls_first=True))
        .first()
    )


def entries(*, workspace_id: UUID, phone_e164: str) -> QuerySet[Suppression]:
    """Every entry that this workspace may know of a number, also those that were lifted since."""
    mine = Q(workspace_id=workspace_id) | Q(workspace_id__isnull=True)
    return Suppression.objects.filter(mine, number_key=pseudonym("phone", phone_e164))


def suppressed_everywhere(*, phone_e164: str) -> Suppression | None:
    """The entry that forbids every workspace to call the number."""
    everywhere = Suppression.objects.filter(workspace_id__isnull=True, lifted_at__isnull=True)
    return everywhere.filter(number_key=pseudonym("phone", phone_e164)).first()


def suppressed_among(*, workspace_id: UUID, phones_e164: Iterable[str]) -> set[str]:
    """Which of these numbers this workspace may not call."""
    by_key = keyed(phones_e164)
    return {by_key[key] for key in entries_among(workspace_id, list(by_key))}


def keyed(phones_e164: Iterable[str]) -> dict[str, str]:
    """The numbers by the keys under which the list has them."""
    return {pseudonym("phone", phone): phone for phone in phones_e164}


def entries_among(workspace_id: UUID, number_keys: Sequence[str]) -> QuerySet[Suppression, str]:
    """Those of these keys that are on the list."""
    return _in_force(workspace_id).filter(number_key__in=number_keys).values_list("number_key", flat=True)


def asked_since(*, workspace_id: UUID, since: datetime) -> set[str]:
    """The keys of the numbers whose people asked it since then not to call them, or nobody to, and have not taken that back."""
    return set(_in_force(workspace_id).filter(last_asked_at__gte=since).values_list("number_key", flat=True))


def asked_anywhere(*, since: datetime) -> list[tuple[UUID | None, str]]:
    """As `asked_since`, of all workspaces: whom they asked, None for all of them, and their keys."""
    in_force = Suppression.objects.filter(lifted_at__isnull=True, last_asked_at__gte=since)
    return list(in_force.values_list("workspace_id", "number_key"))


def _put(*, workspace_id: UUID | None, number_key: str, reason: str, source: str, now: datetime) -> Suppression:
    entry = Suppression(
        workspace_id=workspace_id,
        number_key=number_key,
        reason=reason,
        source=source,
        created_at=now,
        last_asked_at=now,
    )
    in_force = Suppression.objects.filter(workspace_id=workspace_id, number_key=number_key, lifted_at__isnull=True)
    with transaction.atomic():
        # An entry that is there is locked by this, so that its old term does not end it meanwhile.
        in_force.filter(last_asked_at__lt=now).update(last_asked_at=now)
        Suppression.objects.bulk_create([entry], ignore_conflicts=True)
        return in_force.get()


def _text(workspace_id: UUID | None) -> str | None:
    return str(workspace_id) if workspace_id else None


def _in_force(workspace_id: UUID) -> QuerySet[Suppression]:
    mine = Q(workspace_id=workspace_id) | Q(workspace_id__isnull=True)
    return Suppression.objects.filter(mine, lifted_at__isnull=True)
