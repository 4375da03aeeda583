"""Removing what was said in calls when its term is over, with all that was understood from it. The call and its charge stay."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from ai import operations as ai
from compliance.elements import ELEMENTS
from voice.changes import publish_call
from voice.models import TERMINAL_STATUSES, Call

CALLS_AT_ONCE_MAX: Final = 50


def expire_texts(*, now: datetime) -> int:
    """Removes the text of a bounded number of calls, and questions that are over their term; returns how many calls."""
    ai.expire_questions(now=now)
    kept_until = now - timedelta(days=ELEMENTS["transcript"].retention_days or 0)
    over = Call.objects.filter(status__in=TERMINAL_STATUSES, ended_at__lte=kept_until).exclude(
        transcript_state="expired"
    )
    due = list(over.order_by("ended_at").values_list("id", flat=True)[:CALLS_AT_ONCE_MAX])
    for call_id in due:
        _expire(call_id, now)
    return len(due)


def _expire(call_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        call = Call.objects.select_for_update().filter(id=call_id).exclude(transcript_state="expired").first()
        if call is None:
            return
        ai.forget_call(call_id=call_id, now=now)
        call.segments.all().delete()
        # Late news of its text find nothing to write to any more, and nobody understands it anew.
        call.transcript_state, call.analysis_state = "expired", "done"
        call.save(update_fields=["transcript_state", "analysis_state"])
        publish_call(call, now=now)
