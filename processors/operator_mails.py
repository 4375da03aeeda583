"""Mails to the operator about what somebody has to see to: each is kept in a row until the mail server has taken it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import F, Model, Q, QuerySet

from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, next_try, send

Row = TypeVar("Row", bound=Model)
_HEADERS: Final = {"Auto-Submitted": "auto-generated"}


@dataclass(frozen=True, slots=True)
class Written:
    """What such a mail says."""

    subject: str
    text: str


def to_operator(written: Written, *, kind: str, row_id: UUID, attempt: int) -> bool:
    """Whether the mail server took it. kind: of `processors.mail.MAILS`."""
    return send(
        kind=kind,
        to=[settings.OPERATOR_EMAIL or settings.DEFAULT_FROM_EMAIL],
        subject=written.subject,
        text=written.text,
        row_id=row_id,
        attempt=attempt,
        headers=_HEADERS,
    )


def send_alerts(
    alerts: QuerySet[Row], *, kind: str, write: Callable[[Row], Written | None], now: datetime, sent: str = "sent_at"
) -> int:
    """Sends the mail of each alert whose turn it is; returns how many. A process that dies between sending and noting it sends twice.

    alerts: of rows with next_at, attempts, and by the name of `sent` when it was sent. write: None of what is nothing to tell any more.
    """
    waits = Q(next_at__lte=now, **{f"{sent}__isnull": True})
    number = 0
    for alert in list(alerts.filter(waits, attempts__lt=ATTEMPTS_MAX)[:AT_ONCE_MAX]):
        row: Any = alert
        mine = type(alert)._default_manager.filter(id=row.id)
        # Of several clocks, the one whose row it becomes.
        if not mine.filter(waits).update(next_at=next_try(now), attempts=F("attempts") + 1):
            continue
        written = write(alert)
        if written is None:
            mine.update(**{sent: now})
        elif to_operator(written, kind=kind, row_id=row.id, attempt=row.attempts + 1):
            mine.update(**{sent: now})
            number += 1
    return number
