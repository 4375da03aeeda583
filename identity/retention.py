"""Removing what identity has kept for its term; the terms are those of the inventory that the data page shows."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from compliance.elements import ELEMENTS
from identity.erasure import erase_unfinished_sign_ups
from identity.models import AccessEvent, AccountMail, ApiKey, Invitation, OtpAttempt, Session
from identity.sessions import is_open

ROWS_AT_ONCE_MAX: Final = 2_000
# A key that has ended is still listed for so long, so that whoever wonders why a program stopped finds it.
KEYS_SHOWN_ENDED: Final = timedelta(days=30)


def expire(*, now: datetime) -> int:
    """Removes a bounded number of rows that are over their term, and returns how many; the next round goes on."""
    removed = _remove(Session.objects.exclude(is_open(now)))
    removed += _remove(OtpAttempt.objects.filter(at__lte=now - _term("otp_attempt")))
    removed += _remove(ApiKey.objects.get_queryset().filter(expires_at__lte=now - KEYS_SHOWN_ENDED))
    removed += _remove(AccessEvent.objects.filter(at__lte=now - _term("access_event")))
    removed += _remove(AccountMail.objects.filter(created_at__lte=now - _term("account_mail")))
    removed += _remove(Invitation.objects.get_queryset().filter(created_at__lte=now - _term("invitation")))
    return removed + erase_unfinished_sign_ups(now=now)


def _term(element: str) -> timedelta:
    return timedelta(days=ELEMENTS[element].retention_days or 0)


def _remove(
    rows: QuerySet[Session]
    | QuerySet[OtpAttempt]
    | QuerySet[AccessEvent]
    | QuerySet[AccountMail]
    | QuerySet[ApiKey]
    | QuerySet[Invitation],
) -> int:
    some = list(rows.values_list("id", flat=True)[:ROWS_AT_ONCE_MAX])
    deleted, _ = rows.model._base_manager.filter(id__in=some).delete()
    return deleted
