"""Who is one of us: added, set up by a one-time link, reset, disabled. Each act stands in the audit log."""

import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, cast
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from compliance import audit
from compliance.audit import StaffAction
from identity import email_proof
from identity.access import Client
from identity.contact import parse_email
from identity.passwords import WeakPassword
from identity.staff import looks
from identity.staff.actor import StaffActor, staff_ref
from identity.staff.codes import digest, new_recovery_codes, new_secret, plain, step_of
from identity.staff.entrance import record
from identity.staff.models import RecoveryCode, StaffEvent, StaffMember, StaffSession
from identity.staff.permissions import StaffNotPermitted, StaffRole
from identity.staff.vault import secret_of
from processors.errors import DomainError

LINK_GOOD_FOR: Final = timedelta(hours=24)
# Who acts through the command on the server.
OPERATOR: Final = "operator"


class StaffExists(DomainError):
    """The e-mail belongs to one of us already."""

    code: ClassVar[str] = "staff_exists"


class StaffNotFound(DomainError):
    """None of us has this e-mail or id."""

    code: ClassVar[str] = "staff_not_found"


class StaffSelf(DomainError):
    """Nobody disables themselves, so that an admin is always left."""

    code: ClassVar[str] = "staff_self"


class EnrolmentInvalid(DomainError):
    """The link is not one of ours, was used, or is too old. Says nothing about which of these."""

    code: ClassVar[str] = "enrolment_invalid"


class EnrolmentCodeWrong(DomainError):
    """The code is not the one that the authenticator app shows for the secret of the link."""

    code: ClassVar[str] = "enrolment_code_wrong"


def add(*, email: str, first_name: str, role: StaffRole, now: datetime) -> str:
    """Returns what the one-time link carries. Raises EmailInvalid, StaffExists."""
    address = parse_email(email)
    with transaction.atomic():
        # The database's own constraint does not see a colleague whose row is under another LOOKUP_KEY.
        email_proof.line_up(address)
        member, is_new = StaffMember.objects.get_or_create(
            email=address,
            defaults={
                "first_name": first_name.strip()[:80],
                "role": role,
                "totp_secret": new_secret(),
                "created_at": now,
            },
        )
        if not is_new:
            raise StaffExists("One of you has this e-mail already. Reset that account, or use another e-mail.")
        _note(member, StaffEvent.ADDED, "staff.added", None, now, role=role)
        return _link(member, now)


def reset(*, email: str, now: datetime) -> str:
    """A new link for who has lost password or app, or comes back: all that opened the entrance before is gone.

    Returns what the link carries. Raises StaffNotFound.
    """
    with transaction.atomic():
        member = _locked(StaffMember.objects.filter(email=email.strip().lower()).values_list("id", flat=True).first())
        _shut_out(member, now)
        RecoveryCode.objects.filter(member=member).delete()
        member.password, member.totp_secret, member.totp_step = "", new_secret(), 0
        member.enrolled_at, member.disabled_at = None, None
        member.save(update_fields=["password", "totp_secret", "totp_step", "enrolled_at", "disabled_at"])
        _note(member, StaffEvent.RESET, "staff.reset", None, now)
        return _link(member, now)


def disable(*, member_id: UUID | None, by: StaffActor | None, now: datetime) -> None:
    """Ends every session and look of one of us, who does not come in again. A second time it changes nothing.

    Whoever disables is still one of us when it is done, so that of admins one is always left.
    by: None for the command on the server. Raises StaffNotPermitted, StaffSelf, StaffNotFound.
    """
    if by is not None:
        by.demand("manage_staff")
        if by.member_id == member_id:
            raise StaffSelf("You cannot disable yourself. Ask another admin.")
    with transaction.atomic():
        if by is not None:
            _demand_one_of_us(by, member_id)
        member = _locked(member_id)
        if member.disabled_at is not None:
            return
        _shut_out(member, now)
        # The secret has no use any more, and is not to hold back a key that is replaced.
        member.disabled_at, member.enrolment_digest, member.totp_secret = now, None, new_secret()
        member.save(update_fields=["disabled_at", "enrolment_digest", "totp_secret"])
        _note(member, StaffEvent.DISABLED, "staff.disabled", by, now)


