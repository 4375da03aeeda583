"""The statement as a person may see it: the team's for a manager and the owner, one's own for a rep."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from ai import explain as questions
from compliance import audit
from identity.auth import Actor
from identity.models import Membership, User
from ledger import purchases, statement
from ledger.models import Entry
from ledger.queries import entry_out
from ledger.schemas import EntryKind
from voice.models import Call
from voice.spending_schemas import Cause, CauseKind, Spender, StatementPage, StatementRow

CALL_REFERENCE: Final = "call:"
SPENDERS_MAX: Final = 500
_CAUSES: Final[dict[EntryKind, CauseKind]] = {
    "purchase": "purchase",
    "hold": "call",
    "release": "call",
    "charge": "call",
    "settlement": "call",
    "ai_query": "question",
    "refund": "purchase",
    "chargeback": "purchase",
    "chargeback_reverse": "purchase",
}
_GONE: Final[dict[CauseKind, str]] = {
    "call": "A call that was removed",
    "question": "A question that was deleted",
    "purchase": "A purchase",
}


@dataclass(frozen=True, slots=True)
class SpendingFilter:
    """What of the statement is asked for; None asks for all. since: inclusive; until: exclusive."""

    kind: EntryKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    user_id: UUID | None = None
    call_id: UUID | None = None


def page(*, actor: Actor, asked: SpendingFilter, cursor: str | None, limit: int) -> StatementPage:
    """One page, newest first. limit: 1 to STATEMENT_PAGE_MAX.

    :raises CursorInvalid:
    """
    entries, next_cursor = statement.page(
        workspace_id=actor.workspace_id, chosen=_chosen(actor, asked), cursor=cursor, limit=limit
    )
    return StatementPage(items=rows_of(actor.workspace_id, entries), next_cursor=next_cursor)


def export(*, actor: Actor, asked: SpendingFilter, now: datetime) -> Iterator[list[StatementRow]]:
    """The whole of it, page by page, to be taken away: that is written down before the first of it leaves."""
    audit.record(
        workspace_id=actor.workspace_id,
        actor_ref=str(actor.user_id),
        action="statement.exported",
        target=str(actor.workspace_id),
        detail={},
        now=now,
    )
    return _pages(actor, asked)


def _pages(actor: Actor, asked: SpendingFilter) -> Iterator[list[StatementRow]]:
    for entries in statement.pages(workspace_id=actor.workspace_id, chosen=_chosen(actor, asked)):
        yield rows_of(actor.workspace_id, entries)


def spenders(actor: Actor) -> list[Spender]:
    """Whose entries the actor may ask for, by name."""
    members = Membership.objects.for_workspace(actor.workspace_id).select_related("user")
    if not actor.may("see_team"):
        members = members.filter(user_id=actor.user_id)
    found = members.order_by("user__first_name", "user__last_name", "id")[:SPENDERS_MAX]
    return [Spender(id=member.user_id, name=_name(member.user)) for member in found]


def visible_references(actor: Actor) -> tuple[QuerySet[Any, str], ...]:
    """Empty for who sees the whole workspace."""
    return () if actor.may("see_team") else (_references_of(actor.workspace_id, actor.user_id),)


def rows_of(workspace_id: UUID, entries: Sequence[Entry]) -> list[StatementRow]:
    causes = _causes(workspace_id, entries)
    return [
        StatementRow.model_construct(**dict(entry_out(entry)), cause=cause)
        for entry, cause in zip(entries, causes, strict=True)
    ]


def identifier(reference: str) -> UUID | None:
    """The id in a reference such as call:<id>."""
    try:
        return UUID(reference.rpartition(":")[2])
    except ValueError:
        return None


def _chosen(actor: Actor, asked: SpendingFilter) -> statement.StatementFilter:
    """A filter narrows what the actor may see and never widens it."""
    references: list[Any] = list(visible_references(actor))
    if asked.user_id is not None:
        references.append(_references_of(actor.workspace_id, asked.user_id))
    if asked.call_id is not None:
        references.append([f"{CALL_REFERENCE}{asked.call_id}"])
    return statement.StatementFilter(
        kind=asked.kind, since=asked.since, until=asked.until, references=tuple(references)
    )


def _references_of(workspace_id: UUID, user_id: UUID) -> QuerySet[Any, str]:
    """The ledger's references of whatever a person called, asked and bought."""
    calls = Call.objects.for_workspace(workspace_id).filter(user_id=user_id)
    return calls.values_list(Concat(Value(CALL_REFERENCE), Cast("id", CharField())), flat=True).union(
        questions.references_of(workspace_id=workspace_id, user_id=user_id),
        purchases.references_of(workspace_id=workspace_id, user_id=user_id),
        all=True,
    )


def _causes(workspace_id: UUID, entries: Sequence[Entry]) -> list[Cause]:
    """For each entry, in three questions and one for the names, however many entries there are."""
    kinds = [_CAUSES[entry.kind] for entry in entries]  # type: ignore[index]  # a constraint knows the kinds
    ids: dict[CauseKind, set[UUID]] = {"call": set(), "question": set(), "purchase": set()}
    for entry, kind in zip(entries, kinds, strict=True):
        if kind != "purchase" and (found := identifier(entry.reference)):
            ids[kind].add(found)
    calls = Call.objects.for_workspace(workspace_id).select_related("lead").in_bulk(list(ids["call"]))
    askers = questions.askers_of(workspace_id=workspace_id, question_ids=ids["question"])
    bought = purchases.by_transaction(
        workspace_id=workspace_id,
        transaction_ids={entry.reference for entry, kind in zip(entries, kinds, strict=True) if kind == "purchase"},
    )
    people = _names(
        {*(call.user_id for call in calls.values()), *askers.values(), *(one.user_id for one in bought.values())}
    )

    def cause(entry: Entry, kind: CauseKind) -> Cause:
        found = identifier(entry.reference)
        if kind == "purchase" and (checkout := bought.get(entry.reference)):
            return Cause(kind=kind, id=checkout.id, about=checkout.pack_name, by=people.get(checkout.user_id))
        if kind == "call" and found in calls:
            call = calls[found]
            return Cause(kind=kind, id=call.id, about=call.lead.name, by=people.get(call.user_id))
        if kind == "question" and found in askers:
            return Cause(kind=kind, id=found, about="A question", by=people.get(askers[found]))
        return Cause(kind=kind, id=None, about=_GONE[kind], by=None)

    return [cause(entry, kind) for entry, kind in zip(entries, kinds, strict=True)]


def _names(user_ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    return {user.id: _name(user) for user in User.objects.filter(id__in=[each for each in user_ids if each])}


def _name(user: User) -> str:
    return f"{user.first_name} {user.last_name}".strip()
