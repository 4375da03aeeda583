"""A call as people take it along: their own words, or both sides'."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from django.db.models import Prefetch, QuerySet

from compliance.stores import pages
from voice.models import Call, TranscriptSegment

AT_ONCE: Final = 20


def exported_calls(calls: QuerySet[Call], *, called: bool) -> Iterator[dict[str, Any]]:
    """A person's calls, some at a time, as they are read: what was said in them is most of what is held.

    called: whether the person is who was called.
    """
    for page in pages(with_text(calls).order_by("created_at", "id"), size=AT_ONCE):
        yield from (called_export(call) if called else own_export(call) for call in page)


def with_text(calls: QuerySet[Call]) -> QuerySet[Call]:
    text = TranscriptSegment.objects.get_queryset().defer("words", "replaces")
    return calls.select_related("lead", "workspace").prefetch_related(Prefetch("segments", text))


def called_export(call: Call) -> dict[str, Any]:
    """A call of who was called: the other side's words are that side's own."""
    return {"customer": call.workspace.name, **call_export(call, only="callee")}


def own_export(call: Call) -> dict[str, Any]:
    """A member's call; of one with somebody who is restricted the member's own words alone."""
    if not call.lead.restricted_at:
        return call_export(call)
    return call_export(call, only="agent") | {"lead": call.lead.name, "phone": None, "notes": "", "disposition": None}


def call_export(call: Call, only: str | None = None) -> dict[str, Any]:
    """only: the speaker whose words are given out; None for both."""
    return {
        "lead": call.lead.own_name,
        "phone": call.lead.phone_e164,
        "started_at": call.created_at.isoformat(),
        "answered_at": iso(call.answered_at),
        "ended_at": iso(call.ended_at),
        "duration_s": call.duration_s,
        "by": call.way,
        "status": call.status,
        "outcome": call.outcome,
        "notes": call.notes,
        "disposition": call.disposition,
        "transcript": [
            {
                "speaker": segment.speaker,
                "start_ms": segment.start_ms,
                "end_ms": segment.end_ms,
                "text": segment.text,
                "recognised_as": segment.original_text,
            }
            for segment in sorted(call.segments.all(), key=lambda row: row.sequence)
            if only in (None, segment.speaker)
        ],
    }


def iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
