"""Asking the carrier about calls whose news may be missing, ending calls that must end, replacing lost streams."""

import logging
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, Q
from django.db.models.functions import Coalesce

from voice import (
    browser_calls,
    callback_lots,
    callbacks,
    leg_news,
    listening,
    submission,
    sweeps,
    transcription,
    twilio,
)
from voice.models import TERMINAL_STATUSES, Call, Callback, CallLeg, DialIntent, MediaStream
from voice.state import CLOSING_AT_S, LEG_TERMINAL, LegFacts

logger = logging.getLogger(__name__)

RECONCILE_EVERY = timedelta(seconds=60)
# A call whose leg is over although the call is not is asked about sooner.
UNRESOLVED_EVERY = timedelta(seconds=5)
CALLBACK_RETRY_AFTER = timedelta(seconds=2)
STREAM_EXPECTED_WITHIN = timedelta(seconds=10)
# A media process says every two seconds that it lives; a database that is away for a moment makes it no dead one.
STREAM_DEAD_AFTER = timedelta(seconds=20)
# While our side cannot be reached each attempt fails within milliseconds; the media process needs seconds to come back.
STREAM_RETRY_EVERY = timedelta(seconds=2)
STREAM_ATTEMPTS_SOON = 20
STREAM_RETRY_LATER = timedelta(seconds=30)
# After the lead's leg is over, the rep's hears why and is ended by the carrier.
LINE_HEARD_WITHIN = timedelta(seconds=60)
BATCH = 100
# The meter is of the same lane.
CALLBACKS_APPLIED_FOR_S = 1.0
_ASKING: Final = sweeps.SideBySide[UUID]("reconcile")
_ENDING: Final = sweeps.SideBySide[UUID]("hang_up")
_RESTARTING: Final = sweeps.SideBySide[UUID]("restart_stream")
_STOPPING: Final = sweeps.SideBySide[UUID]("stop_transcription")


def apply_waiting_callbacks(*, now: datetime) -> None:
    """Applies what was stored but not applied, because a process died, was too busy, or the database was away.

    Lot after lot, for about CALLBACKS_APPLIED_FOR_S at most; what could not be applied in this round is tried in the next one.
    """
    waiting = Callback.objects.filter(applied_at__isnull=True, received_at__lt=now - CALLBACK_RETRY_AFTER)
    waiting = waiting.order_by("received_at", "id").only("id", "call_id", "received_at")
    until = time.monotonic() + CALLBACKS_APPLIED_FOR_S
    due = list(waiting[:BATCH])
    while due:
        callback_lots.apply_together(waiting={each.id: each.call_id for each in due}, now=now)
        if len(due) < BATCH or time.monotonic() > until:
            return
        last = due[-1]
        later = Q(received_at__gt=last.received_at) | Q(received_at=last.received_at, id__gt=last.id)
        due = list(waiting.filter(later)[:BATCH])


def reconcile_calls(*, now: datetime) -> None:
    """Asks the carrier about each open call once a minute and after an outage, and about each unresolved one every five seconds.

    Unresolved: a leg is over, the media stream was stopped, or an end was asked for, and the call goes on all the same.
    """
    legs = CallLeg.objects.get_queryset().filter(call_id=OuterRef("id"))
    live = Call.objects.exclude(status__in=TERMINAL_STATUSES).filter(Exists(legs))
    # One of which nobody has asked yet waits since it began, and is behind none that was.
    aged = live.annotate(asked_at=Coalesce("reconciled_at", "created_at")).order_by("asked_at")
    asked = list(aged.filter(asked_at__lte=now - RECONCILE_EVERY).values_list("id", flat=True)[:BATCH])
    may_be = Q(hangup_requested_at__isnull=False) | Q(Exists(legs.filter(status__in=LEG_TERMINAL)))
    may_be |= Q(Exists(MediaStream.objects.get_queryset().filter(call_id=OuterRef("id"), state="finished")))
    soon = aged.filter(may_be).filter(Q(reconciled_at__isnull=True) | Q(reconciled_at__lt=now - UNRESOLVED_EVERY))
    asked += [call.id for call in soon.exclude(id__in=asked)[:BATCH] if _is_unresolved(call)]
    _ASKING.do(asked, lambda call_id: reconcile_call(call_id=call_id, now=now))


def ask_about_all(*, now: datetime) -> None:
    """Has the carrier asked about every open call in the next round: the carrier may have met a closed door."""
    Call.objects.exclude(status__in=TERMINAL_STATUSES).update(reconciled_at=now - RECONCILE_EVERY)


def _is_unresolved(call: Call) -> bool:
    return (
        callbacks.facts_of(call).unresolved
        or call.hangup_requested_at is not None
        or (call.transcript_state != "refused" and call.streams.filter(state="finished").exists())
    )


