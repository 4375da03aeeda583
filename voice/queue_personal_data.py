"""What the power-dial queue holds about those who work in it. What it holds about leads goes with the leads."""

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from compliance.stores import Subject
from voice.models import QueueSession

INVENTORY: dict[str, str] = {
    f"voice.{model}.{field}": element
    for model, elements in {
        "Tag": {"name": "callee", "created_at": "none"},
        "DialPause": {"cause": "none", "paused_at": "none", "resumed_at": "none"},
        "QueueSession": {
            "user": "dial_queue",
            "tag": "dial_queue",
            "disposition": "dial_queue",
            "started_at": "dial_queue",
            "seen_at": "dial_queue",
            "ended_at": "dial_queue",
        },
        "Reservation": {
            "session": "dial_queue",
            "user": "dial_queue",
            "lead": "dial_queue",
            "call": "call",
            "reserved_at": "dial_queue",
            "expires_at": "none",
            "released_at": "dial_queue",
            "release_reason": "dial_queue",
            "skip_reason": "dial_queue",
        },
    }.items()
    for field, element in {"id": "none", "workspace": "none", **elements}.items()
} | {
    "voice.DialPause_calls.id": "none",
    "voice.DialPause_calls.dialpause": "none",
    "voice.DialPause_calls.call": "call",
    "voice.ComplaintAlert.id": "none",
    "voice.ComplaintAlert.is_only": "none",
    "voice.ComplaintAlert.raised_at": "none",
    "voice.ComplaintAlert.next_at": "none",
    "voice.ComplaintAlert.attempts": "none",
    "voice.ComplaintAlert.sent_at": "none",
    "voice.LimitAlert.id": "none",
    "voice.LimitAlert.is_only": "none",
    "voice.LimitAlert.raised_at": "none",
    "voice.LimitAlert.next_at": "none",
    "voice.LimitAlert.attempts": "none",
    "voice.LimitAlert.sent_at": "none",
}


def _sessions_of(subject: Subject) -> QuerySet[QueueSession]:
    match = Q(workspace_id__in=subject.workspace_ids_to_erase)
    if subject.user_id:
        match |= Q(user_id=subject.user_id)
    return QueueSession.objects.get_queryset().filter(match)


class DialQueueStore:
    """Sessions of the queue, with what was reserved in them."""

    name = "dial_queue"

    def find(self, subject: Subject) -> dict[str, int]:
        count = _sessions_of(subject).count()
        return {"dial_queue": count} if count else {}

    def export(self, subject: Subject) -> dict[str, Any]:
        rows = [
            {
                "tag": session.tag,
                "disposition": session.disposition,
                "started_at": session.started_at.isoformat(),
                "ended_at": session.ended_at.isoformat() if session.ended_at else None,
                "leads": [
                    {
                        "lead": reservation.lead.name,
                        "reserved_at": reservation.reserved_at.isoformat(),
                        "released_at": reservation.released_at.isoformat() if reservation.released_at else None,
                        "became": reservation.release_reason,
                        "skipped_because": reservation.skip_reason,
                    }
                    for reservation in session.reservations.select_related("lead").order_by("reserved_at")
                ],
            }
            for session in _sessions_of(subject).order_by("started_at")
        ]
        return {"dial_queue": rows} if rows else {}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        counts = self.find(subject)
        _sessions_of(subject).delete()
        return counts

    def verify(self, subject: Subject) -> int:
        return _sessions_of(subject).count()


STORE = DialQueueStore()
