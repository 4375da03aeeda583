"""Reading answers, history and insights, each only as far as the actor may see."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q, QuerySet

from ai import talk
from ai.answer import highlights
from ai.models import AiQuery, Citation, IndexedCall, Insight, Passage
from ai.schemas import (
    AnswerOut,
    HighlightOut,
    InsightOut,
    InsightsOut,
    InsightState,
    QuestionsPage,
    QuoteOut,
    SearchedOut,
)
from ai.turns import Turn
from compliance import restriction
from identity.auth import Actor
from processors.errors import CursorInvalid, DomainError

HISTORY_PAGE = 20


class QuestionUnknown(DomainError):
    """No question of the actor's own has this id; permanent."""

    code: ClassVar[str] = "question_unknown"


def made_of_calls(call_ids: Iterable[UUID]) -> dict[str, int]:
    """How many things were made of the text of these calls, by element of the inventory."""
    calls = IndexedCall.objects.filter(call_id__in=list(call_ids))
    return {
        "embedding": Passage.objects.filter(indexed_call__in=calls).count(),
        "insight": Insight.objects.filter(indexed_call__in=calls).count(),
    }


def visible_calls(actor: Actor) -> QuerySet[IndexedCall]:
    """Those that may be used: not of who has restricted that."""
    held = restriction.covered()
    calls = IndexedCall.objects.for_workspace(actor.workspace_id).exclude(lead_id__in=held)
    calls = calls.exclude(Q(user_id__in=held) & ~Q(user_id=actor.user_id))
    return calls if actor.may("see_team") else calls.filter(user_id=actor.user_id)


def insights_of(*, actor: Actor, call_id: UUID) -> InsightsOut:
    """What was understood of a call; "pending" while nothing is known of it, "stale" after its text was corrected."""
    call = visible_calls(actor).filter(call_id=call_id).first()
    if call is None:
        return InsightsOut(call_id=call_id, state="pending", items=[], talk=None)
    state: InsightState = "ready" if call.insights_digest == call.turns_digest else "stale"
    if not call.insights_digest:
        state = "pending"
    items = [InsightOut.model_validate(row, from_attributes=True) for row in call.insights.order_by("rank")]
    spoken = talk.talk([_turn(stored) for stored in call.turns])
    return InsightsOut(call_id=call_id, state=state, items=items, talk=spoken if state != "pending" else None)


def answer_of(*, actor: Actor, question_id: UUID) -> AnswerOut:
    """:raises QuestionUnknown:"""
    query = _own(actor).filter(id=question_id).first()
    if query is None:
        raise QuestionUnknown("This question is not in your history; it may have been deleted. Reload the page.")
    return answer_out(actor=actor, query=query)


def history(*, actor: Actor, cursor: str | None) -> QuestionsPage:
    """The actor's own questions, newest first.

    :raises CursorInvalid:
    """
    queries = _own(actor).order_by("-asked_at", "-id")
    if cursor is not None:
        asked_at, last_id = _opened(cursor)
        queries = queries.filter(Q(asked_at__lt=asked_at) | Q(asked_at=asked_at, id__lt=last_id))
    rows = list(queries[: HISTORY_PAGE + 1])
    page = rows[:HISTORY_PAGE]
    return QuestionsPage(
        items=_answers(actor, page), next_cursor=_cursor(page[-1]) if len(rows) > HISTORY_PAGE else None
    )


def answer_out(*, actor: Actor, query: AiQuery) -> AnswerOut:
    return _answers(actor, [query])[0]


def _own(actor: Actor) -> QuerySet[AiQuery]:
    return AiQuery.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A quote of an answer as its call is now."""

    citation: Citation
    call: IndexedCall
    turn: Turn


def _answers(actor: Actor, queries: Sequence[AiQuery]) -> list[AnswerOut]:
    """Quotes are read from the calls as they are now: corrected where corrected, gone where erased. The database is asked as often
    for many questions as for one."""
    cited = Citation.objects.for_workspace(actor.workspace_id).filter(query__in=queries).order_by("query_id", "rank")
    quotes = _quotes(queries, _quoted(actor, cited))
    return [
        AnswerOut(
            id=query.id,
            question=query.question,
            status="answered" if query.status == "answered" else "not_in_your_calls",
            quotes=quotes[query.id],
            quotes_removed=query.cited - len(quotes[query.id]),
            searched=SearchedOut(
                calls=query.searched_calls,
                passages=query.searched_passages,
                since=query.filter_since,
                until=query.filter_until,
            ),
            charged_mcredits=query.charged_mcredits,
            asked_at=query.asked_at,
        )
        for query in queries
    ]


def _quoted(actor: Actor, cited: Iterable[Citation]) -> list[_Quoted]:
    """Those whose call the actor may see, and that still have their line."""
    cited = list(cited)
    calls = {
        call.call_id: call for call in visible_calls(actor).filter(call_id__in={citation.call_id for citation in cited})
    }
    return [
        _Quoted(citation, call, _turn(stored))
        for citation in cited
        if (call := calls.get(citation.call_id)) is not None
        and (stored := _line(call, citation.segment_id)) is not None
    ]


def _line(call: IndexedCall, segment_id: UUID) -> dict[str, Any] | None:
    return next((stored for stored in call.turns if stored["segment_id"] == str(segment_id)), None)


def _quotes(queries: Sequence[AiQuery], quoted: Sequence[_Quoted]) -> dict[UUID, list[QuoteOut]]:
    """By the question's id, best first."""
    questions = {query.id: query.question for query in queries}
    marked = highlights([(one.turn.text, questions[one.citation.query_id]) for one in quoted])
    quotes: dict[UUID, list[QuoteOut]] = {query.id: [] for query in queries}
    for one, spans in zip(quoted, marked, strict=True):
        quotes[one.citation.query_id].append(
            QuoteOut(
                call_id=one.call.call_id,
                segment_id=one.turn.segment_id,
                speaker=one.turn.speaker,
                start_ms=one.turn.start_ms,
                end_ms=one.turn.end_ms,
                text=one.turn.text,
                lead_id=one.call.lead_id,
                lead_name=one.call.lead_name,
                started_at=one.call.started_at,
                score=one.citation.score,
                highlights=[HighlightOut(start=start, end=end) for start, end in spans],
            )
        )
    return quotes


def _turn(stored: dict[str, Any]) -> Turn:
    return Turn(**{**stored, "segment_id": UUID(stored["segment_id"])})


def _cursor(query: AiQuery) -> str:
    return base64.urlsafe_b64encode(f"{query.asked_at.isoformat()} {query.id}".encode()).decode().rstrip("=")


def _opened(cursor: str) -> tuple[datetime, UUID]:
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        asked_at, _, last_id = text.partition(" ")
        moment = datetime.fromisoformat(asked_at)
        if moment.tzinfo is None:
            raise ValueError
        return moment, UUID(last_id)
    except (ValueError, binascii.Error):
        raise CursorInvalid from None
