"""Removing what was said in calls when its term is over, with all that was understood from it. The call and its charge stay."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from ai import operations as ai
from compliance.elements import ELEMENTS
from voice.changes import publish_call
from voice.models import TERMINAL_STATUSES, Call
from voice.sweeps import one_by_one

CALLS_AT_ONCE_MAX: Final = 50


def expire_texts(*, now: datetime) -> None:
    """Removes the text of a bounded number of calls; the next round goes on."""
    kept_until = now - timedelta(days=ELEMENTS["transcript"].retention_days or 0)
    old = Call.objects.filter(status__in=TERMINAL_STATUSES, ended_at__lte=kept_until)
    written = old.exclude(transcript_state="expired").filter(segments__isnull=False)
    due = list(written.order_by("ended_at").values_list("id", flat=True).distinct()[:CALLS_AT_ONCE_MAX])
    one_by_one("expire text", due, lambda call_id: _expire(call_id, now))


def _expire(call_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        call = Call.objects.select_for_update().get(id=call_id)
        ai.expire_call(call_id=call_id, now=now)
        call.segments.all().delete()
        # Late news of its text find nothing to write to any more, and nobody understands it anew.
        call.transcript_state, call.analysis_state = "expired", "done"
        call.save(update_fields=["transcript_state", "analysis_state"])
        publish_call(call, now=now)
