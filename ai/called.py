"""What was understood of calls, as whoever was called may have it: their own words, and of the other side's that something was said.

A statement stands under who said the words that it rests on. What the other side said is that side's own, as in the text of a call.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from ai.models import IndexedCall, Insight
from compliance.stores import pages

AT_ONCE: Final = 20


def insights_of(call_ids: QuerySet[Any, UUID]) -> QuerySet[Insight]:
    """All that was understood of these calls, with what `exported` reads. call_ids: a query of ids."""
    return Insight.objects.filter(indexed_call__call_id__in=call_ids).select_related("indexed_call__workspace")


def exported_insights(call_ids: QuerySet[Any, UUID]) -> Iterator[dict[str, Any]]:
    """The same as the copy has it, some calls at a time, as they are read. call_ids: a query of ids."""
    calls = IndexedCall.objects.filter(call_id__in=call_ids).select_related("workspace").prefetch_related("insights")
    for page in pages(calls.order_by("started_at", "id"), size=AT_ONCE):
        for call in page:
            yield from map(exported, sorted(call.insights.all(), key=lambda row: row.rank))


def exported(insight: Insight) -> dict[str, Any]:
    """text: None where only the other side said it. to_be_done_by: of what was agreed; None of everything else."""
    call = insight.indexed_call
    return {
        "customer": call.workspace.name,
        "call_started_at": call.started_at.isoformat(),
        "kind": insight.kind,
        "start_ms": insight.start_ms,
        "text": _own_text(insight, call),
        "to_be_done_by": {"agent": "the customer", "callee": "you"}.get(insight.owner or ""),
        "due_on": insight.due_on.isoformat() if insight.due_on else None,
    }


def _own_text(insight: Insight, call: IndexedCall) -> str | None:
    turns = {turn["segment_id"]: turn for turn in call.turns}
    rests_on = [turns[key] for each in insight.segment_ids if (key := str(each)) in turns]
    own = [turn["text"] for turn in rests_on if turn["speaker"] == "callee"]
    if not own:
        return None
    if insight.kind == "summary":
        # Whole turns of both, one behind the other.
        return "\n".join(own)
    # A topic, or a step that both named: in words that may be the other side's alone.
    if len(own) == len(insight.segment_ids) or any(_plain(insight.text) in _plain(text) for text in own):
        return insight.text
    return None


def _plain(text: str) -> str:
    """As statements are worded, whose apostrophes are plain."""
    return text.replace("\u2019", "'").casefold()
