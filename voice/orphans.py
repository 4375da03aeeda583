"""Calls that go on at the carrier under our number while none of ours has them: after a backup was restored, a submission given up, or
an end that the carrier told and that was none.

Nobody hears, charges or ends them. Another system may call from the same number, which cannot be seen from here; so the operator is
told of each, and they are ended only where the operator says that there is no other, or where they are known to have been ours.
"""

import logging
from collections.abc import Sequence, Set
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings

from processors.operator_mails import Written, to_operator
from voice import submission, sweeps, twilio
from voice.guard_models import OrphanCall
from voice.models import TERMINAL_STATUSES, CallLeg
from voice.state import LEG_TERMINAL

logger = logging.getLogger(__name__)

# A submission is resolved within a minute, and an operator's test call is over after 90 seconds.
UNDER_WAY: Final = timedelta(minutes=2)
# The carrier lets none last for longer than a day.
KEPT: Final = timedelta(days=30)
# Whoever found them has tried to end them by then.
TOLD_AFTER: Final = timedelta(minutes=1)
# However many there are, the operator gets no more than one mail in this time.
PAUSE: Final = timedelta(hours=1)
LINES_MAX: Final = 50
_ENDING: Final = sweeps.SideBySide[str]("end_orphan")
_SUBJECT: Final = "{count} at Twilio that the product does not know"
_TEXT: Final = (
    "Calls from {caller_id} went on at Twilio, and no call in the product has them: nobody watches, charges or ends them until their own"
    " time limit does. That comes after a backup was restored, when another system calls from the same number, or after Twilio said twice"
    " that it knew no such call.\n\n{lines}\n\n"
    "Look for each by its SID in Twilio's console, Monitor, Logs, Calls, and end what nobody wants. Calls that it had placed itself the"
    " product ends; where nothing else calls from the number, ORPHAN_CALLS=end lets it end all others as well (docs/carrier.md, section 8)."
    " Each call is told of once; the next such mail comes an hour later at the earliest.\n"
)


def sweep_orphans(*, now: datetime) -> None:
    """Notes every live call of the carrier that none of ours has; ends those that were ours, and others where ORPHAN_CALLS says so.

    A carrier that does not answer, or in part only, changes nothing.
    """
    OrphanCall.objects.filter(found_at__lt=now - KEPT).delete()
    try:
        live = twilio.live_calls()
    except twilio.CarrierSilent as error:
        logger.warning("carrier did not list its live calls", extra={"error_code": error.code})
        return
    old = [call for call in live if call.began_at < now - UNDER_WAY]
    legs = _legs_of(old, now=now)
    orphans = _unknown(old, ours={sid for sid, goes_on in legs.items() if goes_on})
    if not orphans:
        return
    rows = [OrphanCall(sid=call.sid, began_at=call.began_at, found_at=now) for call in orphans]
    OrphanCall.objects.bulk_create(rows, ignore_conflicts=True)
    logger.error("calls at the carrier that nobody here knows", extra={"count": len(orphans)})
    # Of ours nobody can be in doubt whose it is.
    ends = [call.sid for call in orphans if settings.ORPHAN_CALLS == "end" or not legs.keys().isdisjoint(_sids(call))]
    _ENDING.do(ends, lambda sid: _end(sid, now))


def _end(sid: str, now: datetime) -> None:
    if _is_ended(sid):
        OrphanCall.objects.filter(sid=sid).update(ended_at=now)


def _sids(call: twilio.LiveCall) -> set[str]:
    """Its own, and that of the one that dialled it."""
    return {sid for sid in (call.sid, call.parent_sid) if sid}


def _legs_of(live: Sequence[twilio.LiveCall], *, now: datetime) -> dict[str, bool]:
    """Those among them that are legs of ours, by SID, and whether their call has them still.

    A leg that is over here, of a call that is over, is looked after by nobody: the carrier may have said that it knew no such leg.
    """
    sids = {sid for call in live for sid in _sids(call)}
    legs = CallLeg.objects.filter(sid__in=sids).values_list("sid", "status", "call__status", "call__ended_at")
    return {
        sid: status not in LEG_TERMINAL or call_status not in TERMINAL_STATUSES or (ended_at or now) > now - UNDER_WAY
        for sid, status, call_status, ended_at in legs
    }


def _unknown(live: Sequence[twilio.LiveCall], *, ours: Set[str]) -> list[twilio.LiveCall]:
    """Those that are no leg of ours, nor dialled by one, nor may be what a submission without an answer became."""
    left = [call for call in live if ours.isdisjoint(_sids(call))]
    if not left:
        return []
    awaited = submission.awaited()
    awaiting = {
        call.sid
        for call in left
        if any(call.to_e164 == to_e164 and call.began_at >= since for to_e164, since in awaited)
    }
    return [call for call in left if awaiting.isdisjoint(_sids(call))]


def _is_ended(sid: str) -> bool:
    try:
        try:
            twilio.end_call(sid)
        except twilio.CarrierRefused:
            # It refuses to end what is over: whom it called may have hung up, or it ended with the call that dialled it.
            leg = twilio.look_up(sid)
            return leg is None or leg.facts.terminal
    except twilio.CarrierSilent as error:
        logger.warning("hang-up not confirmed", extra={"call_sid": sid, "error_code": error.code})
        return False
    return True


def tell_of_orphans(*, now: datetime) -> int:
    """Writes one mail about all that were found since the last one; returns of how many it tells.

    What the mail server does not take is tried again in the next round. Two clocks may both write, which is better than none.
    """
    if OrphanCall.objects.filter(told_at__gt=now - PAUSE).exists():
        return 0
    untold = OrphanCall.objects.filter(told_at__isnull=True, found_at__lte=now - TOLD_AFTER)
    rows = list(untold.order_by("found_at", "id")[:LINES_MAX])
    if not rows:
        return 0
    written = Written(
        _SUBJECT.format(count=f"{len(rows)} calls" if len(rows) > 1 else "A call"),
        _TEXT.format(caller_id=settings.TWILIO_CALLER_ID, lines="\n".join(map(_line, rows))),
    )
    if not to_operator(written, kind="orphan_calls", row_id=rows[0].id, attempt=1):
        return 0
    return OrphanCall.objects.filter(id__in=[row.id for row in rows]).update(told_at=now)


def _line(row: OrphanCall) -> str:
    came = f"ended by the product {row.ended_at:%Y-%m-%d %H:%M} UTC" if row.ended_at else "not ended by the product"
    return f"{row.sid}, begun {row.began_at:%Y-%m-%d %H:%M} UTC: {came}"
