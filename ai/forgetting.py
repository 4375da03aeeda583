"""How thinking forgets: calls, the people who were called, members who leave, and the questions that name them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from ai.models import AiQuery, Citation, IndexedCall
from ai.renaming import says
from compliance import tombstones


@dataclass(frozen=True, slots=True)
class NamedLead:
    """A lead that is erased or removed, as it was called until then."""

    id: UUID
    workspace_id: UUID
    name: str


def forget_calls(*, call_ids: Sequence[UUID], now: datetime) -> None:
    """Erases all that is known of calls: turns, passages, insights, and their quotes in every answer.

    Questions that name the called person go as a whole: by the full name anywhere, by a part of it or by the company
    where the answer quoted the call. Repeating it changes nothing; a late index_call cannot bring a call back.
    """
    with transaction.atomic():
        lock_calls(call_ids)
        tombstones.bury(kind="call", values=call_ids, now=now)
        by_workspace: dict[UUID, list[IndexedCall]] = {}
        # Without their turns, which need not be read to be removed.
        for row in IndexedCall.objects.filter(call_id__in=call_ids).defer("turns"):
            by_workspace.setdefault(row.workspace_id, []).append(row)
        for workspace_id, rows in by_workspace.items():
            _forget_questions(workspace_id, rows)
        _forget_understood(call_ids)


def expire_calls(*, call_ids: Sequence[UUID], now: datetime) -> None:
    """Removes what is known of calls whose text is over its term. Questions stay for their own term; quotes of them are gone."""
    with transaction.atomic():
        lock_calls(call_ids)
        tombstones.bury(kind="call", values=call_ids, now=now)
        _forget_understood(call_ids)


def forget_leads(*, leads: Collection[NamedLead]) -> None:
    """Erases the questions that were narrowed to these leads or name them in full, whether anything was ever said with them or not.

    In the transaction that takes the leads away, before the calls are forgotten: a question that is being answered is then either
    written already, and found here, or sees that its lead is gone.
    """
    lock_leads([lead.id for lead in leads])
    AiQuery.objects.filter(filter_lead_id__in=[lead.id for lead in leads]).delete()
    names: dict[UUID, set[str]] = {}
    for lead in leads:
        names.setdefault(lead.workspace_id, set()).add(lead.name)
    for workspace_id, called in names.items():
        _drop_naming(AiQuery.objects.for_workspace(workspace_id), called)


def forget_narrowed(lead_ids: QuerySet[Any, UUID]) -> None:
    """Erases the questions that were narrowed to one of these leads."""
    AiQuery.objects.filter(filter_lead_id__in=lead_ids).delete()


def narrowed_to(lead_ids: QuerySet[Any, UUID]) -> int:
    """How many questions were narrowed to one of these leads."""
    return AiQuery.objects.filter(filter_lead_id__in=lead_ids).count()


def forget_member(*, user_id: UUID, name: str, workspace_ids: Collection[UUID]) -> None:
    """Erases colleagues' questions that name a member in full; those that were narrowed to the member are so no more. Idempotent."""
    AiQuery.objects.filter(filter_user_id=user_id).update(filter_user_id=None)
    for workspace_id in workspace_ids:
        _drop_naming(AiQuery.objects.for_workspace(workspace_id), [name])


def about_member(*, user_id: UUID, name: str, workspace_ids: Collection[UUID]) -> int:
    """How many questions of anybody `forget_member` would change."""
    asked = AiQuery.objects.filter(workspace_id__in=workspace_ids)
    return AiQuery.objects.filter(filter_user_id=user_id).count() + len(_naming(asked, [name]))


def lock_calls(call_ids: Iterable[UUID]) -> None:
    """Serialises all who write about one of these calls, known or not, until the transaction ends."""
    _lock(f"ai.call:{call_id}" for call_id in sorted(call_ids))


def lock_leads(lead_ids: Iterable[UUID]) -> None:
    """Serialises who forgets one of these leads with who asks about it, until the transaction ends. Before `lock_calls`."""
    _lock(f"ai.lead:{lead_id}" for lead_id in sorted(lead_ids))


def _lock(names: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name", [list(names)]
        )


def _forget_questions(workspace_id: UUID, rows: Sequence[IndexedCall]) -> None:
    asked = AiQuery.objects.for_workspace(workspace_id)
    asked.filter(filter_lead_id__in={row.lead_id for row in rows}).delete()
    _drop_naming(asked, {row.lead_name for row in rows})
    quoted = Citation.objects.filter(call_id__in=[row.call_id for row in rows]).values_list("call_id", flat=True)
    cited = set(quoted.distinct())
    for row in (row for row in rows if row.call_id in cited):
        _drop_naming(asked.filter(citations__call_id=row.call_id), [*row.lead_name.split(), row.company])


def _forget_understood(call_ids: Sequence[UUID]) -> None:
    IndexedCall.objects.filter(call_id__in=call_ids).only("id").delete()
    Citation.objects.filter(call_id__in=call_ids).delete()


def _drop_naming(asked: QuerySet[AiQuery], names: Iterable[str]) -> None:
    AiQuery.objects.filter(id__in=_naming(asked, names)).delete()


def _naming(asked: QuerySet[AiQuery], names: Iterable[str]) -> set[UUID]:
    """Those of these questions that say one of the names. Within another word a short name is nobody's: "Al" is not in "all"."""
    wanted = sorted({name.strip() for name in names} - {""})
    if not wanted:
        return set()
    maybe = asked.filter(reduce(or_, (Q(question__icontains=name) for name in wanted)))
    rows = maybe.values_list("id", "question").distinct()
    return {query_id for query_id, question in rows if any(says(question, name) for name in wanted)}
