"""Tells the operator when so many passcodes left in a day that no more do: somebody makes us pay for text messages, or there are more
people than was thought of."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import F

from identity import otp
from identity.models import PasscodeAlert
from identity.otp import Ceiling
from processors.mail import ATTEMPTS_MAX, CLAIM, send

logger = logging.getLogger(__name__)

# However long a ceiling is reached, one mail in this time.
TOLD_EVERY: Final = timedelta(days=1)
_SETTINGS: Final[Mapping[Ceiling, str]] = {"new": "OTP_SENDS_PER_DAY_MAX", "all": "OTP_ALL_SENDS_PER_DAY_MAX"}
_WHO: Final[Mapping[Ceiling, str]] = {
    "new": "Nobody can sign up or change a number; whoever has proved one signs in as before.",
    "all": "Nobody can sign in, unless a passcode is on the way already.",
}
_SUBJECT: Final = "Passcodes stopped: {most} text messages in 24 hours"
_TEXT: Final = (
    "{who}\n\n"
    "{most} passcodes were asked for in the 24 hours before {at} UTC, which is what {setting} allows. They begin again by themselves as"
    " the hours pass.\n\n"
    "Look into the usage of Verify in Twilio's console: many messages to one country or one block of numbers, and few codes that were"
    " typed in, mean that somebody lives on them. Take the country out of OTP_COUNTRIES then. If it is people, set {setting} higher"
    " and restart.\n"
)


def raise_passcode_alerts(*, now: datetime) -> int:
    """Has the operator told of each ceiling that is reached, once in 24 hours; returns of how many."""
    of_day = otp.sends_of_day(now=now)
    raised = 0
    for kind, most in otp.sends_per_day_max().items():
        if of_day < most:
            continue
        _, is_first = PasscodeAlert.objects.get_or_create(kind=kind, defaults={"raised_at": now, "next_at": now})
        again = PasscodeAlert.objects.filter(kind=kind, raised_at__lte=now - TOLD_EVERY)
        # Of several clocks, the one whose row it becomes.
        if is_first or again.update(raised_at=now, next_at=now, attempts=0, sent_at=None):
            logger.error("passcodes stopped for today", extra={"kind": kind, "count": most})
            raised += 1
    return raised


def send_passcode_alerts(*, now: datetime) -> int:
    """Sends the mails of these alerts; returns how many. A process that dies between sending and noting it sends twice."""
    due = PasscodeAlert.objects.filter(sent_at__isnull=True, next_at__lte=now, attempts__lt=ATTEMPTS_MAX)
    sent = 0
    for alert in list(due):
        mine = PasscodeAlert.objects.filter(id=alert.id, sent_at__isnull=True, next_at__lte=now)
        if not mine.update(next_at=now + CLAIM, attempts=F("attempts") + 1):
            continue
        kind: Ceiling = "new" if alert.kind == "new" else "all"
        places = {
            "who": _WHO[kind],
            "setting": _SETTINGS[kind],
            "most": otp.sends_per_day_max()[kind],
            "at": f"{alert.raised_at:%Y-%m-%d %H:%M}",
        }
        if send(
            kind="passcodes_stopped",
            to=[settings.OPERATOR_EMAIL or settings.DEFAULT_FROM_EMAIL],
            subject=_SUBJECT.format(**places),
            text=_TEXT.format(**places),
            row_id=alert.id,
            attempt=alert.attempts + 1,
            headers={"Auto-Submitted": "auto-generated"},
        ):
            PasscodeAlert.objects.filter(id=alert.id).update(sent_at=now)
            sent += 1
    return sent
