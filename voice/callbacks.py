"""The carrier's callbacks: stored append-only first, then applied, in any order and any number of times."""

import re
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from voice import settlement, transcription, transcription_events, wake
from voice.changes import publish_call
from voice.models import Call, Callback, CallLeg, MediaStream
from voice.state import CALL_RANK, LEG_RANK, LEG_TERMINAL, CallFacts, LegFacts, derive
from voice.times import timestamp

# The form fields that we keep; the carrier may add others at any time.
KEPT_FIELDS = (
    "CallSid",
    "ParentCallSid",
    "CallStatus",
    "CallDuration",
    "Timestamp",
    "SequenceNumber",
    "DialCallSid",
    "DialCallStatus",
    "DialCallDuration",
    "StreamSid",
    "StreamEvent",
    "StreamError",
    "TranscriptionSid",
    "TranscriptionEvent",
    "TranscriptionErrorCode",
    "SequenceId",
    "ListenedBy",
    "Digits",
)
SID_FIELDS = ("CallSid", "ParentCallSid", "DialCallSid", "StreamSid")
SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")
# Longer than any call.
SECONDS = re.compile(r"[0-9]{1,6}")
SIGNAL_KEYS = (
    "CallSid",
    "CallStatus",
    "SequenceNumber",
    "DialCallSid",
    "StreamSid",
    "StreamEvent",
    "Digits",
    "TranscriptionSid",
    "TranscriptionEvent",
    "SequenceId",
)


def receive(*, call: Call, kind: str, params: Mapping[str, str], now: datetime) -> Callback | None:
    """Stores a callback and applies it. None when the very same news was stored before.

    kind: agent, leg, stream, transcript, notice, played, closing or after. Storing and applying are two transactions, so that
    news that could not be applied is kept and applied by the sweep.
    """
    kept = {name: str(params[name])[:200] for name in KEPT_FIELDS if name in params}
    # An identifier that is none names nothing: kept, it would only fail later.
    kept = {name: value for name, value in kept.items() if name not in SID_FIELDS or SID.fullmatch(value)}
    dedupe_key = ":".join([kind, str(call.id), *(kept.get(name, "") for name in SIGNAL_KEYS)])[:160]
    callback, created = Callback.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "workspace_id": call.workspace_id,
            "call": call,
            "kind": kind,
            "sid": kept.get("StreamSid") or kept.get("TranscriptionSid") or kept.get("CallSid", ""),
            "params": kept,
            "received_at": now,
        },
    )
    if callback.applied_at is None:
        apply(callback_id=callback.id, now=now)
    return callback if created else None


def apply(*, callback_id: UUID, now: datetime) -> bool:
    """Applies a stored callback once; False when another process did. The claim and the effect are one transaction."""
    with transaction.atomic():
        claimed = Callback.objects.filter(id=callback_id, applied_at__isnull=True).update(applied_at=now)
        if not claimed:
            return False
        callback = Callback.objects.get(id=callback_id)
        call = Call.objects.select_for_update().get(id=callback.call_id)
        match callback.kind:
            case "leg" | "agent":
                observe_leg(call=call, facts=_leg_facts(callback), now=now)
            case "after":
                _apply_after(call, callback, now)
            case "stream":
                _apply_stream(call, callback, now)
            case "transcript":
                _apply_transcript(call, callback, now)
            case "played":
                _apply_played(call, callback, now)
        return True


def happened_at(callback: Callback) -> datetime:
    """When, by the carrier's clock; when it came, if the carrier did not say."""
    return timestamp(callback.params.get("Timestamp"), callback.received_at)


def _leg_facts(callback: Callback) -> tuple[str, LegFacts]:
    params = callback.params
    status = params.get("CallStatus", "in-progress")
    at = happened_at(callback)
    role = "callee" if params.get("ParentCallSid") else "agent"
    terminal = status in LEG_TERMINAL
    return params["CallSid"], LegFacts(
        role=role,
        status=status if status in LEG_RANK else "initiated",
        answered_at=at if status == "in-progress" else None,
        ended_at=at if terminal else None,
        duration_s=_seconds(params.get("CallDuration")) if terminal else None,
    )


def observe_leg(*, call: Call, facts: tuple[str, LegFacts], now: datetime) -> None:
    """Merges news of one leg and moves the call on; the caller has locked the call. News may repeat or be old."""
    sid, news = facts
    leg, _ = CallLeg.objects.get_or_create(
        sid=sid, defaults={"workspace_id": call.workspace_id, "call": call, "role": news.role}
    )
    if leg.call_id != call.id:
        return
    if LEG_RANK[news.status] > LEG_RANK[leg.status]:
        leg.status = news.status
    leg.answered_at = leg.answered_at or news.answered_at
    leg.ended_at = leg.ended_at or news.ended_at
    leg.duration_s = news.duration_s if leg.duration_s is None else leg.duration_s
    leg.save()
    move_on(call=call, now=now)


def facts_of(call: Call) -> CallFacts:
    legs = [
        LegFacts(leg.role, leg.status, leg.answered_at, leg.ended_at, leg.duration_s)
        for leg in call.legs.order_by("id")
    ]
    return derive(legs, hangup_requested=call.hangup_requested_at is not None)


def move_on(*, call: Call, now: datetime) -> None:
    """Brings the call to what its legs say; a status never goes back, and a terminal one settles the charge."""
    facts = facts_of(call)
    changed = False
    if CALL_RANK[facts.status] > CALL_RANK[call.status]:
        call.status = facts.status
        call.end_reason = facts.end_reason
        if call.closes and facts.end_reason == "hung_up":
            call.end_reason = "longest_call" if call.is_longest(facts.duration_s) else "credits_used_up"
        changed = True
    if facts.answered_at and call.answered_at is None:
        call.answered_at = facts.answered_at
        changed = True
    if not call.is_live:
        late_news = call.ended_at is not None and facts.duration_s != call.duration_s and facts.status == call.status
        if call.ended_at is None or late_news:
            call.ended_at = call.ended_at or facts.ended_at or now
            call.duration_s = facts.duration_s
            if call.transcript_state == "waiting_for_notice":
                call.transcript_state = "off"
            call.save()
            settlement.settle_call(call=call, now=now)
            changed = True
    if changed:
        call.save()
        publish_call(call, now=now)
        if not call.is_live:
            wake.soon("hang_up", call.id)
            wake.soon("analyse", call.id)


def _apply_after(call: Call, callback: Callback, now: datetime) -> None:
    """The Dial verb is over. It names the callee leg, which matters when that leg's own callbacks were lost."""
    params = callback.params
    if call.closes:
        # The lead was taken out of the Dial to hear the closing line, and their own leg will tell when it is over.
        return
    sid = params.get("DialCallSid")
    status = {"answered": "completed"}.get(params.get("DialCallStatus", ""), params.get("DialCallStatus", ""))
    if not sid or status not in LEG_TERMINAL:
        return
    news = LegFacts(
        role="callee",
        status=status,
        ended_at=callback.received_at,
        duration_s=_seconds(params.get("DialCallDuration")),
    )
    observe_leg(call=call, facts=(sid, news), now=now)


def _apply_played(call: Call, callback: Callback, now: datetime) -> None:
    """The notice was heard to its end, or a key was pressed, which refuses the transcript."""
    refused = bool(callback.params.get("Digits"))
    if call.transcript_state == "waiting_for_notice" or (refused and call.transcript_state == "on"):
        call.transcript_state = "refused" if refused else "on"
        call.save(update_fields=["transcript_state"])
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


def _seconds(text: str | None) -> int | None:
    return int(text) if text and SECONDS.fullmatch(text) else None
