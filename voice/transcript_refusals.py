"""Numbers whose calls are not written down: whoever answered there refused it once, and need not do so in every call."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance import erasure_ledger
from compliance.erasure_ledger import Entry
from identity.models import Workspace
from processors.pseudonyms import pseudonym
from voice.models import Call, Lead, TranscriptRefusal


def refuse(*, workspace_id: UUID, phone_e164: str, now: datetime) -> None:
    """From now on nothing is written down of this workspace's calls to the number; asked for again, the term begins anew.

    Within the caller's transaction.
    """
    number_key = pseudonym("phone", phone_e164)
    _put(workspace_id, number_key, now)
    detail = {"workspace_id": str(workspace_id)}
    erasure_ledger.note([Entry("transcript", number_key, now, detail)], now=now)


def is_refused(*, workspace_id: UUID, phone_e164: str) -> bool:
    refusals = TranscriptRefusal.objects.for_workspace(workspace_id)
    return refusals.filter(number_key=pseudonym("phone", phone_e164)).exists()


def of_number(phone_e164: str) -> QuerySet[TranscriptRefusal]:
    """Of all workspaces, for whoever has the number."""
    return TranscriptRefusal.objects.get_queryset().filter(number_key=pseudonym("phone", phone_e164)).order_by("id")


def shown(row: TranscriptRefusal) -> dict[str, Any]:
    """One of them as the copy of a person's data has it."""
    return {"what": "transcripts", "workspace_id": str(row.workspace_id), "refused_at": row.refused_at.isoformat()}


def refused_before(lead: Lead) -> bool:
    """Whether that holds for the lead's number, or was said in an earlier call to the same lead, under whatever number."""
    if lead.phone_e164 and is_refused(workspace_id=lead.workspace_id, phone_e164=lead.phone_e164):
        return True
    return Call.objects.for_workspace(lead.workspace_id).filter(lead=lead, transcript_state="refused").exists()


def recall(entries: Iterable[Entry]) -> None:
    """Brings what the erasure ledger knows of them back into a database that was restored; repeating it ends the same."""
    mine = [each for each in entries if each.kind == "transcript"]
    asked = {UUID(each.detail["workspace_id"]) for each in mine}
    there = set(Workspace.objects.filter(id__in=asked).values_list("id", flat=True))
    for each in mine:
        if (workspace_id := UUID(each.detail["workspace_id"])) in there:
            _put(workspace_id, each.key, each.at)


def remembered(*, since: datetime) -> Iterator[Entry]:
    """What was refused since then, for a ledger that does not know it."""
    rows = TranscriptRefusal.objects.get_queryset().filter(refused_at__gte=since)
    for row in rows.order_by("id").iterator():
        yield Entry("transcript", row.number_key, row.refused_at, {"workspace_id": str(row.workspace_id)})


def _put(workspace_id: UUID, number_key: str, at: datetime) -> None:
    row = TranscriptRefusal(workspace_id=workspace_id, number_key=number_key, refused_at=at)
    known = Q(workspace_id=workspace_id, number_key=number_key)
    with transaction.atomic():
        TranscriptRefusal.objects.bulk_create([row], ignore_conflicts=True)
        TranscriptRefusal.objects.get_queryset().filter(known, refused_at__lt=at).update(refused_at=at)