def reconcile_call(*, call_id: UUID, now: datetime) -> None:
    """Merges what the carrier's REST shows into the call. A carrier that does not answer changes nothing."""
    Call.objects.filter(id=call_id).update(reconciled_at=now)
    legs = list(CallLeg.objects.filter(call_id=call_id).order_by("id"))
    agents = [leg.sid for leg in legs if leg.role == "agent"]
    if not agents:
        return
    missed = None
    try:
        shown = {sid: twilio.look_up(sid) for sid in agents}
        children = [child for sid in agents if shown[sid] for child in twilio.children_of(sid)]
        if not any(shown.values()):
            # It may have named a wrong one when it took the call, so that the true one is known by its lead's leg at most.
            missed = submission.find_placed(DialIntent.objects.select_related("call__user").get(call_id=call_id))
            shown |= {leg.sid: twilio.look_up(leg.sid) for leg in legs if leg.role == "callee"}
    except twilio.CarrierSilent:
        return
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user").get(id=call_id)
        if missed:
            found = LegFacts(role="agent", status="queued")
            callbacks.learn(call=call, kind="placed", sid=missed, news=found, now=now)
        _end_unknown(call, shown | {leg.sid: leg for leg in children}, now)
        for leg in [*children, *filter(None, shown.values())]:
            callbacks.learn(call=call, kind="asked", sid=leg.sid, news=leg.facts, now=now)
        if call.is_live and callbacks.facts_of(call).unresolved and not call.legs.filter(role="callee").exists():
            _end_not_rung(call, agents[-1], shown[agents[-1]], now)


def _end_not_rung(call: Call, sid: str, shown: twilio.CarrierLeg | None, now: datetime) -> None:
    """The rep's leg ended before the lead was rung. Its list of legs may lag behind, so the carrier is believed the second time."""
    if callbacks.note_not_rung(call=call, sid=sid, now=now) > now - UNRESOLVED_EVERY:
        return
    ended = LegFacts(role="agent", status="failed", ended_at=now)
    if shown is not None:
        ended = LegFacts(role="agent", status="canceled", ended_at=shown.facts.ended_at or now)
    callbacks.learn(call=call, kind="never_rung", sid=sid, news=ended, now=now)


def _end_unknown(call: Call, shown: Mapping[str, twilio.CarrierLeg | None], now: datetime) -> None:
    """A leg that the carrier has no record of is over, and no other one; what was charged while it ran stands.

    One that was answered is one of which the carrier has told, and in which two may be talking: it is believed the second time in a row.
    """
    for leg in call.legs.filter(sid__in=shown).exclude(status__in=LEG_TERMINAL).order_by("id"):
        is_there, was_answered = shown[leg.sid] is not None, leg_news.facts_of(leg).was_answered
        since = callbacks.note_record(call=call, sid=leg.sid, is_there=is_there, now=now) if was_answered else now
        if is_there or since is None or (was_answered and since > now - UNRESOLVED_EVERY):
            continue
        logger.error("carrier does not know a leg", extra={"call_id": str(call.id)})
        ended = LegFacts(role=leg.role, status="completed" if leg.answered_at else "failed", ended_at=since)
        callbacks.learn(call=call, kind="unknown", sid=leg.sid, news=ended, now=now)


def hang_up(*, call_id: UUID, now: datetime) -> None:
    """Ends every leg that is not known to have ended, at the carrier. Idempotent; repeated until confirmed."""
    call = Call.objects.get(id=call_id)
    if call.is_live and call.hangup_requested_at is None:
        return
    legs = list(call.legs.exclude(status__in=LEG_TERMINAL).order_by("id"))
    # One that the carrier will not end keeps no other one open.
    confirmed = [_ended(leg) for leg in legs]
    if not all(confirmed):
        return
    if legs or not call.is_live:
        Call.objects.filter(id=call_id, hangup_confirmed_at__isnull=True).update(hangup_confirmed_at=now)
    if not legs and call.is_live:
        # Not placed yet: the intent is withdrawn; placed but unknown: the look-up finds it and this runs again.
        if call.way == "browser":
            reason = "ended_by_colleague" if call.ended_by_id else call.ended_because or "rep_not_connected"
            browser_calls.withdraw(call_id=call_id, status="cancelled", reason=reason, now=now)
        else:
            submission.dial(call_id=call_id, now=now)


def _ended(leg: CallLeg) -> bool:
    """Whether the carrier has ended a leg, or has none of its name."""
    try:
        twilio.end_call(leg.sid)
    except (twilio.CarrierSilent, twilio.CarrierRefused) as error:
        logger.warning("hang-up not confirmed", extra={"call_id": str(leg.call_id), "error_code": error.code})
        return False
    return True


