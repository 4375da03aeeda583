"""Why an answer cost what it cost."""

from uuid import UUID

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat

from ai.models import AiQuery
from identity.auth import Actor
from ledger.models import Entry
from ledger.queries import rate_card_now
from ledger.schemas import Reasons, Step
from ledger.words import credits_said

REFERENCE = "ai_query:"


def references_of(*, workspace_id: UUID, user_id: UUID) -> QuerySet[AiQuery, str]:
    """The ledger's references of a person's questions. A question that was deleted is nobody's any more."""
    mine = AiQuery.objects.for_workspace(workspace_id).filter(user_id=user_id, charged_mcredits__gt=0)
    return mine.values_list(Concat(Value(REFERENCE), Cast("id", CharField())), flat=True)


def askers_of(*, workspace_id: UUID, question_ids: set[UUID]) -> dict[UUID, UUID]:
    """Question -> who asked it; what was deleted is left out."""
    found = AiQuery.objects.for_workspace(workspace_id).filter(id__in=question_ids)
    return dict(found.values_list("id", "user_id"))


def answer_reasons(*, actor: Actor, entry: Entry, question_id: UUID | None) -> Reasons:
    """The words of a question are shown to nobody but who asked it."""
    asked = AiQuery.objects.for_workspace(actor.workspace_id).filter(id=question_id) if question_id else None
    query = asked.first() if asked is not None else None
    amount = -entry.effect_mcredits
    if query is None:
        return Reasons.without_arithmetic(
            "A question was answered and has been deleted since; the ledger keeps what it cost."
        )
    card = rate_card_now(actor.workspace_id, query.asked_at)
    quotes = f"{query.cited} {'quote' if query.cited == 1 else 'quotes'}"
    whose = f"Your question “{query.question}”" if query.user_id == actor.user_id else "A colleague's question"
    return Reasons(
        summary=f"{whose} was answered with {quotes}. A question without an answer is free.",
        evidence=[],
        steps=[
            Step(
                label="Looked through",
                working=f"{query.searched_passages:,} passages of {query.searched_calls:,} calls",
                result=quotes,
            ),
            Step(
                label="One answer",
                working=f"rate card version {card.version}: {credits_said(card.ai_query_mcredits)} an answer",
                result=credits_said(card.ai_query_mcredits),
            ),
        ],
        agrees=card.ai_query_mcredits == amount,
    )
