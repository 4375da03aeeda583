"""Tells the operator when so many passcodes left in a day, or such dear ones, that no more do: somebody makes us pay for text messages, or there are more
people than was thought of."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from identity import passcode_ceilings
from identity.models import PasscodeAlert
from identity.passcode_ceilings import Ceiling
from processors.operator_mails import Written, send_alerts

logger = logging.getLogger(__name__)

# However long a ceiling is reached, one mail in this time.
TOLD_EVERY: Final = timedelta(days=1)
_SETTINGS: Final[Mapping[Ceiling, str]] = {
    "new": "OTP_SENDS_PER_DAY_MAX",
    "all": "OTP_ALL_SENDS_PER_DAY_MAX",
    "new_cost": "OTP_SPEND_PER_DAY_MAX",
    "all_cost": "OTP_ALL_SPEND_PER_DAY_MAX",
}
_NEW: Final = "Nobody can sign up or change a number; whoever has proved one signs in as before."
_ALL: Final = "Nobody can sign in, unless a passcode is on the way already."
_SUBJECT: Final = "Passcodes stopped: {reached} in 24 hours"
_TEXT: Final = (
    "{who}\n\n"
    "{sends} passcodes were asked for in the 24 hours before {at} UTC, for {cost} by OTP_PRICES, and {setting} allows {most}. They begin"
    " again by themselves as the hours pass.\n\n"
    "Look into the usage of Verify in Twilio's console: many messages to one country or one block of numbers, and few codes that were"
    " typed in, mean that somebody lives on them. Take the country out of OTP_COUNTRIES then. If it is people, set {setting} higher"
    " and restart.\n"
)


def raise_passcode_alerts(*, now: datetime) -> int:
    """Has the operator told of each ceiling that is reached, once in 24 hours; returns of how many."""
    of_day, most = passcode_ceilings.day(now=now), passcode_ceilings.ceilings()
    raised = 0
    for kind in passcode_ceilings.reached(of_day):
        _, is_first = PasscodeAlert.objects.get_or_create(kind=kind, defaults={"raised_at": now, "next_at": now})
        again = PasscodeAlert.objects.filter(kind=kind, raised_at__lte=now - TOLD_EVERY)
        # Of several clocks, the one whose row it becomes.
        if is_first or again.update(raised_at=now, next_at=now, attempts=0, sent_at=None):
            logger.error("passcodes stopped for today", extra={"kind": kind, "count": most[kind]})
            raised += 1
    return raised


def send_passcode_alerts(*, now: datetime) -> int:
    """Sends the mails of these alerts; returns how many."""
    return send_alerts(PasscodeAlert.objects.all(), kind="passcodes_stopped", write=_write, now=now)


def _write(alert: PasscodeAlert) -> Written:
    places = _said(alert)
    return Written(_SUBJECT.format(**places), _TEXT.format(**places))


def _said(alert: PasscodeAlert) -> dict[str, object]:
    kind = next(kind for kind in _SETTINGS if kind == alert.kind)
    most, of_day = passcode_ceilings.ceilings()[kind], passcode_ceilings.day(now=alert.raised_at)
    is_cost = kind in ("new_cost", "all_cost")
    return {
        "who": _NEW if kind in ("new", "new_cost") else _ALL,
        "reached": f"text messages for {_money(most)}" if is_cost else f"{most} text messages",
        "sends": of_day.sends,
        "cost": _money(of_day.cost_micro),
        "setting": _SETTINGS[kind],
        "most": _money(most) if is_cost else most,
        "at": f"{alert.raised_at:%Y-%m-%d %H:%M}",
    }


def _money(micro: int) -> str:
    """Without the currency, which is that of Twilio's bills."""
    return f"{micro / 1_000_000:.2f}"