def sweep_hangups(*, now: datetime) -> None:
    """Makes sure that no line stays open: calls to be ended, and ended calls with a leg that is not."""
    # Who pressed Hang up woke the worker; where the credits end, nobody did.
    overdue = Q(hangup_requested_at__lt=now - timedelta(seconds=3))
    overdue |= Q(hangup_requested_at__lte=now, warned_at_s=CLOSING_AT_S)
    asked = Call.objects.exclude(status__in=TERMINAL_STATUSES).filter(overdue).order_by("hangup_requested_at")
    left_open = Call.objects.filter(
        status__in=TERMINAL_STATUSES,
        ended_at__gt=now - timedelta(hours=5),
        ended_at__lt=now - timedelta(seconds=5),
    )
    legs = CallLeg.objects.get_queryset().filter(call_id=OuterRef("id"))
    over = legs.filter(status__in=LEG_TERMINAL)
    # Whose lead has gone may hear a line of their own first.
    left_open = left_open.filter(Exists(legs.exclude(status__in=LEG_TERMINAL)))
    left_open = left_open.filter(~Exists(over) | Q(ended_at__lt=now - LINE_HEARD_WITHIN))
    due = [*asked.values_list("id", flat=True)[:BATCH], *left_open.values_list("id", flat=True)[:BATCH]]

    def end(call_id: UUID) -> None:
        hang_up(call_id=call_id, now=now)
        reconcile_call(call_id=call_id, now=now)

    _ENDING.do(due, end)


def restart_stream(*, call_id: UUID, now: datetime) -> None:
    """Has a live call listened to again when nobody does; the newest stream wins.

    Asked more often than every STREAM_RETRY_EVERY it leaves the attempt to the sweep.
    """
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead").get(id=call_id)
        agent = call.legs.filter(role="agent", status="in-progress").first()
        if not call.is_live or agent is None or call.hangup_requested_at or not _stream_is_due(call, now):
            return
        listener = listening.issue(call=call, now=now)
    listener.disclose(call, now=now)
    try:
        listener.begin_again(agent_sid=agent.sid)
    except twilio.CarrierSilent as error:
        logger.warning("media stream not restarted", extra={"call_id": str(call_id), "error_code": error.code})
    except twilio.CarrierRefused as error:
        logger.warning("media stream not restarted", extra={"call_id": str(call_id), "error_code": error.code})
        # It starts no stream on a call that is over; the news of that end did not reach us.
        reconcile_call(call_id=call_id, now=now)


def _stream_is_due(call: Call, now: datetime) -> bool:
    if call.transcript_state not in ("on", "waiting_for_notice"):
        return False
    if call.streams.filter(state="connected", stopped_at__isnull=True).exists():
        return False
    newest = call.streams.order_by("-issued_at").first()
    if newest is None:
        return False
    if newest.state == "issued":
        return now - newest.issued_at > STREAM_EXPECTED_WITHIN
    if newest.engine != "own" and now - newest.issued_at < STREAM_RETRY_EVERY:
        # It can begin and fail at once, again and again.
        return False
    heard_at = call.streams.aggregate(heard_at=Max("connected_at"))["heard_at"] or call.created_at
    failed = call.streams.filter(issued_at__gt=heard_at, connected_at__isnull=True).count()
    pause = STREAM_RETRY_EVERY if failed < STREAM_ATTEMPTS_SOON else STREAM_RETRY_LATER
    return newest.connected_at is not None or now - newest.issued_at >= pause


def spare_streams(*, now: datetime) -> None:
    """After an outage of the database, which kept every media process from saying that it lives: each has its time anew."""
    MediaStream.objects.filter(engine="own", state="connected", seen_at__lt=now).update(seen_at=now)


def sweep_streams(*, now: datetime) -> None:
    """Gives up streams whose media process is silent, and replaces the stream of every live call that has none."""
    # Twilio's transcription says nothing while nobody speaks, so its silence is no sign.
    silent = MediaStream.objects.filter(engine="own", state="connected", seen_at__lt=now - STREAM_DEAD_AFTER)
    silent.update(state="lost", stopped_at=now)
    streams = MediaStream.objects.get_queryset().filter(call_id=OuterRef("id"))
    deaf = (
        Call.objects.filter(status__in=("rep_answered", "callee_ringing", "in_progress"))
        # Said again for the sake of the index over live calls.
        .exclude(status__in=TERMINAL_STATUSES)
        .filter(Exists(streams), transcript_state__in=("on", "waiting_for_notice"))
        .filter(~Exists(streams.filter(state="connected", stopped_at__isnull=True)))
    )
    due = list(deaf.values_list("id", flat=True)[:BATCH])
    _RESTARTING.do(due, lambda call_id: restart_stream(call_id=call_id, now=now))


def sweep_refusals(*, now: datetime) -> None:
    """Ends Twilio's transcriptions of live calls whose lead refused, until Twilio has confirmed it."""
    refused = Call.objects.exclude(status__in=TERMINAL_STATUSES).filter(transcript_state="refused")
    due = refused.filter(streams__engine=transcription.ENGINE, streams__state__in=("issued", "connected")).distinct()
    due_ids = list(due.values_list("id", flat=True)[:BATCH])
    _STOPPING.do(due_ids, lambda call_id: transcription.stop_unwanted(call_id=call_id, now=now))


def sweep_missing_text(*, now: datetime) -> None:
    """Marks what Twilio's callbacks left out of calls of the last hours."""
    with_holes = MediaStream.objects.exclude(holes=[]).filter(issued_at__gt=now - timedelta(hours=5))
    due_ids = list(with_holes.values_list("id", flat=True)[:BATCH])
    sweeps.one_by_one(
        "mark_missing", due_ids, lambda stream_id: transcription.mark_missing(stream_id=stream_id, now=now)
    )
