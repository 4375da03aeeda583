"""After a call: hands its turns of speech to `ai`, once all text is stored."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from ai import operations as ai
from ai.turns import CallTurns, Turn
from compliance import restriction
from voice import following, sweeps, told, unheard
from voice.calling_hours import local_time
from voice.models import TERMINAL_STATUSES, Call, Lead

# The media process stores the last words within a second or two; after this long it is not coming back.
LAST_WORDS_WITHIN = timedelta(seconds=20)
# What fails costs time that others wait for; what a worker died over is taken up again after this.
RETRY_AFTER = timedelta(seconds=20)
# Until then it is the worker's, so that the clock's time is not spent on it.
ANALYSIS_OVERDUE = timedelta(seconds=8)


def turns_of(call: Call) -> CallTurns:
    segments = call.segments.filter(kind="speech").exclude(text="").order_by("start_ms", "sequence")
    turns = tuple(Turn(row.id, row.spoken_by, row.start_ms, row.end_ms, row.text) for row in segments)
    began_at = call.answered_at or call.created_at
    return CallTurns(
        call_id=call.id,
        workspace_id=call.workspace_id,
        user_id=call.user_id,
        lead_id=call.lead_id,
        lead_name=call.lead.name,
        company=call.lead.company,
        started_at=began_at,
        held_on=local_time(time_zone=call.lead.time_zone, now=began_at).date(),
        turns=turns,
    )


def analyse(*, call_id: UUID, now: datetime) -> bool:
    """Indexes an ended call and derives its insights, once; False when it is not due or another worker has it."""
    call = Call.objects.select_related("lead", "user").filter(id=call_id).first()
    if call is None or call.is_live or call.ended_at is None:
        return False
    if now - call.ended_at <= LAST_WORDS_WITHIN and unheard.more_may_come(call):
        return False
    tried_lately = call.analysis_state == "claimed" and now - (call.analysis_claimed_at or now) < RETRY_AFTER
    if call.analysis_state == "done" or tried_lately or restriction.covers(call.lead_id, call.user_id):
        return False
    unheard.mark_unheard_end(call_id=call_id, now=now)
    with _alone_with(call_id) as mine:
        # Nobody else is at it, so what is claimed was claimed by a worker that failed or died over it.
        open_calls = Call.objects.filter(id=call_id).exclude(analysis_state="done")
        if not mine:
            return False
        with transaction.atomic():
            if not open_calls.update(analysis_state="claimed", analysis_claimed_at=now):
                return False
            turns = turns_of(call)
            if turns.turns:
                call.refresh_from_db(fields=["sequence"])
                told.transcript_ready(call, segments=len(turns.turns), now=now)
        ai.index_call(call=turns, now=now)
        ai.derive_insights(call=turns, now=now)
        with transaction.atomic():
            # A correction in the meantime asks for another analysis.
            state = "done" if _is_called_the_same(turns) else "none"
            Call.objects.filter(id=call_id, analysis_state="claimed").update(analysis_state=state)
    return True


def _is_called_the_same(turns: CallTurns) -> bool:
    """Whether the lead still has the name and company that were read before; if not, what was stored is put right."""
    lead = Lead.objects.for_workspace(turns.workspace_id).filter(id=turns.lead_id, erased_at__isnull=True).first()
    if lead is None or (following.facts_of(lead)["name"], lead.company) == (turns.lead_name, turns.company):
        return True
    following.rename(lead)
    return False


@contextmanager
def _alone_with(call_id: UUID) -> Iterator[bool]:
    """Whether nobody else analyses the call. The lock is the database connection's, so a worker that dies lets go of it."""
    name = [f"voice.analysis:{call_id}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", name)
        if not cursor.fetchone()[0]:
            yield False
            return
        try:
            yield True
        finally:
            cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", name)


def sweep_analyses(*, now: datetime) -> None:
    """Analyses what the worker did not: its task was lost, or it died over it."""
    due = Call.objects.filter(status__in=TERMINAL_STATUSES, analysis_state__in=("none", "claimed"))
    # What is restricted waits until that is decided, and holds up no other.
    due = due.exclude(lead_id__in=restriction.covered()).exclude(user_id__in=restriction.covered())
    overdue = due.filter(ended_at__lt=now - ANALYSIS_OVERDUE).order_by("ended_at")
    due_ids = list(overdue.values_list("id", flat=True)[:20])
    sweeps.one_by_one("analyse", due_ids, lambda call_id: analyse(call_id=call_id, now=now))
