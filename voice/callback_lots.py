"""Stored callbacks of many calls, applied in one transaction of a few statements."""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from uuid_utils.compat import uuid7

from voice import callback_rows, callbacks, guard, leg_news, outcomes, settlement, sweeps, told, wake
from voice.changes import next_sequence, publish_moved
from voice.models import Call, Callback, CallLeg, Lead
from voice.state import CallState, LegFacts, derive, moved, transcript_at_end

logger = logging.getLogger(__name__)

# What says something of a leg; other news is rare.
_OF_LEGS: Final = ("leg", "agent", "after")


class _Disturbed(Exception):
    """A row is not as it was read, although its call is locked: it was erased, or a leg is another call's."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """What callbacks of one call come to. legs: by SID, those that are new or changed; is_due: what came of it is to be noted."""

    call: Call
    callback_ids: tuple[UUID, ...]
    legs: Mapping[str, LegFacts]
    state: CallState
    has_moved: bool
    settles: bool
    is_due: bool


def apply_together(*, waiting: Mapping[UUID, UUID], now: datetime) -> list[UUID]:
    """Applies stored callbacks, each once. waiting: callbacks and the calls that they are of.

    Calls that somebody else is at in this moment, those that could not be put through, news of another kind and whatever fails
    are taken one by one afterwards, so that none of them holds up the others. Returns those whose call somebody else is still at:
    they are to be tried again.

    :raises OperationalError, InterfaceError: the database is away; what was not applied waits for the sweep.
    """
    try:
        rest = _apply_lot(waiting, now)
    except Exception as error:
        if callback_rows.is_away(error):
            raise
        logger.warning("callbacks not applied together", extra={"error_type": type(error).__name__})
        rest = list(waiting)
    left: list[UUID] = []
    occupied: set[UUID] = set()

    def apply(callback_id: UUID) -> None:
        if waiting[callback_id] not in occupied:
            try:
                callbacks.apply(callback_id=callback_id, now=now)
                return
            except callbacks.Occupied:
                occupied.add(waiting[callback_id])
        left.append(callback_id)

    sweeps.one_by_one("apply_callback", rest, apply)
    return left


@transaction.atomic
def _apply_lot(waiting: Mapping[UUID, UUID], now: datetime) -> list[UUID]:
    """Returns those that are to be applied one by one."""
    # Who waits for one call while it holds others would hold up all who wait for those.
    locked = Call.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).select_related("lead", "user")
    calls = {call.id: call for call in locked.filter(id__in=set(waiting.values())).order_by("id")}
    came: dict[UUID, list[Callback]] = {}
    unapplied = Callback.objects.filter(id__in=waiting, call_id__in=calls, applied_at__isnull=True)
    for callback in unapplied.order_by("received_at", "id"):
        came.setdefault(callback.call_id, []).append(callback)
    legs = _legs(calls, [callback for each in came.values() for callback in each])
    courses = [found for call_id, each in came.items() if (found := _taken(calls[call_id], each, legs, now))]
    leads = _leads_of_due(courses)
    taken = [each for each in courses if not each.is_due or each.call.lead_id in leads]
    _write(taken, legs, leads, now)
    done = {callback_id for each in taken for callback_id in each.callback_ids}
    there = {callback.id for each in came.values() for callback in each}
    return [
        callback_id
        for callback_id, call_id in waiting.items()
        if callback_id not in done and (callback_id in there or call_id not in calls)
    ]


def _legs(calls: Collection[UUID], came: Sequence[Callback]) -> list[CallLeg]:
    """Those of the calls, in order of appearance, and whoever else has a SID that is told of."""
    named = {sid for callback in came for sid in (callback.params.get("CallSid"), callback.params.get("DialCallSid"))}
    of_calls = Q(call_id__in=calls) | Q(sid__in=[sid for sid in named if sid])
    return list(CallLeg.objects.filter(of_calls).order_by("id"))


def _taken(call: Call, came: Sequence[Callback], legs: Iterable[CallLeg], now: datetime) -> _Taken | None:
    """None: they are to be applied one by one."""
    try:
        return _course(call, came, legs, now)
    except Exception as error:
        # What cannot be read is told of, by its call, when it is tried by itself.
        logger.warning("callbacks not applied together", extra={"error_type": type(error).__name__})
        return None


def _course(call: Call, came: Sequence[Callback], legs: Iterable[CallLeg], now: datetime) -> _Taken | None:
    """One step for each callback, as if each had come alone: that is how a call is rebuilt from them."""
    known = {leg.sid: leg_news.facts_of(leg) for leg in legs if leg.call_id == call.id}
    foreign = {leg.sid for leg in legs if leg.call_id != call.id}
    before = dict(known)
    held = CallState(call.status, call.end_reason, call.answered_at, call.ended_at, call.duration_s)
    state, settlements = held, 0
    for callback in came:
        if callback.kind not in _OF_LEGS:
            return None
        said = leg_news.said_by(callback, closes=call.closes)
        if said is None or said.sid in foreign:
            continue
        known[said.sid] = leg_news.with_news(known.get(said.sid), said)
        facts = derive(list(known.values()), hangup_requested=call.hangup_requested_at is not None)
        state, settles = moved(
            state, facts, closed_as=call.closed_as(facts.duration_s, opted_out=call.opted_out), now=now
        )
        settlements += settles
    if settlements > 1 or (settlements and state.end_reason in guard.NOT_PUT_THROUGH):
        # Each settlement is a booking of its own; and what the guard may find is found while others may call.
        return None
    changed = {sid: facts for sid, facts in known.items() if before.get(sid) != facts}
    moves = state != held or settlements > 0
    is_due = outcomes.is_due(call, state)
    return _Taken(call, tuple(callback.id for callback in came), changed, state, moves, settlements > 0, is_due)


def _leads_of_due(taken: Iterable[_Taken]) -> dict[UUID, Lead]:
    """Locked before the books, as when they are dialled; without those that somebody else has."""
    ids = {each.call.lead_id for each in taken if each.is_due}
    if not ids:
        return {}
    locked = Lead.objects.select_for_update(no_key=True, skip_locked=True).filter(id__in=ids)
    return {lead.id: lead for lead in locked.order_by("id")}


def _write(taken: Sequence[_Taken], legs: Iterable[CallLeg], leads: Mapping[UUID, Lead], now: datetime) -> None:
    if not taken:
        return
    numbers: dict[UUID, int] = {}
    asked: list[bool] = []
    for each in taken:
        call, state = each.call, each.state
        for callback_id in each.callback_ids:
            call.callbacks_applied += 1
            numbers[callback_id] = call.callbacks_applied
            asked.append(call.hangup_requested_at is not None)
        call.status, call.end_reason, call.answered_at = state.status, state.end_reason, state.answered_at
        call.ended_at, call.duration_s = state.ended_at, state.duration_s
        if each.has_moved:
            next_sequence(call)
    with connection.cursor() as cursor:
        # Before the books, so that they are not held while somebody else has one of the callbacks.
        cursor.execute(_APPLIED, [now, list(numbers), list(numbers.values()), asked])
        _demand(cursor.rowcount == len(numbers))
    disposed = _end([each.call for each in taken if each.is_due], leads)
    if ended := [each.call for each in taken if each.settles]:
        settlement.settle_calls(calls=ended, now=now)
    with connection.cursor() as cursor:
        cursor.execute(_CALLS, _columns([_row_of_call(each.call) for each in taken]))
        if rows := _rows_of_legs(taken, {leg.sid: leg.id for leg in legs}):
            cursor.execute(_LEGS, _columns(rows))
            _demand(cursor.rowcount == len(rows))
        if disposed:
            rows = [(lead.id, *(getattr(lead, name) for name in outcomes.DISPOSED)) for lead in disposed]
            cursor.execute(_LEADS, _columns(rows))
    moved_calls = [each.call for each in taken if each.has_moved]
    publish_moved(moved_calls, now=now)
    if over := [call for call in moved_calls if not call.is_live]:
        told.calls_completed(over, now=now)
        wake.soon("analyse", *(call.id for call in over))


def _end(calls: Sequence[Call], leads: Mapping[UUID, Lead]) -> list[Lead]:
    """Returns the leads that are to be saved."""
    for call in calls:
        call.transcript_state = transcript_at_end(call.transcript_state)
    return outcomes.note_outcomes(calls=calls, leads=leads)


def _demand(holds: bool) -> None:
    if not holds:
        raise _Disturbed


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _row_of_call(call: Call) -> tuple[object, ...]:
    return call.id, *(getattr(call, name) for name in _OF_A_CALL)


def _rows_of_legs(taken: Iterable[_Taken], ids: Mapping[str, UUID]) -> list[tuple[object, ...]]:
    return [
        (
            ids.get(sid) or uuid7(),
            each.call.workspace_id,
            each.call.id,
            leg.role,
            sid,
            leg.status,
            leg.answered_at,
            leg.ended_at,
            leg.duration_s,
            int(leg.answered_source),
            int(leg.ended_source),
        )
        for each in taken
        for sid, leg in each.legs.items()
    ]


_APPLIED: Final = """
UPDATE voice_callback AS callback SET applied_at = %s, applied_order = taken.number, asked_to_end = taken.asked
FROM unnest(%s::uuid[], %s::int[], %s::bool[]) AS taken (id, number, asked)
WHERE callback.id = taken.id AND callback.applied_at IS NULL
"""
_OF_A_CALL: Final = (
    "callbacks_applied",
    "sequence",
    "status",
    "end_reason",
    "answered_at",
    "ended_at",
    "duration_s",
    "transcript_state",
    "outcome",
    *settlement.SETTLED,
)
_CALLS: Final = """
UPDATE voice_call AS call
SET callbacks_applied = taken.callbacks, sequence = taken.sequence, status = taken.status, end_reason = taken.end_reason,
    answered_at = taken.answered_at, ended_at = taken.ended_at, duration_s = taken.duration_s,
    transcript_state = taken.transcript_state, outcome = taken.outcome, charged_mcredits = taken.charged,
    minutes_charged = taken.minutes, settled_at = taken.settled_at
