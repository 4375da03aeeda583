"""A call as people take it along: their own words, or both sides'."""

from datetime import datetime
from typing import Any

from voice.models import Call


def own_export(call: Call) -> dict[str, Any]:
    """A member's call; of one with somebody who is restricted the member's own words alone."""
    if not call.lead.restricted_at:
        return call_export(call)
    return call_export(call, only="agent") | {"phone": None, "notes": "", "disposition": None}


def call_export(call: Call, only: str | None = None) -> dict[str, Any]:
    """only: the speaker whose words are given out; None for both."""
    return {
        "lead": call.lead.name,
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
