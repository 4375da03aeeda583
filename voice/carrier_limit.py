"""Calls that the carrier did not take because the operator's account has as much at once as it may: no dial has failed, so it pauses no
team; and nobody but the operator can have the limit raised, who is told."""

import logging
from datetime import datetime, timedelta
from typing import Final

from processors.operator_mails import Written, send_alerts
from voice.guard_models import LimitAlert

logger = logging.getLogger(__name__)

# Why a call ends that was not taken for it.
REASON: Final = "carrier_at_limit"
# However many calls it takes, one mail in this time.
TOLD_EVERY: Final = timedelta(hours=1)
_SUBJECT: Final = "Twilio did not take a call: your account is at its limit"
_TEXT: Final = (
    "At {at} UTC Twilio refused a call, since your account had as many calls (its error 10004) or requests (20429) at once as it may."
    " Whoever pressed Call was told so and was charged nothing; it counts as no failed call, and no team's calling pauses for it.\n\n"
    "Trial accounts, and new ones without an approved Primary Customer Profile, may have few calls at once: upgrade the account, and have the"
    " profile approved in Twilio's console, Trust Hub. After that, ask Twilio's support for more calls at once. Until then, have the teams"
    " make fewer at once: owners set how many on their Team page. Twilio's own count is in the console, Monitor, Insights. Each call takes two: the"
    " rep's line and the lead's (docs/carrier.md, section 9).\n\n"
    "The next such mail comes an hour later at the earliest.\n"
)


def note(*, now: datetime) -> None:
    """Has the operator told, once an hour."""
    _, is_first = LimitAlert.objects.get_or_create(defaults={"raised_at": now, "next_at": now})
    again = LimitAlert.objects.filter(raised_at__lte=now - TOLD_EVERY)
    # Of several workers, the one whose row it becomes.
    if is_first or again.update(raised_at=now, next_at=now, attempts=0, sent_at=None):
        logger.error("carrier's account is at its limit")


def send_limit_alerts(*, now: datetime) -> int:
    """Sends the mail of this alert; returns how many."""
    return send_alerts(LimitAlert.objects.all(), kind="carrier_limit", write=_write, now=now)


def _write(alert: LimitAlert) -> Written:
    return Written(_SUBJECT, _TEXT.format(at=f"{alert.raised_at:%Y-%m-%d %H:%M}"))
