"""Questions over all calls, and what was understood of one call."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Query, Router, Status

from ai import operations, queries
from ai.embedding import EmbeddingModelMissing
from ai.schemas import AnswerOut, InsightsOut, QuestionIn, QuestionsPage
from api.auth import actor_of, or_key
from compliance import restriction
from ledger.operations import CapReached, InsufficientCredit, LedgerBusy, WorkspaceCapReached
from processors.errors import DomainError
from voice import caps, leads, restricting, watching

router = Router(tags=["ask"], by_alias=True)

PROBLEMS: dict[type[DomainError], int] = {
    InsufficientCredit: 402,
    LedgerBusy: 503,
    EmbeddingModelMissing: 503,
    CapReached: 403,
    WorkspaceCapReached: 403,
    operations.IdempotencyKeyReused: 409,
    operations.AskedLeadGone: 404,
    operations.AnswerGone: 409,
    restriction.SubjectRestricted: 409,
    watching.NotWatching: 409,
    restriction.OwnUseRestricted: 409,
    restriction.StorageConsentWithdrawn: 409,
    queries.QuestionUnknown: 404,
}


@router.post("/questions", response=AnswerOut, operation_id="ask_question", auth=or_key("questions:ask"))
def ask_question(
    request: HttpRequest,
    body: QuestionIn,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=100)],
) -> AnswerOut:
    actor, now, lead_id = actor_of(request), datetime.now(UTC), body.lead_id
    return operations.ask(
        actor=actor,
        question=body.question,
        filters=operations.AskFilters(lead_id=lead_id, user_id=body.user_id, since=body.since, until=body.until),
        idempotency_key=idempotency_key,
        now=now,
        monthly_bounds=lambda: caps.besides_calls(actor=actor, now=now),
        lead_is_there=lambda: lead_id is not None and leads.is_there(actor=actor, lead_id=lead_id),
    )


@router.get("/questions", response=QuestionsPage, operation_id="list_questions", auth=or_key("questions:ask"))
def list_questions(request: HttpRequest, cursor: Annotated[str | None, Query(max_length=200)] = None) -> QuestionsPage:
    return queries.history(actor=actor_of(request), cursor=cursor)


@router.delete("/questions/{question_id}", response={204: None}, operation_id="delete_question")
def delete_question(request: HttpRequest, question_id: UUID) -> Status[None]:
    operations.delete_question(actor=actor_of(request), question_id=question_id, now=datetime.now(UTC))
    return Status(204, None)


@router.get("/calls/{call_id}/insights", response=InsightsOut, operation_id="get_insights", auth=or_key("calls:read"))
def get_insights(request: HttpRequest, call_id: UUID) -> InsightsOut:
    # Thinking knows only the calls that were indexed; voice tells a call that is still waiting from none at all.
    call = restricting.text_of(actor=actor_of(request), call_id=call_id)
    if call.transcript_state == "expired":
        return InsightsOut(call_id=call_id, state="expired", items=[], talk=None)
    return queries.insights_of(actor=actor_of(request), call_id=call_id)
