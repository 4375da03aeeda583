"""The carrier's callbacks: stored append-only first, then applied, in any order and any number of times."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from django.db import OperationalError, connection, transaction

from compliance import suppression
from voice import (
    callback_rows,
    guard,
    leg_news,
    outcomes,
    settlement,
    told,
    transcript_refusals,
    transcription,
    transcription_events,
    wake,
)
from voice.changes import publish_call
from voice.leg_news import Learned, happened_at
from voice.models import Call, Callback, CallLeg, MediaStream
from voice.notice import OPT_OUT_KEY
from voice.state import (
    CallFacts,
    CallState,
    LegFacts,
    derive,
    found_out,
    merged,
    moved,
    opted_out_as,
    transcript_after_notice,
    transcript_at_end,
)

LOCK_PATIENCE = "500ms"
_MOVED = (
    "status",
    "end_reason",
    "answered_at",
    "ended_at",
    "duration_s",
    "transcript_state",
    "outcome",
    "callbacks_applied",
)


class Occupied(Exception):
    """Somebody else has the call, or what goes with it, for longer than others should wait; the callback stays due."""


def receive(*, call: Call, kind: str, params: Mapping[str, str], now: datetime) -> None:
    """Stores a callback and applies it, unless the very same news was stored and applied before.

    kind, params: as of `callback_rows.arrived`. Storing and applying are two transactions, so that news that could not be
    applied is kept and applied by the sweep.
    """
    came = callback_rows.arrived(call_id=call.id, kind=kind, params=params, now=now)
    there: Callback | None
    if callback_rows.store([came]) == ["new"]:
        there = Callback(id=came.id, call_id=call.id, kind=kind, params=came.params, received_at=now)
    else:
        there = Callback.objects.filter(dedupe_key=came.dedupe_key, applied_at__isnull=True).first()
    if there is not None:
        _apply(there, now)


def apply(*, callback_id: UUID, now: datetime) -> bool:
    """Applies a stored callback once; False when another process did, or it was erased.

    :raises Occupied: it waits for no call that somebody else is at, since others wait behind it.
    """
    callback = Callback.objects.filter(id=callback_id, applied_at__isnull=True).first()
    if callback is None:
        return False
    try:
        return _apply(callback, now, waits=False)
    except OperationalError as error:
        if callback_rows.is_for_a_lock(error):
            raise Occupied from error
        raise


def _apply(callback: Callback, now: datetime, *, waits: bool = True) -> bool:
    """The claim and the effect are one transaction. waits: for the call, and for its lead and books as long as it takes."""
    with transaction.atomic():
        # First, so that the numbers of a call's callbacks say in which order they took effect; not against their being stored.
        calls = Call.objects.select_for_update(of=("self",), no_key=True, skip_locked=not waits)
        found = calls.select_related("lead", "user").filter(id=callback.call_id)
        call = found.get() if waits else found.first()
        if call is None:
            raise Occupied
        if not waits:
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_PATIENCE])
        call.callbacks_applied += 1
        waiting = Callback.objects.filter(id=callback.id, applied_at__isnull=True)
        asked_to_end = call.hangup_requested_at is not None
        if not waiting.update(applied_at=now, applied_order=call.callbacks_applied, asked_to_end=asked_to_end):
            return False
        if not _take_effect(call, callback, now):
            call.save(update_fields=["callbacks_applied"])
        return True


def _take_effect(call: Call, callback: Callback, now: datetime) -> bool:
    """Whether the call's row was saved."""
    match callback.kind:
        case "leg" | "agent" | "after":
            said = leg_news.said_by(callback, closes=call.closes)
            return said is not None and _observe_leg(call, said, now)
        case "machine":
            _apply_machine(call, callback, now)
        case "stream":
            _apply_stream(call, callback, now)
        case "transcript":
            _apply_transcript(call, callback, now)
        case "played":
            _apply_played(call, callback, now)
    return False


def learn(*, call: Call, kind: Learned, sid: str, news: LegFacts, now: datetime) -> bool:
    """Takes what was learned of a leg otherwise than by a callback; the caller has locked the call.

    It is stored as callbacks are, if it is news, so that a call can be rebuilt from what is stored. False for another call's
    leg, of which nothing is taken: a carrier that names the wrong one moves neither call.
    """
    known = CallLeg.objects.filter(sid=sid).first()
    if known is not None and known.call_id != call.id:
        return False
    said = leg_news.learned(kind, leg_news.params_of(sid, news))
    if leg_news.changes(known, said):
        _store_applied(call, kind, sid, leg_news.params_of(sid, news), now)
    _observe_leg(call, said, now)
    return True


