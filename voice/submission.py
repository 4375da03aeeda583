"""From dial intent to the carrier: placed at most once, looked up when the answer was lost, never repeated blindly."""

import logging
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction

from ledger import live
from ledger import operations as ledger
from ledger import queries as ledger_queries
from ledger.money import affordable_s
from processors import disclosures
from processors.seal import SealUnreadable
from voice import callbacks, carrier_limit, guard, outcomes, reps, sweeps, told, twilio
from voice.changes import publish_call
from voice.dialling import CALL_LENGTH_MAX_S
from voice.models import TERMINAL_STATUSES, Call, CallLeg, DialIntent
from voice.state import LegFacts, transcript_at_end

logger = logging.getLogger(__name__)

# A request to the carrier has ended by then, so a submission without a result has lost its worker and is looked up.
SUBMISSION_LEASE = timedelta(seconds=15)
# A call that the carrier's list, which may lag by seconds, does not show for so long was never placed.
GIVE_UP_AFTER = timedelta(seconds=45)
LOOKED_UP_MAX = 100
# Huey usually dials within milliseconds; what it lost is dialled after this.
DIAL_OVERDUE = timedelta(seconds=1)
# The lead's phone rings for half a minute, and then hears the notice.
ANSWERED_WITHIN_S = 120
# A rep who pressed Call this long ago does not expect the phone to ring any more.
DIAL_WITHIN = timedelta(seconds=60)
_DIALLING: Final = sweeps.SideBySide[UUID]("dial")
_LOOKING_UP: Final = sweeps.SideBySide[UUID]("resolve_unknown")


def callback_url(call_id: UUID, what: str) -> str:
    return f"{settings.PUBLIC_URL}/twilio/voice/{call_id}/{what}"


def dial(*, call_id: UUID, now: datetime) -> None:
    """Places the call of a pending intent. Whoever claims the intent is the only one who ever submits it."""
    claimed = DialIntent.objects.filter(call_id=call_id, state="pending").update(state="submitting", claimed_at=now)
    if not claimed:
        return
    call = Call.objects.select_related("user").get(id=call_id)
    if call.hangup_requested_at:
        reason = "ended_by_colleague" if call.ended_by_id else call.ended_because or "cancelled_by_rep"
        give_up(call_id=call_id, status="cancelled", reason=reason, now=now)
        return
    if now - call.created_at > DIAL_WITHIN:
        give_up(call_id=call_id, status="failed", reason="not_dialled_in_time", now=now)
        return
    if not reps.may_call(user_id=call.user_id, workspace_id=call.workspace_id):
        give_up(call_id=call_id, status="cancelled", reason="rep_may_not_call", now=now)
        return
    try:
        with disclosures.about(user_id=call.user_id, workspace_id=call.workspace_id):
            sid = twilio.place_call(
                to_e164=call.user.mobile_e164,
                answer_url=callback_url(call_id, "agent"),
                status_url=callback_url(call_id, "status"),
                time_limit_s=backstop_s(call),
            )
    except twilio.CarrierSilent as error:
        # Nobody can say that it was not taken all the same, so it is looked up too.
        why = carrier_limit.REASON if error.number in twilio.AT_LIMIT else None
        unknown = DialIntent.objects.filter(call_id=call_id, state="submitting")
        unknown.update(state="submission_unknown", error_code=why)
        logger.warning("dial submission unknown", extra={"call_id": str(call_id)})
        return
    except twilio.CarrierRefused as error:
        logger.warning("dial refused by the carrier", extra={"call_id": str(call_id), "error_code": error.code})
        reason = carrier_limit.REASON if error.number in twilio.AT_LIMIT else "carrier_refused"
        give_up(call_id=call_id, status="failed", reason=reason, now=now)
        return
    adopt(call_id=call_id, sid=sid, now=now)


def sweep_dials(*, now: datetime) -> None:
    """Dials intents whose task was lost."""
    overdue = DialIntent.objects.filter(state="pending", call__created_at__lt=now - DIAL_OVERDUE)
    due = list(overdue.values_list("call_id", flat=True)[:50])
    _DIALLING.do(due, lambda call_id: dial(call_id=call_id, now=now))


def backstop_s(call: Call) -> int:
    """Until the lead has answered, when the call's credits begin to run; then `voice.credit_end` says it exactly."""
    spendable = live.spendable([call.ledger_reference]).get(call.ledger_reference, 0)
    terms = ledger_queries.rate_card(call.rate_card_id).terms
    longest_s = min(affordable_s(amount_mcredits=spendable, terms=terms), call.max_duration_s)
    return min(longest_s + ANSWERED_WITHIN_S, CALL_LENGTH_MAX_S)


