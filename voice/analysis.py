"""After a call: hands its turns of speech to `ai`, once all text is stored."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from ai import operations as ai
from ai.turns import CallTurns, Turn
from voice.models import TERMINAL_STATUSES, Call

logger = logging.getLogger(__name__)

# The media process stores the last words within a second or two; after this long it is not coming back.
LAST_WORDS_WITHIN = timedelta(seconds=20)
CLAIM_LEASE = timedelta(seconds=120)


def turns_of(call: Call) -> CallTurns:
    segments = call.segments.filter(kind="speech").exclude(text="").order_by("start_ms", "sequence")
    turns = tuple(Turn(row.id, row.spoken_by, row.start_ms, row.end_ms, row.text) for row in segments)
    return CallTurns(
        call_id=call.id,
        workspace_id=call.workspace_id,
        user_id=call.user_id,
        lead_id=call.lead_id,
        lead_name=call.lead.name,
        started_at=call.answered_at or call.created_at,
        turns=turns,
    )


def analyse(*, call_id: UUID, now: datetime) -> bool:
    """Indexes an ended call and derives its insights, once; False when it is not due or another worker has it."""
    call = Call.objects.select_related("lead", "user").filter(id=call_id).first()
    if call is None or call.is_live or call.ended_at is None:
        return False
    text_is_complete = not call.streams.filter(state="connected").exists() or now - call.ended_at > LAST_WORDS_WITHIN
    if not text_is_complete:
        return False
    lapsed = Q(analysis_state="claimed", analysis_claimed_at__lt=now - CLAIM_LEASE)
    claimed = (
        Call.objects.filter(id=call_id)
        .filter(Q(analysis_state="none") | lapsed)
        .update(analysis_state="claimed", analysis_claimed_at=now)
    )
    if not claimed:
        return False
    turns = turns_of(call)
    ai.index_call(call=turns, now=now)
    ai.derive_insights(call=turns, now=now)
    Call.objects.filter(id=call_id, analysis_state="claimed").update(analysis_state="done")
    return True


def sweep_analyses(*, now: datetime) -> None:
    due = Call.objects.filter(status__in=TERMINAL_STATUSES, analysis_state__in=("none", "claimed"))
    for call_id in due.order_by("ended_at").values_list("id", flat=True)[:20]:
        analyse(call_id=call_id, now=now)
