"""What a workspace's own servers are told of its calls: identifiers and figures, no number and no word."""

from collections.abc import Sequence
from datetime import datetime

from identity.outgoing import deliveries
from voice.models import Call


def calls_completed(calls: Sequence[Call], *, now: datetime) -> None:
    """These calls are over, or the carrier has told their figures anew; the caller has locked and numbered them."""
    deliveries.record_all("call.completed", [_completed(call) for call in calls], now=now)


def _completed(call: Call) -> deliveries.News:
    return deliveries.News(
        workspace_id=call.workspace_id,
        subject=f"completed:{call.id}:{call.sequence}",
        data={
            "call_id": str(call.id),
            "lead_id": str(call.lead_id),
            "user_id": str(call.user_id),
            "sequence": call.sequence,
            "status": call.status,
            "end_reason": call.end_reason,
            "transcript_state": call.transcript_state,
            "created_at": call.created_at.isoformat(),
            "answered_at": call.answered_at.isoformat() if call.answered_at else None,
            "ended_at": call.ended_at.isoformat() if call.ended_at else None,
            "duration_s": call.duration_s,
            "charged_mcredits": call.charged_mcredits,
        },
        call_id=call.id,
        user_id=call.user_id,
    )


def transcript_ready(call: Call, *, segments: int, now: datetime) -> None:
    """All of its text is stored, or a person has corrected it."""
    deliveries.record(
        workspace_id=call.workspace_id,
        event="transcript.ready",
        subject=f"transcript:{call.id}:{call.sequence}",
        data={"call_id": str(call.id), "sequence": call.sequence, "segments": segments},
        now=now,
        call_id=call.id,
        user_id=call.user_id,
    )