def note_given_up(*, call: Call, now: datetime) -> None:
    """Stores, as callbacks are, that a call was ended before its lead was rung; the caller has locked it and says how it ended."""
    params = {"CallStatus": call.status, "Reason": call.end_reason or ""}
    _store_applied(call, "given_up", "", params, now)


def note_not_rung(*, call: Call, sid: str, now: datetime) -> datetime:
    """Since when the carrier shows no leg of the lead although the rep's is over; stored as callbacks are, the first time. The caller
    has locked the call."""
    since = call.callbacks.filter(kind="not_rung_yet", sid=sid).values_list("received_at", flat=True).first()
    if since is None:
        _store_applied(call, "not_rung_yet", sid, {}, now)
    return since or now


def note_record(*, call: Call, sid: str, is_there: bool, now: datetime) -> datetime | None:
    """Since when the carrier has no record of a leg, look after look; None while it has one. What changes is stored as callbacks are.
    The caller has locked the call."""
    noted = call.callbacks.filter(kind__in=("unknown_yet", "known_again"), sid=sid).order_by("-applied_order")
    kind, at = noted.values_list("kind", "received_at").first() or ("", now)
    was_there = kind != "unknown_yet"
    if was_there is not is_there:
        _store_applied(call, "known_again" if is_there else "unknown_yet", sid, {}, now)
    if is_there:
        return None
    return now if was_there else at


def refuse_text(*, call: Call, now: datetime) -> None:
    """The lead wants no text, as the rep heard them say; the caller has locked the call. From then on it is as after the key in the notice."""
    call.transcript_state = transcript_after_notice(call.transcript_state, refuses=True)
    _store_applied(call, "refused", "", {}, now)
    publish_call(call, now=now, changed=["transcript_state"])
    # Where Twilio listens, it is to hear no more.
    wake.soon("stop_transcription", call.id)
    if call.lead.phone_e164:
        transcript_refusals.refuse(workspace_id=call.workspace_id, phone_e164=call.lead.phone_e164, now=now)


def _store_applied(call: Call, kind: str, sid: str, params: dict[str, str], now: datetime) -> None:
    call.callbacks_applied += 1
    call.save(update_fields=["callbacks_applied"])
    Callback.objects.create(
        workspace_id=call.workspace_id,
        call=call,
        kind=kind,
        sid=sid,
        dedupe_key=f"{kind}:{call.id}:{call.callbacks_applied}",
        params=params,
        received_at=now,
        applied_at=now,
        applied_order=call.callbacks_applied,
        asked_to_end=call.hangup_requested_at is not None,
    )


def _observe_leg(call: Call, said: leg_news.Said, now: datetime) -> bool:
    """Merges news of one leg and moves the call on; whether that saved the call's row."""
    legs = list(call.legs.order_by("id"))
    leg = next((each for each in legs if each.sid == said.sid), None)
    is_new = leg is None
    if leg is None:
        if CallLeg.objects.filter(sid=said.sid).exists():
            # Another call's, by mistake or by replay.
            return False
        leg = CallLeg(workspace_id=call.workspace_id, call=call, sid=said.sid, role=said.news.role)
        legs.append(leg)
    before = leg_news.facts_of(leg)
    after = merged(before, said.news, overrules=said.overrules)
    if is_new or after != before:
        leg.status, leg.duration_s = after.status, after.duration_s
        leg.answered_at, leg.answered_source = after.answered_at, after.answered_source
        leg.ended_at, leg.ended_source = after.ended_at, after.ended_source
        leg.save(force_insert=is_new)
    return _move_on(call, legs, now)


def facts_of(call: Call) -> CallFacts:
    return _derived(call, call.legs.order_by("id"))


def _derived(call: Call, legs: Iterable[CallLeg]) -> CallFacts:
    return derive([leg_news.facts_of(leg) for leg in legs], hangup_requested=call.hangup_requested_at is not None)


