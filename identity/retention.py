"""How what identity has kept for its term ends; the terms are those of the inventory that the data page shows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import F, QuerySet
from django.db.models.functions import Least

from compliance.models import PolicyMail
from compliance.retention import Rule, delete_rows
from identity.erasure import erase_user
from identity.models import (
    AccessEvent,
    AccountMail,
    ApiKey,
    Invitation,
    NumberKey,
    OtpAttempt,
    Session,
    StoppedNumber,
    User,
)
from identity.sessions import IDLE_FOR


def _ending_sessions() -> QuerySet[Session]:
    return Session.objects.annotate(ends_at=Least(F("expires_at"), F("last_used_at") + IDLE_FOR))


def _erase_unfinished(ids: Sequence[UUID], now: datetime) -> int:
    for user_id in ids:
        erase_user(user_id=user_id, now=now)
    return len(ids)


RETENTION: Final = (
    # One that still waits for its passcode, or that nobody uses, ends sooner.
    Rule("session", ("identity.Session",), _ending_sessions, "ends_at", delete_rows(Session), is_end=True),
    Rule("session", ("identity.NumberKey",), NumberKey.objects.all, "expires_at", delete_rows(NumberKey), is_end=True),
    Rule("otp_attempt", ("identity.OtpAttempt",), OtpAttempt.objects.all, "at", delete_rows(OtpAttempt)),
    Rule("access_event", ("identity.AccessEvent",), AccessEvent.objects.all, "at", delete_rows(AccessEvent)),
    Rule("account_mail", ("identity.AccountMail",), AccountMail.objects.all, "created_at", delete_rows(AccountMail)),
    Rule("account_mail", ("compliance.PolicyMail",), PolicyMail.objects.all, "created_at", delete_rows(PolicyMail)),
    # A key that has ended is still listed for its term, so that whoever wonders why a program stopped finds it.
    Rule(
        "api_key",
        ("identity.ApiKey",),
        lambda: ApiKey.objects.get_queryset(),
        "expires_at",
        delete_rows(ApiKey),
        workspace="workspace_id",
    ),
    Rule(
        "invitation",
        ("identity.Invitation",),
        lambda: Invitation.objects.get_queryset(),
        "created_at",
        delete_rows(Invitation),
        workspace="workspace_id",
    ),
    Rule(
        "suppression",
        ("identity.StoppedNumber",),
        StoppedNumber.objects.all,
        "stopped_at",
        delete_rows(StoppedNumber),
        is_renewed=True,
    ),
    Rule(
        "unfinished_sign_up",
        (),
        lambda: User.objects.filter(mobile_verified_at__isnull=True),
        "created_at",
        _erase_unfinished,
        at_once_max=500,
    ),
)