FROM unnest(%s::uuid[], %s::int[], %s::int[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[], %s::int[],
            %s::text[], %s::text[], %s::bigint[], %s::int[], %s::timestamptz[])
    AS taken (id, callbacks, sequence, status, end_reason, answered_at, ended_at, duration_s,
              transcript_state, outcome, charged, minutes, settled_at)
WHERE call.id = taken.id
"""
_LEADS: Final = """
UPDATE voice_lead AS lead SET attempts = ended.attempts, disposition = ended.disposition, retry_at = ended.retry_at
FROM unnest(%s::uuid[], %s::smallint[], %s::text[], %s::timestamptz[]) AS ended (id, attempts, disposition, retry_at)
WHERE lead.id = ended.id
"""
# A leg that appeared for another call in this moment is left as it is.
_LEGS: Final = """
INSERT INTO voice_callleg AS leg
    (id, workspace_id, call_id, role, sid, status, answered_at, ended_at, duration_s, answered_source, ended_source)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::timestamptz[],
                     %s::timestamptz[], %s::int[], %s::smallint[], %s::smallint[])
ON CONFLICT (sid) DO UPDATE
SET status = excluded.status, answered_at = excluded.answered_at, ended_at = excluded.ended_at,
    duration_s = excluded.duration_s, answered_source = excluded.answered_source, ended_source = excluded.ended_source
WHERE leg.call_id = excluded.call_id
"""