def ref_of(email: str) -> str:
    """How the audit log names the one of us who acts through a command on the server. Raises StaffNotFound."""
    known = StaffMember.objects.filter(email=email.strip().lower(), disabled_at__isnull=True).first()
    if known is None:
        raise StaffNotFound("None of you who may come in has the e-mail that --by names. Check it.")
    return staff_ref(known.id)


def of_link(token: str, *, now: datetime) -> StaffMember:
    """Whom a one-time link is for. Raises EnrolmentInvalid."""
    member = StaffMember.objects.filter(
        enrolment_digest=digest(token), enrolment_until__gt=now, disabled_at__isnull=True
    ).first()
    if member is None:
        raise EnrolmentInvalid("This link was used already or is too old. Ask whoever sent it for a new one.")
    return member


def enrol(*, token: str, password: str, code: str, client: Client, now: datetime) -> list[str]:
    """Sets the password, proves that the app has the secret, and uses the link up. Returns the recovery codes, which are
    shown this once.

    Raises EnrolmentInvalid, WeakPassword, EnrolmentCodeWrong, SecretUnreadable; after the last three the link is still good.
    """
    with transaction.atomic():
        member = _locked(of_link(token, now=now).id)
        # Of two browsers with the link the second waited for the lock, and finds it used.
        if member.enrolment_digest != digest(token):
            raise EnrolmentInvalid("This link was used already. Ask whoever sent it for a new one.")
        try:
            validate_password(password, cast(Any, member))
        except ValidationError as error:
            raise WeakPassword(" ".join(error.messages)) from None
        step = step_of(secret=secret_of(member), code=plain(code), now=now)
        if step is None:
            raise EnrolmentCodeWrong("This is not the code that the app shows now. Scan the picture again, then try.")
        member.password, member.totp_step, member.enrolled_at = make_password(password), step, now
        member.enrolment_digest = None
        member.save(update_fields=["password", "totp_step", "enrolled_at", "enrolment_digest"])
        codes = new_recovery_codes()
        RecoveryCode.objects.bulk_create([RecoveryCode(member=member, digest=digest(each)) for each in codes])
        record(kind=StaffEvent.ENROLLED, client=client, now=now, member_id=member.id)
        _chain(member, "staff.enrolled", staff_ref(member.id), now)
    return codes


def _link(member: StaffMember, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    member.enrolment_digest, member.enrolment_until = digest(token), now + LINK_GOOD_FOR
    member.save(update_fields=["enrolment_digest", "enrolment_until"])
    return token


def _locked(member_id: UUID | None) -> StaffMember:
    """Raises StaffNotFound."""
    known = None if member_id is None else StaffMember.objects.select_for_update().filter(id=member_id).first()
    if known is None:
        raise StaffNotFound("None of you has this account. Reload the page.")
    return known


def _demand_one_of_us(by: StaffActor, member_id: UUID | None) -> None:
    """Locks both, in one order: of two who disable each other at the same moment the second finds out here that the first was
    quicker. Raises StaffNotPermitted.
    """
    both = StaffMember.objects.select_for_update().filter(id__in=[by.member_id, member_id]).order_by("id")
    if not any(each.id == by.member_id and each.disabled_at is None and each.role == by.role for each in both):
        raise StaffNotPermitted("You were disabled yourself just now. Ask another admin.")


def _shut_out(member: StaffMember, now: datetime) -> None:
    sessions = StaffSession.objects.filter(member=member)
    looks.end(session_ids=list(sessions.values_list("id", flat=True)), now=now)
    sessions.delete()


def _note(
    member: StaffMember, kind: str, action: StaffAction, by: StaffActor | None, now: datetime, **detail: str
) -> None:
    record(kind=kind, now=now, member_id=member.id, by_id=by.member_id if by else None)
    _chain(member, action, by.ref if by else OPERATOR, now, **detail)


def _chain(member: StaffMember, action: StaffAction, actor_ref: str, now: datetime, **detail: str) -> None:
    audit.record(
        workspace_id=None,
        actor_ref=actor_ref,
        action=action,
        target=staff_ref(member.id),
        detail=detail,
        now=now,
    )
