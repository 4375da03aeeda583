"""What thinking holds about people, and how it is found, handed out and erased.

A called person is reached through calls: whoever erases a call, for whatever reason, says so by `forget_calls`. A
person with an account is found here directly: the questions, the calls that the person made, and colleagues' questions
about the person. Those about a called person go by `forget_leads`.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import Q, QuerySet

from ai.forgetting import about_member, forget_calls, forget_member
from ai.models import AiQuery, Citation, IndexedCall, Insight, Passage
from compliance.stores import Store, Subject, batched, pages
from identity.models import User

INVENTORY: Final[Mapping[str, str]] = {
    "ai.IndexedCall.id": "none",
    "ai.IndexedCall.workspace": "none",
    "ai.IndexedCall.call_id": "call",
    "ai.IndexedCall.user_id": "call",
    "ai.IndexedCall.lead_id": "callee",
    "ai.IndexedCall.lead_name": "callee",
    "ai.IndexedCall.company": "callee",
    "ai.IndexedCall.started_at": "call",
    "ai.IndexedCall.turns": "transcript",
    "ai.IndexedCall.turns_digest": "transcript",
    "ai.IndexedCall.embedding_model": "none",
    "ai.IndexedCall.passages_digest": "transcript",
    "ai.IndexedCall.insights_digest": "transcript",
    "ai.IndexedCall.updated_at": "none",
    "ai.Passage.id": "none",
    "ai.Passage.workspace": "none",
    "ai.Passage.indexed_call": "call",
    "ai.Passage.user_id": "call",
    "ai.Passage.lead_id": "callee",
    "ai.Passage.started_at": "call",
    "ai.Passage.first_turn": "none",
    "ai.Passage.last_turn": "none",
    "ai.Passage.segment_ids": "transcript",
    "ai.Passage.text": "transcript",
    "ai.Passage.words": "transcript",
    "ai.Passage.embedding": "embedding",
    "ai.Insight.id": "none",
    "ai.Insight.workspace": "none",
    "ai.Insight.indexed_call": "call",
    "ai.Insight.rank": "none",
    "ai.Insight.kind": "insight",
    "ai.Insight.text": "insight",
    "ai.Insight.segment_ids": "insight",
    "ai.Insight.start_ms": "insight",
    "ai.Insight.owner": "insight",
    "ai.Insight.due_on": "insight",
    "ai.Insight.confidence": "insight",
    "ai.AiQuery.id": "none",
    "ai.AiQuery.workspace": "none",
    "ai.AiQuery.user_id": "ai_query",
    "ai.AiQuery.idempotency_key": "none",
    "ai.AiQuery.question": "ai_query",
    "ai.AiQuery.filter_lead_id": "ai_query",
    "ai.AiQuery.filter_user_id": "ai_query",
    "ai.AiQuery.filter_since": "ai_query",
    "ai.AiQuery.filter_until": "ai_query",
    "ai.AiQuery.status": "ai_query",
    "ai.AiQuery.searched_calls": "none",
    "ai.AiQuery.searched_passages": "none",
    "ai.AiQuery.cited": "none",
    "ai.AiQuery.charged_mcredits": "ledger",
    "ai.AiQuery.asked_at": "ai_query",
    "ai.Citation.id": "none",
    "ai.Citation.workspace": "none",
    "ai.Citation.query": "ai_query",
    "ai.Citation.rank": "none",
    "ai.Citation.call_id": "ai_query",
    "ai.Citation.segment_id": "ai_query",
    "ai.Citation.score": "none",
}

# Questions, or calls with all that was said in them.
EXPORTED_AT_ONCE: Final = 20
# In one transaction, so that none takes long.
ERASED_TOGETHER: Final = 50
_NOBODY = Q(pk__in=())


class AiStore:
    """Passages, insights and questions."""

    name = "ai"

    def find(self, subject: Subject) -> dict[str, int]:
        calls = _calls(subject)
        return {
            "transcript": calls.count(),
            "embedding": Passage.objects.filter(indexed_call__in=calls).count(),
            "insight": Insight.objects.filter(indexed_call__in=calls).count(),
            "ai_query": _queries(subject).count(),
        }

    def export(self, subject: Subject) -> dict[str, Any]:
        """The person's questions, and the person's own words in answers and insights; the other side's are theirs."""
        calls, queries = _calls(subject), _queries(subject)
        if subject.user_id is not None:
            calls, queries = calls.filter(user_id=subject.user_id), queries.filter(user_id=subject.user_id)
        # Read while they are given out: the words that they quote are those of all calls.
        return {"ai_query": _exported_queries(queries, calls), "insight": _exported_insights(calls)}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        removed = self.find(subject)
        for some in batched(_calls(subject).values_list("call_id", flat=True), ERASED_TOGETHER):
            forget_calls(call_ids=some, now=now)
        _queries(subject).delete()
        if subject.user_id is not None:
            forget_member(user_id=subject.user_id, name=_name_of(subject), workspace_ids=subject.workspace_ids)
        return removed

    def verify(self, subject: Subject) -> int:
        calls, queries = _calls(subject), _queries(subject)
        left = calls.count() + queries.count() + Citation.objects.filter(query__in=queries).count()
        if subject.user_id is None:
            return left
        name, workspace_ids = _name_of(subject), subject.workspace_ids
        return left + about_member(user_id=subject.user_id, name=name, workspace_ids=workspace_ids)