def _move_on(call: Call, legs: Iterable[CallLeg], now: datetime) -> bool:
    """Brings the call to what its legs say; a terminal status settles the charge. Whether anything changed, and was saved."""
    before = CallState(call.status, call.end_reason, call.answered_at, call.ended_at, call.duration_s)
    facts = _derived(call, legs)
    closed_as = call.closed_as(facts.duration_s, opted_out=call.opted_out)
    after, settles = moved(before, facts, closed_as=closed_as, now=now)
    if after == before and not settles:
        return False
    is_due = outcomes.is_due(call, after)
    call.status, call.end_reason, call.answered_at = after.status, after.end_reason, after.answered_at
    call.ended_at, call.duration_s = after.ended_at, after.duration_s
    if is_due:
        call.transcript_state = transcript_at_end(call.transcript_state)
        # The lead is locked before the books, as when it is dialled.
        outcomes.note_outcome(call=call)
    if settles:
        settlement.settle_calls(calls=[call], now=now)
    publish_call(call, now=now, changed=(*_MOVED, *settlement.SETTLED) if settles else _MOVED)
    if not call.is_live:
        guard.look_at_end(call, now=now)
        told.calls_completed([call], now=now)
        # The carrier ends the other leg by itself, and tells; where it does not, the sweep does.
        wake.soon("analyse", call.id)
    return True


def _apply_played(call: Call, callback: Callback, now: datetime) -> None:
    """The notice was heard to its end, or a key was pressed, which refuses the transcript; one key refuses calls as well.

    It counts after the call's end too, or a refusal whose news is late would not hold for the next call.
    """
    key = callback.params.get("Digits", "")
    opts_out = key == OPT_OUT_KEY
    before = (call.transcript_state, call.hangup_requested_at, call.opted_out)
    call.transcript_state = transcript_after_notice(call.transcript_state, refuses=bool(key))
    if call.transcript_state == "on" and transcript_refusals.refused_before(call.lead):
        call.transcript_state = "refused"
        # Stored, since another call's refusal is not among what this one can be rebuilt from.
        _store_applied(call, "refused", "", {}, now)
    if opts_out and call.is_live and (call.hangup_requested_at is None or call.hangup_requested_at > now):
        call.hangup_requested_at = now
        wake.soon("hang_up", call.id)
    if opts_out:
        call.opted_out = True
        call.end_reason = opted_out_as(call.end_reason, call.closed_as(call.duration_s, opted_out=True))
    if (call.transcript_state, call.hangup_requested_at, call.opted_out) != before:
        call.save(update_fields=["transcript_state", "hangup_requested_at", "opted_out", "end_reason"])
        publish_call(call, now=now)
        if not call.is_live:
            told.calls_completed([call], now=now)
    if key and call.lead.phone_e164:
        transcript_refusals.refuse(workspace_id=call.workspace_id, phone_e164=call.lead.phone_e164, now=now)
    if opts_out:
        _refuse_calls(call, now)


def _refuse_calls(call: Call, now: datetime) -> None:
    """However late the news is, also after the end: whoever pressed the key is not called again."""
    if call.lead.phone_e164:
        suppression.suppress(
            workspace_id=call.workspace_id,
            phone_e164=call.lead.phone_e164,
            reason="asked_not_to_be_called",
            source="callee_key",
            now=now,
        )
    guard.look_after_complaint(workspace_ids=[call.workspace_id], now=now)


def _apply_machine(call: Call, callback: Callback, now: datetime) -> None:
    """The carrier has listened who took the lead's phone; it may come after the end of a short call."""
    answered_by = found_out(call.answered_by, callback.params.get("AnsweredBy", ""))
    if answered_by == call.answered_by:
        return
    call.answered_by = answered_by
    call.save(update_fields=["answered_by"])
    outcomes.note_answered_by(call=call)
    publish_call(call, now=now)


def _apply_stream(call: Call, callback: Callback, now: datetime) -> None:
    """A media socket that ended while the call goes on is replaced."""
    params = callback.params
    if params.get("StreamEvent") not in ("stream-stopped", "stream-error"):
        return
    at = happened_at(callback)
    streams = MediaStream.objects.filter(call=call, stream_sid=params.get("StreamSid"))
    if params["StreamEvent"] == "stream-error" and not streams.exists():
        # A stream that never reached us has no SID on its row.
        streams = MediaStream.objects.filter(call=call, state="issued")
    streams.filter(stopped_at__isnull=True).update(stopped_at=at)
    if params["StreamEvent"] == "stream-error":
        streams.filter(state__in=("issued", "connected")).update(state="lost")
        if call.is_live:
            wake.soon("restart_stream", call.id)


def _apply_transcript(call: Call, callback: Callback, now: datetime) -> None:
    """How Twilio's transcription fares; its words have a way of their own, since they are kept once, in the transcript."""
    event = transcription_events.parse(callback.params, received_at=callback.received_at)
    if event is not None:
        transcription.observe(call=call, stream_id=UUID(callback.params["ListenedBy"]), event=event, now=now)
