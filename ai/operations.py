"""Everything that thinking writes: passages, insights and questions. How it forgets is in forgetting.py."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ai import answer as answering
from ai import embedding, insights
from ai.events import InsightsReady
from ai.forgetting import lock_calls, lock_leads
from ai.models import AiQuery, Citation, IndexedCall, Insight, Passage
from ai.queries import QuestionUnknown, answer_out
from ai.retrieval import Scope
from ai.schemas import AnswerOut
from ai.turns import CallTurns, Turn
from compliance import left_bytes, restriction, tombstones
from identity.auth import Actor
from identity.outgoing import deliveries
from ledger.operations import MonthlyBounds, count_spending, debit
from ledger.queries import rate_card_now
from processors.errors import DomainError
from realtime.publish import Topic, publish_on_commit

# Windows of these many turns: one to be quoted, three for what is only understood together.
WINDOW_TURNS = (1, 3)


class IdempotencyKeyReused(DomainError):
    """The same key came with another question; permanent for this key."""

    code: ClassVar[str] = "idempotency_key_reused"


class AskedLeadGone(DomainError):
    """The lead that is asked about is not in the workspace, or not any more; permanent."""

    code: ClassVar[str] = "asked_lead_gone"

    def __init__(self) -> None:
        super().__init__(
            "The lead that you ask about is not there; it may have been removed. Ask without it, or choose another lead."
        )


class AnswerGone(DomainError):
    """What answers the question was erased while it was looked for."""

    code: ClassVar[str] = "answer_gone"
    retryable: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__("A call that answers this was removed while you asked. Nothing was charged; ask again.")


@dataclass(frozen=True, slots=True)
class AskFilters:
    """What narrows a question: one lead, one member, calls that started from since (inclusive) until (exclusive)."""

    lead_id: UUID | None = None
    user_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


def index_call(*, call: CallTurns, now: datetime) -> None:
    """Makes the call's words findable, in place of what was known of it before.

    Repeating it with the same turns changes nothing. A call that was erased stays away.
    :raises embedding.EmbeddingModelMissing:
    """
    embedder = embedding.load(settings.EMBEDDING_MODEL_PATH)
    digest = _digest(call.turns)
    known = IndexedCall.objects.for_workspace(call.workspace_id).filter(call_id=call.call_id).first()
    if known and (known.passages_digest, known.embedding_model) == (digest, embedder.version):
        return
    # Outside the transaction: embedding a long call takes seconds, in which no lock should be held.
    drafts = [(window, embedder.embed(_text(window))) for window in _windows(call.turns)]
    with transaction.atomic():
        row = _store_turns(call, digest, now)
        if row is None:
            return
        row.passages.all().delete()
        Passage.objects.bulk_create(
            Passage(
                workspace_id=row.workspace_id,
                indexed_call=row,
                user_id=row.user_id,
                lead_id=row.lead_id,
                started_at=row.started_at,
                first_turn=window.start,
                last_turn=window.start + len(window.turns) - 1,
                segment_ids=[turn.segment_id for turn in window.turns],
                text=_text(window),
                embedding=vector,
            )
            for window, vector in drafts
        )
        row.passages_digest, row.embedding_model = digest, embedder.version
        row.save(update_fields=["passages_digest", "embedding_model"])


def derive_insights(*, call: CallTurns, now: datetime) -> None:
    """Understands the call anew, in place of what was understood before, and tells who follows it.

    Repeating it with the same turns changes nothing. A call that was erased stays away.
    """
    drafts = insights.derive(call)
    digest = _digest(call.turns)
    with transaction.atomic():
        row = _store_turns(call, digest, now)
        if row is None or row.insights_digest == digest:
            return
        row.insights.all().delete()
        Insight.objects.bulk_create(
            Insight(
                workspace_id=row.workspace_id,
                indexed_call=row,
                rank=rank,
                kind=draft.kind,
                text=draft.text,
                segment_ids=list(draft.segment_ids),
                start_ms=draft.start_ms,
                owner=draft.owner,
                due_on=draft.due_on,
                confidence=draft.confidence,
            )
            for rank, draft in enumerate(drafts)
        )
        row.insights_digest = digest
        row.save(update_fields=["insights_digest"])
        if call.turns:
            deliveries.record(
                workspace_id=call.workspace_id,
                event="insight.ready",
                subject=f"insights:{call.call_id}:{now.timestamp():.3f}",
                data={"call_id": str(call.call_id), "insights": len(drafts)},
                now=now,
                call_id=call.call_id,
                user_id=call.user_id,
            )
        event = InsightsReady(call_id=call.call_id)
        publish_on_commit(Topic.call(call.workspace_id, call.call_id), event)


def note_correction(*, call: CallTurns, now: datetime) -> None:
    """Quotes say the corrected words from now on; insights are stale until they are derived anew.

    Does nothing for a call that was never indexed or was erased.
    """
    with transaction.atomic():
        if IndexedCall.objects.for_workspace(call.workspace_id).filter(call_id=call.call_id).exists():
            _store_turns(call, _digest(call.turns), now)


def ask(
    *,
    actor: Actor,
    question: str,
    filters: AskFilters,
    idempotency_key: str,
    now: datetime,
    monthly_bounds: Callable[[], MonthlyBounds] | None = None,
    lead_is_there: Callable[[], bool] | None = None,
) -> AnswerOut:
    """Answers in quotes of the calls that the actor may see; an answer is paid, "not in your calls" is free.

    The same key gives the same answer again and pays once.
    monthly_bounds: asked within the transaction what may be spent this month besides calls.
    lead_is_there: asked within the transaction whether the lead of the filters is still one that can be asked about.
    :raises OwnUseRestricted, StorageConsentWithdrawn: the actor wants nothing used.
    :raises SubjectRestricted: the lead that is asked about has restricted the use of it.
    :raises CapReached, WorkspaceCapReached: there is an answer, and it would cost more than that; nothing is kept or shown.
    :raises InsufficientCredit: there is an answer and no credit for it; nothing is kept or shown.
    :raises IdempotencyKeyReused: the key belongs to another question.
    :raises AskedLeadGone, AnswerGone: what is asked about, or what answers it, was erased; nothing is kept or shown.
    :raises embedding.EmbeddingModelMissing:
    """
    if earlier := _asked_before(actor, idempotency_key, question):
        return answer_out(actor=actor, query=earlier)
    if own := restriction.of_own(actor.user_id):
        raise own
    if filters.lead_id:
        restriction.refuse(filters.lead_id)
    embedder = embedding.load(settings.EMBEDDING_MODEL_PATH)
    found = answering.answer(question, scope=scope_of(actor, filters), embedder=embedder)
    price_mcredits = rate_card_now(actor.workspace_id, now).ai_query_mcredits if found.quotes else 0
    query = AiQuery(
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        idempotency_key=idempotency_key,
        question=question,
        filter_lead_id=filters.lead_id,
        filter_user_id=filters.user_id,
        filter_since=filters.since,
        filter_until=filters.until,
        status="answered" if found.quotes else "not_in_your_calls",
        searched_calls=found.searched.calls,
        searched_passages=found.searched.passages,
        cited=len(found.quotes),
        charged_mcredits=price_mcredits,
        asked_at=now,
    )
    with transaction.atomic():
        # The workspace and the member before all else, as whoever takes a lead away.
        bounds = monthly_bounds() if monthly_bounds and price_mcredits else MonthlyBounds()
        _demand_still_there(filters, {quote.call_id for quote in found.quotes}, lead_is_there)
        # Waits for a request with the same key that is under way, and then finds it.
        AiQuery.objects.bulk_create([query], ignore_conflicts=True)
        kept = _asked_before(actor, idempotency_key, question)
        if kept is None or kept.id != query.id:
            return answer_out(actor=actor, query=kept or query)
        Citation.objects.bulk_create(
            Citation(
                workspace_id=actor.workspace_id,
                query=query,
                rank=rank,
                call_id=quote.call_id,
                segment_id=quote.segment_id,
                score=round(quote.score, 4),
            )
            for rank, quote in enumerate(found.quotes)
        )
        if price_mcredits:
            count_spending(
                workspace_id=actor.workspace_id,
                user_id=actor.user_id,
                mcredits=price_mcredits,
                at=now,
                bounds=bounds,
            )
            debit(
                workspace_id=actor.workspace_id,
                key=str(query.id),
                amount_mcredits=price_mcredits,
                kind="ai_query",
                reference=f"ai_query:{query.id}",
                now=now,
            )
        return answer_out(actor=actor, query=query)


def _demand_still_there(filters: AskFilters, cited: Collection[UUID], lead_is_there: Callable[[], bool] | None) -> None:
    """Whoever erases one of them from here on finds the question; who has done so meanwhile is not written back."""
    if filters.lead_id and lead_is_there:
        lock_leads([filters.lead_id])
        if not lead_is_there():
            raise AskedLeadGone
    lock_calls(cited)
    if IndexedCall.objects.filter(call_id__in=cited).count() < len(cited):
        raise AnswerGone


def delete_question(*, actor: Actor, question_id: UUID, now: datetime) -> None:
    """Removes a question of the actor's own history, with its answer; what it cost stays in the statement.

    :raises QuestionUnknown:
    """
    mine = AiQuery.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id, id=question_id)
    if not mine.delete()[0]:
        raise QuestionUnknown(
            "This question is not in your history; it may have been deleted already. Reload the page."
        )
    left_bytes.note_ended_soon(now=now)


def scope_of(actor: Actor, filters: AskFilters) -> Scope:
    """A rep searches the rep's own calls, whatever the filter asks for; a manager and the owner search the team's."""
    own_only = not actor.may("see_team")
    return Scope(
        workspace_id=actor.workspace_id,
        user_id=actor.user_id if own_only else filters.user_id,
        lead_id=filters.lead_id,
        since=filters.since,
        until=filters.until,
        nothing=own_only and filters.user_id not in (None, actor.user_id),
    )


def _asked_before(actor: Actor, key: str, question: str) -> AiQuery | None:
    mine = AiQuery.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
    earlier = mine.filter(idempotency_key=key).first()
    if earlier and earlier.question != question:
        raise IdempotencyKeyReused("This key was used for another question; send a new one.")
    return earlier


def _store_turns(call: CallTurns, digest: str, now: datetime) -> IndexedCall | None:
    """The call's row with these turns, locked until the transaction ends; None when the call was erased."""
    lock_calls([call.call_id])
    if tombstones.is_erased("call", call.call_id):
        return None
    row, _ = IndexedCall.objects.update_or_create(
        call_id=call.call_id,
        workspace_id=call.workspace_id,
        defaults={
            "user_id": call.user_id,
            "lead_id": call.lead_id,
            "lead_name": call.lead_name[:250],
            "company": call.company[:120],
            "started_at": call.started_at,
            "turns": [_turn_json(turn) for turn in call.turns],
            "turns_digest": digest,
            "updated_at": now,
        },
    )
    return row


def _turn_json(turn: Turn) -> dict[str, Any]:
    return {
        "segment_id": str(turn.segment_id),
        "speaker": turn.speaker,
        "start_ms": turn.start_ms,
        "end_ms": turn.end_ms,
        "text": turn.text,
    }


def _digest(turns: Sequence[Turn]) -> str:
    return hashlib.sha256(json.dumps([_turn_json(turn) for turn in turns]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Window:
    start: int
    turns: Sequence[Turn]


def _windows(turns: Sequence[Turn]) -> list[_Window]:
    return [
        _Window(start, turns[start : start + length])
        for length in WINDOW_TURNS
        for start in range(len(turns) - length + 1)
    ]


def _text(window: _Window) -> str:
    return " ".join(turn.text for turn in window.turns)
