"""The end of a call's credits: two warnings, the carrier's own limit as a backstop, a spoken line, the hang-up.

Where a call's credits end is worked out anew each second, so a purchase during the call moves it.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q, QuerySet

from ledger import live
from ledger.money import price
from realtime.publish import Topic, publish_on_commit
from voice import queries, submission, sweeps, twilio, wake
from voice.changes import publish_call
from voice.dialling import CALL_LENGTH_MAX_S
from voice.events import CallWarning
from voice.live import pages
from voice.models import TERMINAL_STATUSES, Call
from voice.state import CLOSING_AT_S

logger = logging.getLogger(__name__)

WARN_AT_S: Final = (15, 60)
# The carrier ends the call this long after we should have: only when we could not.
BACKSTOP_S: Final = 15
_MARKS = (CLOSING_AT_S, *WARN_AT_S)
_TELLING: Final = sweeps.SideBySide[UUID]("limit")
_TELLING_OF_RUNG: Final = sweeps.SideBySide[UUID]("limit_called_in")
# Whoever can speak for longer than this is not looked at each second. The clock is never so late that it matters.
_LOOK_FROM_S: Final = max(WARN_AT_S) + 120


def watch_credits(*, now: datetime) -> None:
    """Warns each live call once at each mark, and begins its closing line at the last."""
    longest = Q(answered_at__lte=now - F("max_duration_s") * timedelta(seconds=1) + timedelta(seconds=max(WARN_AT_S)))
    told = pages(_live().filter(Q(warned_at_s__isnull=False) | longest))
    for call, left_s in _with_seconds_left(chain(_running_low(), told), now):
        mark = next((mark for mark in _MARKS if left_s <= mark), None)
        if mark != call.warned_at_s:
            _reach(call, mark, left_s, now)


def _reach(call: Call, mark: int | None, left_s: int, now: datetime) -> None:
    with transaction.atomic():
        unchanged = _live().filter(id=call.id, warned_at_s=call.warned_at_s)
        ends_at = now + timedelta(seconds=left_s) if mark == CLOSING_AT_S else None
        if not unchanged.update(warned_at_s=mark, hangup_requested_at=ends_at):
            return
        if mark is None or (call.warned_at_s is not None and mark > call.warned_at_s):
            # Credits were bought: the pages show the new end, and each mark is told again when it comes.
            publish_call(call, now=now)
            return
        event = CallWarning(call_id=call.id, seconds_left=left_s, duration_s=queries.duration_s(call, now=now))
        publish_on_commit(Topic.user(call.user_id), event)
        publish_on_commit(Topic.call(call.workspace_id, call.id), event)
        if ends_at is not None:
            wake.soon("say_closing_line", call.id)


def say_closing_line(*, call_id: UUID) -> None:
    """Tells the lead, who is taken out of the conversation for it, that the call ends; then their leg hangs up.

    The rep hears their own line when the carrier asks what comes after the Dial. Whatever fails here, the sweep of
    hang-ups ends the call when its credits are over.
    """
    call = Call.objects.get(id=call_id)
    callee = call.legs.filter(role="callee", status="in-progress").last()
    if not call.is_live or callee is None:
        return
    try:
        twilio.redirect_call(callee.sid, url=submission.callback_url(call_id, "closing"))
    except (twilio.CarrierSilent, twilio.CarrierRefused) as error:
        logger.warning("closing line not said", extra={"call_id": str(call_id), "error_code": error.code})


def sweep_limits(*, now: datetime) -> None:
    """Tells the carrier where each live call's credits end, whenever that has changed."""
    wanted: dict[UUID, datetime] = {}
    near = now + timedelta(seconds=_LOOK_FROM_S)
    due = pages(_live().filter(Q(limited_at__isnull=True) | Q(limited_at__lte=near)))
    for call, left_s in _with_seconds_left(chain(_running_low(), due), now):
        ends_at = now + timedelta(seconds=left_s)
        # Whole seconds are left, so the same end comes out up to a second apart.
        if call.limited_at is None or abs(ends_at - call.limited_at) > timedelta(seconds=2):
            wanted[call.id] = ends_at
    _TELLING.do(wanted, lambda call_id: _limit(call_id, wanted[call_id]))
    # A task has told it the moment that the browser was there; these it did not reach.
    unlimited = list(_called_in().filter(limited_at__isnull=True).values_list("id", flat=True)[:50])
    _TELLING_OF_RUNG.do(unlimited, lambda call_id: limit_called_in(call_id=call_id))


def limit_called_in(*, call_id: UUID) -> None:
    """The backstop of a call whose browser called the carrier: those that we place bear theirs from the beginning."""
    call = _called_in().filter(id=call_id).first()
    if call is None:
        return
    agent = call.legs.filter(role="agent", status="in-progress", answered_at__isnull=False).last()
    if agent is None or agent.answered_at is None:
        return
    limit_s = submission.backstop_s(call)
    try:
        twilio.limit_call(agent.sid, time_limit_s=limit_s)
    except (twilio.CarrierSilent, twilio.CarrierRefused) as error:
        # The carrier may not be ready for it before it has our answer. It is told again as long as the lead is rung.
        logger.warning("time limit refused", extra={"call_id": str(call_id), "error_code": error.code})
        return
    limited_at = agent.answered_at + timedelta(seconds=limit_s)
    Call.objects.filter(id=call_id, limited_at__isnull=True).update(limited_at=limited_at)


def _limit(call_id: UUID, ends_at: datetime) -> None:
    call = Call.objects.get(id=call_id)
    agent = call.legs.filter(role="agent", status="in-progress", answered_at__isnull=False).last()
    if agent is None or agent.answered_at is None:
        return
    # Counted by the carrier from the answer of this leg, which came before the lead's.
    limit_s = int((ends_at - agent.answered_at).total_seconds()) + BACKSTOP_S
    try:
        twilio.limit_call(agent.sid, time_limit_s=min(limit_s, CALL_LENGTH_MAX_S))
    except twilio.CarrierSilent:
        return
    except twilio.CarrierRefused as error:
        logger.warning("time limit refused", extra={"call_id": str(call_id), "error_code": error.code})
    Call.objects.filter(id=call_id).update(limited_at=ends_at)


def _running_low() -> Iterator[list[UUID]]:
    """The calls of which credits may end soon, page by page; the ledger alone says which."""
    terms = live.all_terms().values()
    below = max(price(duration_s=_LOOK_FROM_S + each.increment_s, terms=each) for each in terms)
    for references in live.running_low(below_mcredits=below):
        yield [call_id for each in references if (call_id := Call.id_of(each)) is not None]


def _with_seconds_left(ids: Iterable[list[UUID]], now: datetime) -> Iterator[tuple[Call, int]]:
    """Those of these calls that go on and that nobody has asked to end, with the whole seconds that their credits last."""
    for page in ids:
        calls = list(_live().filter(id__in=page).select_related("lead", "user"))
        left = queries.seconds_left_of(calls, now=now)
        yield from ((call, left[call.id]) for call in calls)


def _called_in() -> QuerySet[Call]:
    """Calls whose browser is there and whose lead has not answered yet."""
    ringing = Call.objects.filter(way="browser", status__in=("rep_answered", "callee_ringing"))
    return ringing.exclude(status__in=TERMINAL_STATUSES)


def _live() -> QuerySet[Call]:
    live_calls = Call.objects.filter(status="in_progress", answered_at__isnull=False, hangup_requested_at__isnull=True)
    # Said again for the sake of the index over live calls.
    return live_calls.exclude(status__in=TERMINAL_STATUSES)