def adopt(*, call_id: UUID, sid: str, now: datetime) -> None:
    """Binds the carrier's leg to the call; the first news of it may come by answer, callback or look-up.

    A SID that is another call's binds nothing: the submission stays unknown, and the leg is looked for. Of a call whose leg
    has told of itself, at an address that no other call has, that leg stays the one.
    """
    with transaction.atomic():
        call = Call.objects.select_for_update(no_key=True).get(id=call_id)
        intent = DialIntent.objects.filter(call_id=call_id)
        placed = LegFacts(role="agent", status="queued")
        is_bound = call.legs.filter(role="agent").exists()
        if is_bound or callbacks.learn(call=call, kind="placed", sid=sid, news=placed, now=now):
            intent.exclude(state="submitted").update(state="submitted", submitted_at=now, error_code=None)
            return
        intent.filter(state="submitting").update(state="submission_unknown")
    logger.error("carrier named the leg of another call", extra={"call_id": str(call_id)})


def resolve_unknown(*, now: datetime) -> None:
    """Looks up every submission whose answer was lost; one that cannot be found for 45 s was not placed."""
    stale = DialIntent.objects.filter(state="submitting", claimed_at__lt=now - SUBMISSION_LEASE)
    stale.update(state="submission_unknown")
    # Without a leg nobody could ask about it, nor end it, and its rep and lead could have no other call.
    without_leg = Call.objects.exclude(status__in=TERMINAL_STATUSES).filter(legs__isnull=True)
    lost = DialIntent.objects.filter(state="submitted", call_id__in=without_leg.values("id"))
    lost.update(state="submission_unknown", submitted_at=None)
    unknown = DialIntent.objects.filter(state="submission_unknown").order_by("claimed_at")
    due = list(unknown.values_list("call_id", flat=True)[:LOOKED_UP_MAX])
    _LOOKING_UP.do(due, lambda call_id: _resolve(call_id=call_id, now=now))


def _resolve(*, call_id: UUID, now: datetime) -> None:
    intent = DialIntent.objects.select_related("call__user").get(call_id=call_id)
    leg = CallLeg.objects.filter(call_id=call_id, role="agent").first()
    try:
        sid = leg.sid if leg is not None else find_placed(intent)
    except twilio.CarrierSilent:
        return
    if sid:
        adopt(call_id=call_id, sid=sid, now=now)
    elif intent.claimed_at is None or now - intent.claimed_at > GIVE_UP_AFTER:
        reason = intent.error_code or "carrier_unreachable"
        give_up(call_id=call_id, status="failed", reason=reason, now=now)


def find_placed(intent: DialIntent) -> str | None:
    """The SID of the newest call to the rep's phone that the carrier took since the intent was claimed, and that is no leg we know.

    :raises CarrierSilent: no usable answer.
    """
    placed = _placed_by(intent)
    if placed is None:
        return None
    to_e164, since = placed
    sids = twilio.calls_to(to_e164=to_e164, since=since)
    known = set(CallLeg.objects.filter(sid__in=sids).values_list("sid", flat=True))
    return next((sid for sid in sids if sid not in known), None)


def awaited() -> list[tuple[str, datetime]]:
    """Which number each submission without a result rings, and since when: a call to it may be that submission's."""
    open_ones = DialIntent.objects.filter(state__in=("submitting", "submission_unknown")).select_related("call__user")
    placed = [_placed_by(intent) for intent in open_ones]
    return [(to_e164, since.replace(microsecond=0)) for to_e164, since in filter(None, placed)]


def _placed_by(intent: DialIntent) -> tuple[str, datetime] | None:
    """The number that it rings, and since when; None where the carrier cannot be asked about it."""
    if intent.claimed_at is None or intent.call.way != "phone":
        return None
    try:
        return intent.call.user.mobile_e164, intent.claimed_at
    except SealUnreadable:
        # Its own news may still come, and the others are not held up by it.
        return None


def give_up(*, call_id: UUID, status: str, reason: str, now: datetime) -> None:
    """Ends a call whose lead was never rung and releases its hold, in one transaction. A leg of the rep is ended elsewhere."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user").get(id=call_id)
        DialIntent.objects.filter(call_id=call_id).exclude(state="submitted").update(state="refused", error_code=reason)
        if not call.is_live:
            return
        call.status = status
        call.end_reason = reason
        call.ended_at = now
        call.settled_at = now
        call.transcript_state = transcript_at_end(call.transcript_state)
        outcomes.note_outcome(call=call)
        call.save()
        callbacks.note_given_up(call=call, now=now)
        guard.look_at_end(call, now=now)
        if reason == carrier_limit.REASON:
            carrier_limit.note(now=now)
        ledger.release_hold(reference=call.ledger_reference, now=now)
        publish_call(call, now=now)
        told.calls_completed([call], now=now)
