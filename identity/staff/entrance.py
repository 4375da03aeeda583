"""Signing in and out at the entrance of our own people: e-mail, password and code at once.

One refusal for all three, so that nobody learns which of them was right, and who has no account here is answered alike.
"""

import secrets
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.db.models import Q

from identity import devices
from identity.access import (
    FAILURES_PER_ACCOUNT_ANYWHERE_MAX,
    FAILURES_PER_ACCOUNT_MAX,
    FAILURES_PER_NETWORK_MAX,
    FAILURES_WINDOW,
    Client,
    SignInThrottled,
)
from identity.staff import looks
from identity.staff.actor import SIGNED_IN_FOR, StaffActor
from identity.staff.codes import digest, plain, step_of
from identity.staff.models import RecoveryCode, StaffEvent, StaffMember, StaffSession
from identity.staff.vault import secret_of
from processors.errors import DomainError
from processors.pseudonyms import pseudonym


class StaffSignInFailed(DomainError):
    """E-mail, password and code do not belong together, or the code was used before; says nothing about which."""

    code: ClassVar[str] = "staff_sign_in_failed"


def sign_in(
    *, email: str, password: str, code: str, client: Client, now: datetime, present_key: str | None = None
) -> str:
    """Opens a session and returns its key, which only the cookie ever holds. present_key: of the session that the browser
    has so far, which ends.

    One password hash is computed whether or not the account exists. Raises SignInThrottled, StaffSignInFailed,
    SecretUnreadable.
    """
    email = email.strip().lower()
    # Written before anything is looked at: parallel guesses see one another.
    attempt = record(kind=StaffEvent.SIGN_IN_FAILED, client=client, now=now, email=email)
    _refuse_guessing(attempt, now)
    failed = StaffSignInFailed("E-mail, password and code do not fit together. Check them, and wait for a new code.")
    member = StaffMember.objects.filter(email=email, disabled_at__isnull=True, enrolled_at__isnull=False).first()
    if member is None:
        make_password(password)
        raise failed
    if not check_password(password, member.password):
        raise failed
    key = secrets.token_urlsafe(32)
    with transaction.atomic():
        # Whoever disables or resets the account waits until this is over, or is seen here.
        unchanged = StaffMember.objects.select_for_update().filter(
            id=member.id, password=member.password, disabled_at__isnull=True
        )
        kind = _accepted(member, code, now) if unchanged.exists() else None
        if kind is None:
            raise failed
        _end_present(present_key, now)
        StaffMember.objects.filter(id=member.id).update(last_used_at=now)
        StaffEvent.objects.filter(id=attempt.id).update(kind=kind, member=member)
        StaffSession.objects.create(
            key_digest=digest(key),
            member=member,
            created_at=now,
            last_used_at=now,
            expires_at=now + SIGNED_IN_FOR,
            address=client.address,
            agent=client.agent,
        )
    return key


def sign_out(*, actor: StaffActor, client: Client, now: datetime) -> None:
    """Ends the session, and the look that lives in it."""
    with transaction.atomic():
        looks.end(session_ids=[actor.session_id], now=now)
        StaffSession.objects.filter(id=actor.session_id).delete()
        record(kind=StaffEvent.SIGN_OUT, client=client, now=now, member_id=actor.member_id)


def _end_present(key: str | None, now: datetime) -> None:
    ids = list(StaffSession.objects.filter(key_digest=digest(key or "")).values_list("id", flat=True))
    looks.end(session_ids=ids, now=now)
    StaffSession.objects.filter(id__in=ids).delete()


def record(
    *,
    kind: str,
    now: datetime,
    client: Client | None = None,
    member_id: UUID | None = None,
    by_id: UUID | None = None,
    email: str = "",
) -> StaffEvent:
    return StaffEvent.objects.create(
        at=now,
        kind=kind,
        member_id=member_id,
        by_id=by_id,
        account_key=pseudonym("email", email) if email else "",
        device_key=devices.key_of(shown=client.device, email=browsers_name(email)) if client and email else "",
        address=client.address if client else None,
        network=client.network if client else "",
        agent=client.agent if client else "",
    )


def _accepted(member: StaffMember, code: str, now: datetime) -> str | None:
    """Uses the code up and says how the event is called; None for a wrong one and for one that was used before."""
    typed = plain(code)
    if typed.isdigit():
        step = step_of(secret=secret_of(member), code=typed, now=now)
        if step is None:
            return None
        newer = StaffMember.objects.filter(id=member.id, totp_step__lt=step)
        return StaffEvent.SIGN_IN if newer.update(totp_step=step) else None
    unused = RecoveryCode.objects.filter(member=member, digest=digest(typed), used_at__isnull=True)
    return StaffEvent.RECOVERY_CODE_USED if unused.update(used_at=now) else None


def browsers_name(email: str) -> str:
    """Under what a browser is known to the account (identity.devices): no customer's browser is, whoever has the same address."""
    return f"staff:{email}"


def _refuse_guessing(attempt: StaffEvent, now: datetime) -> None:
    """Raises SignInThrottled. A refused attempt does not prolong the refusal. Browsers in which the account came in before count
    apart, so that no stranger keeps out whoever answers rights requests.
    """
    failures = StaffEvent.objects.filter(kind=StaffEvent.SIGN_IN_FAILED, at__gt=now - FAILURES_WINDOW)
    of_all = failures.filter(account_key=attempt.account_key)
    too_many = of_all.filter(device_key=attempt.device_key).count() > FAILURES_PER_ACCOUNT_MAX
    if attempt.device_key:
        too_many |= of_all.exclude(device_key="").count() > FAILURES_PER_ACCOUNT_ANYWHERE_MAX
    else:
        too_many |= failures.filter(~Q(network=""), network=attempt.network).count() > FAILURES_PER_NETWORK_MAX
    if too_many:
        StaffEvent.objects.filter(id=attempt.id).update(kind=StaffEvent.SIGN_IN_REFUSED)
        raise SignInThrottled(
            "Too many attempts to sign in. Wait 15 minutes, then try again, or use the browser in which you came in last."
        )
