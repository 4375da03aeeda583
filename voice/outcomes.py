"""What came of a call, by the carrier's word and by the rep's, and what it means for the lead."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from voice.models import Call, Lead
from voice.retries import DELAYS, next_try
from voice.state import CallState, outcome_of

# What a call's outcome changes of its lead.
DISPOSED: Final = ("attempts", "disposition", "retry_at")
# Only these calls rang the lead; whom no call rang was never called, whatever happened to it.
_RANG: Final = frozenset({"lead_busy", "lead_no_answer", "lead_unreachable"})
# Why a call rang nobody's phone but the rep's, at most, although nobody wanted it so.
CAME_TO_NOTHING: Final = frozenset(
    {
        "rep_busy",
        "rep_no_answer",
        "rep_unreachable",
        "rep_not_connected",
        "not_dialled_in_time",
        "outside_calling_hours",
        "carrier_refused",
        "carrier_at_limit",
        "carrier_unreachable",
    }
)


def is_due(call: Call, after: CallState) -> bool:
    """Whether what came of a call is to be noted, since it ended so, by the newest word. The row holds what was known before: nothing,
    another end, or another time, from which it counts when the lead is tried again."""
    if call.ended_at is not None and (call.status, call.end_reason) != (after.status, after.end_reason):
        return True
    return after.ended_at != call.ended_at and (call.ended_at is None or call.outcome in DELAYS)


def note_outcome(*, call: Call) -> None:
    """Of a call that `is_due`; the caller has locked it and saves it. What came of it stays, however often its end is told."""
    is_new = _find(call)
    if _rang(call) and (lead := _lead_of_newest(call)):
        if is_new:
            _count(lead, call)
        _dispose(lead, call)


def note_outcomes(*, calls: Iterable[Call], leads: Mapping[UUID, Lead]) -> list[Lead]:
    """The same for many calls. leads: theirs, locked, by id; those that are returned are to be saved (`DISPOSED`)."""
    disposed = {}
    for call in calls:
        is_new = _find(call)
        lead = leads[call.lead_id]
        if _rang(call) and lead.last_call_at == call.created_at and lead.erased_at is None:
            if is_new:
                _count(lead, call)
            _decide(lead, call)
            disposed[lead.id] = lead
    return list(disposed.values())


def note_answered_by(*, call: Call) -> None:
    """The carrier found out who took the phone; the caller has locked the call."""
    if call.outcome == "connected" and call.is_machine:
        call.outcome = "voicemail"
        call.save(update_fields=["outcome"])
        note_disposition(call=call)


def note_disposition(*, call: Call) -> None:
    """A person said what came of a call, or took it back; the caller has locked it and has saved it."""
    if lead := _lead_of_newest(call):
        _dispose(lead, call)


def _find(call: Call) -> bool:
    """Whether nothing, or something else, was known of what came of it."""
    known = call.outcome
    call.outcome = outcome_of(status=call.status, end_reason=call.end_reason, answered_by=call.answered_by)
    return call.outcome != known


def _rang(call: Call) -> bool:
    return call.answered_at is not None or call.end_reason in _RANG


def may_have_rung(call: Call) -> bool:
    """Whether the number that was called may have rung; not where the carrier could not reach it, or the rep never answered."""
    legs = list(call.legs.all())
    of_lead = [leg for leg in legs if leg.role == "callee"]
    if call.answered_at is not None or any(leg.status != "failed" for leg in of_lead):
        return True
    # The carrier may not have told of the lead's leg yet.
    return not of_lead and any(leg.answered_at is not None for leg in legs)


def _lead_of_newest(call: Call) -> Lead | None:
    """The call's lead, locked; None where a later call decides, or the person had their data removed."""
    leads = Lead.objects.select_for_update(no_key=True).filter(id=call.lead_id, last_call_at=call.created_at)
    return leads.filter(erased_at__isnull=True).first()


def _count(lead: Lead, call: Call) -> None:
    lead.attempts = lead.attempts + 1 if call.outcome in DELAYS else 0


def _dispose(lead: Lead, call: Call) -> None:
    _decide(lead, call)
    lead.save(update_fields=DISPOSED)


def _decide(lead: Lead, call: Call) -> None:
    """A person's word ends the retries; without it they are as the carrier's says."""
    lead.disposition = call.result if _rang(call) else call.disposition
    lead.retry_at = None if call.disposition or call.ended_at is None else _next_try(lead, call, call.ended_at)


def _next_try(lead: Lead, call: Call, ended_at: datetime) -> datetime | None:
    return next_try(
        outcome=call.outcome,
        attempts=lead.attempts,
        ended_at=ended_at,
        time_zone=lead.time_zone,
        country=lead.country,
    )