STORE: Final[Store] = AiStore()


def _calls(subject: Subject) -> QuerySet[IndexedCall]:
    return IndexedCall.objects.filter(_mine(subject))


def _queries(subject: Subject) -> QuerySet[AiQuery]:
    return AiQuery.objects.filter(_mine(subject))


def _mine(subject: Subject) -> Q:
    """The rows of the person in the workspaces that stay, and everybody's in those that end with the person."""
    mine = Q(workspace_id__in=subject.workspace_ids_to_erase) if subject.workspace_ids_to_erase else _NOBODY
    return mine | Q(user_id=subject.user_id) if subject.user_id is not None else mine


def _name_of(subject: Subject) -> str:
    """Of a person with an account, as long as it is there."""
    person = User.objects.filter(id=subject.user_id).first() if subject.user_id else None
    return f"{person.first_name} {person.last_name}".strip() if person else ""


def _exported_queries(queries: QuerySet[AiQuery], calls: QuerySet[IndexedCall]) -> Iterator[dict[str, Any]]:
    for page in pages(queries.prefetch_related("citations").order_by("asked_at", "id"), size=EXPORTED_AT_ONCE):
        cited = {one.call_id for query in page for one in query.citations.all()}
        own_words = _own_words(calls.filter(call_id__in=cited))
        yield from (_query_json(query, own_words) for query in page)


def _exported_insights(calls: QuerySet[IndexedCall]) -> Iterator[dict[str, Any]]:
    for page in pages(calls.prefetch_related("insights").order_by("id"), size=EXPORTED_AT_ONCE):
        for call in page:
            own_words = _own_words([call])
            for insight in sorted(call.insights.all(), key=lambda row: row.rank):
                if all(str(segment) in own_words for segment in insight.segment_ids):
                    yield {
                        "call_id": str(call.call_id),
                        "kind": insight.kind,
                        "text": insight.text,
                        "due_on": insight.due_on.isoformat() if insight.due_on else None,
                    }


def _own_words(calls: Iterable[IndexedCall]) -> dict[str, str]:
    """What the member said in these calls, by the segment."""
    return {turn["segment_id"]: turn["text"] for call in calls for turn in call.turns if turn["speaker"] == "agent"}


def _query_json(query: AiQuery, own_words: Mapping[str, str]) -> dict[str, Any]:
    return {
        "question": query.question,
        "asked_at": query.asked_at.isoformat(),
        "status": query.status,
        "from": query.filter_since.isoformat() if query.filter_since else None,
        "to": query.filter_until.isoformat() if query.filter_until else None,
        "charged_mcredits": query.charged_mcredits,
        "quotes": [
            {
                "call_id": str(one.call_id),
                "segment_id": str(one.segment_id),
                "your_words": own_words.get(str(one.segment_id)),
            }
            for one in sorted(query.citations.all(), key=lambda row: row.rank)
        ],
    }
