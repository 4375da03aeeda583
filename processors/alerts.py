"""Tells the operator of attempts to send something that the register does not allow, and of secrets that somebody guesses."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Q

from processors.guessing import KINDS
from processors.mail import send
from processors.models import BlockedEgress, Guesses

# However many attempts there are, the operator gets no more than one mail in this time.
PAUSE: Final = timedelta(hours=1)
ROWS_AT_ONCE_MAX: Final = 5_000
LINES_MAX: Final = 50
_WHAT: Final[dict[str, str]] = {kind: each.what for kind, each in KINDS.items()}
_GUESSED: Final = (
    "\n\nThe refusals stand among the traces of access, with the address that each came from. Keep a network that goes on out at the"
    " server's firewall. The next such mail comes an hour later at the earliest.\n"
)


def tell_of_blocked_egress(*, now: datetime) -> int:
    """Writes one mail about everything that was refused since the last one; returns how many attempts it tells of.

    What the mail server does not take is tried again in the next round. Without OPERATOR_EMAIL the log alone tells; see
    processors/blocked.py. Two clocks may both write, which is better than none.
    """
    if not settings.OPERATOR_EMAIL or BlockedEgress.objects.filter(told_at__gt=now - PAUSE).exists():
        return 0
    rows = list(BlockedEgress.objects.filter(told_at__isnull=True).order_by("at")[:ROWS_AT_ONCE_MAX])
    if not rows:
        return 0
    subject = (
        f"{len(rows)} attempts to send data elsewhere were blocked"
        if len(rows) > 1
        else "An attempt to send data elsewhere was blocked"
    )
    if not send(
        kind="egress_blocked",
        to=[settings.OPERATOR_EMAIL],
        subject=subject,
        text=_text(rows),
        row_id=rows[0].id,
        attempt=1,
    ):
        return 0
    return BlockedEgress.objects.filter(id__in=[row.id for row in rows]).update(told_at=now)


def tell_of_guessing(*, now: datetime) -> int:
    """Writes one mail about everything that was guessed too often since the last one; returns of how many hours and networks it
    tells. It names neither who guessed nor whom it concerns. Otherwise as `tell_of_blocked_egress`."""
    if not settings.OPERATOR_EMAIL or Guesses.objects.filter(told_at__gt=now - PAUSE).exists():
        return 0
    too_many = Q(pk__in=[])
    for kind, each in KINDS.items():
        too_many |= Q(kind=kind, count__gte=each.told_from)
    rows = list(Guesses.objects.filter(too_many, told_at__isnull=True).order_by("hour", "id")[:LINES_MAX])
    if not rows:
        return 0
    lines = [f"{row.count} x {_WHAT[row.kind]}, in the hour from {row.hour:%Y-%m-%d %H:%M} UTC" for row in rows]
    if not send(
        kind="somebody_guesses",
        to=[settings.OPERATOR_EMAIL],
        subject="Somebody guesses or forges",
        text="All of it was refused, and nothing was told. Each line is one network:\n\n" + "\n".join(lines) + _GUESSED,
        row_id=rows[0].id,
        attempt=1,
    ):
        return 0
    return Guesses.objects.filter(id__in=[row.id for row in rows]).update(told_at=now)


def _text(rows: list[BlockedEgress]) -> str:
    """Names of hosts, endpoints and fields; never a value that was to be sent."""
    found = Counter((row.host, row.port, row.processor, row.endpoint, row.reason, row.field) for row in rows)
    lines = [
        f"{count} x {host}{f':{port}' if port else ''} {reason}"
        + "".join(f" {name}={value}" for name, value in (("to", to), ("endpoint", endpoint), ("field", field)) if value)
        for (host, port, to, endpoint, reason, field), count in found.most_common(LINES_MAX)
    ]
    more = f"\nand {len(found) - LINES_MAX} kinds more" if len(found) > LINES_MAX else ""
    return (
        "Nothing was sent. What was tried is not in the register of recipients (processors/register.py):\n\n"
        + "\n".join(lines)
        + more
        + f"\n\nFrom {rows[0].at:%Y-%m-%d %H:%M} to {rows[-1].at:%Y-%m-%d %H:%M} UTC. Find out which code tried it; if nobody"
        " meant to, look for what was changed on the machine. The next such mail comes an hour later at the earliest.\n"
    )
