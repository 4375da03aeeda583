"""What identity holds about people: found, exported, erased and verified."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance import case_personal_data as case_data
from compliance import sealing, tombstones
from compliance.sealing import Copy
from compliance.stores import Corrected, Listed, NotYet, Subject
from identity import erasure, ways_in
from identity.models import (
    AccessEvent,
    AccountMail,
    ApiKey,
    Invitation,
    Membership,
    NumberKey,
    OtpAttempt,
    Session,
    SocialIdentity,
    StoppedNumber,
    User,
    Workspace,
)
from identity.team_lock import lock_workspaces
from processors.pseudonyms import pseudonym

INVENTORY: Final[dict[str, str]] = {
    "identity.Workspace.id": "none",
    "identity.Workspace.name": "workspace",
    "identity.Workspace.created_at": "none",
    "identity.Workspace.erased_at": "none",
    "identity.Workspace.live_calls_max": "none",
    "identity.Workspace.monthly_cap_mcredits": "none",
    "identity.User.id": "account",
    "identity.User.password": "credentials",
    "identity.User.email": "account",
    "identity.User.email_key": "account",
    "identity.User.first_name": "account",
    "identity.User.last_name": "account",
    "identity.User.mobile_e164": "account",
    "identity.User.mobile_e164_key": "account",
    "identity.User.mobile_verified_at": "account",
    "identity.User.email_verified_at": "account",
    "identity.User.email_first_proved_at": "account",
    "identity.User.texts_stopped_at": "account",
    "identity.User.is_active": "account",
    "identity.User.blocked_at": "account",
    "identity.User.block_reason": "account",
    "identity.User.created_at": "account",
    "identity.SocialIdentity.id": "none",
    "identity.SocialIdentity.user": "social_identity",
    "identity.SocialIdentity.provider": "social_identity",
    "identity.SocialIdentity.subject": "social_identity",
    "identity.SocialIdentity.created_at": "social_identity",
    "identity.Membership.id": "none",
    "identity.Membership.workspace": "membership",
    "identity.Membership.user": "membership",
    "identity.Membership.role": "membership",
    "identity.Membership.created_at": "membership",
    "identity.Membership.entered_at": "membership",
    "identity.Membership.monthly_cap_mcredits": "membership",
    "identity.Invitation.id": "none",
    "identity.Invitation.workspace": "invitation",
    "identity.Invitation.email": "invitation",
    "identity.Invitation.email_key": "invitation",
    "identity.Invitation.role": "invitation",
    "identity.Invitation.invited_by": "invitation",
    "identity.Invitation.created_at": "invitation",
    "identity.Invitation.expires_at": "invitation",
    "identity.Invitation.next_at": "none",
    "identity.Invitation.attempts": "none",
    "identity.Invitation.sent_at": "invitation",
    "identity.Invitation.ended_at": "invitation",
    "identity.Session.id": "session",
    "identity.Session.key_digest": "session",
    "identity.Session.user": "session",
    "identity.Session.membership": "session",
    "identity.Session.phone_verified_at": "session",
    "identity.Session.proved_at": "session",
    "identity.Session.created_at": "session",
    "identity.Session.last_used_at": "session",
    "identity.Session.expires_at": "session",
    "identity.Session.address": "session",
    "identity.Session.agent": "session",
    "identity.Session.policy_version": "session",
    "identity.Session.data": "session",
    "identity.ApiKey.id": "none",
    "identity.ApiKey.workspace": "api_key",
    "identity.ApiKey.membership": "api_key",
    "identity.ApiKey.name": "api_key",
    "identity.ApiKey.key_digest": "credentials",
    "identity.ApiKey.hint": "api_key",
    "identity.ApiKey.scopes": "api_key",
    "identity.ApiKey.created_at": "api_key",
    "identity.ApiKey.expires_at": "api_key",
    "identity.ApiKey.end_told_at": "api_key",
    "identity.ApiKey.last_used_at": "api_key",
    "identity.AccessEvent.id": "none",
    "identity.AccessEvent.at": "access_event",
    "identity.AccessEvent.kind": "access_event",
    "identity.AccessEvent.user": "access_event",
    "identity.AccessEvent.account_key": "access_event",
    "identity.AccessEvent.address": "access_event",
    "identity.AccessEvent.network": "access_event",
    "identity.AccessEvent.agent": "access_event",
    "identity.AccessEvent.device_key": "access_event",
    "identity.NumberKey.id": "none",
    "identity.NumberKey.kind": "session",
    "identity.NumberKey.key_digest": "session",
    "identity.NumberKey.phone_e164": "session",
    "identity.NumberKey.phone_e164_key": "session",
    "identity.NumberKey.created_at": "session",
    "identity.NumberKey.expires_at": "session",
    "identity.StoppedNumber.id": "none",
    "identity.StoppedNumber.number_key": "suppression",
    "identity.StoppedNumber.stopped_at": "suppression",
    "identity.StoppedNumber.unfinished_way": "suppression",
    "identity.OtpAttempt.id": "none",
    "identity.OtpAttempt.at": "otp_attempt",
    "identity.OtpAttempt.purpose": "otp_attempt",
    "identity.OtpAttempt.outcome": "otp_attempt",
    "identity.OtpAttempt.user": "otp_attempt",
    "identity.OtpAttempt.number_key": "otp_attempt",
    "identity.OtpAttempt.prefix_key": "otp_attempt",
    "identity.OtpAttempt.price_micro": "none",
    "identity.OtpAttempt.network": "otp_attempt",
    "identity.OtpAttempt.verification_sid": "otp_attempt",
    "identity.PasscodeAlert.id": "none",
    "identity.PasscodeAlert.kind": "none",
    "identity.PasscodeAlert.raised_at": "none",
    "identity.PasscodeAlert.next_at": "none",
    "identity.PasscodeAlert.attempts": "none",
    "identity.PasscodeAlert.sent_at": "none",
    "identity.AccountMail.id": "none",
    "identity.AccountMail.kind": "account_mail",
    "identity.AccountMail.email": "account_mail",
    "identity.AccountMail.email_key": "account_mail",
    "identity.AccountMail.user": "account_mail",
    "identity.AccountMail.created_at": "account_mail",
    "identity.AccountMail.next_at": "none",
    "identity.AccountMail.attempts": "none",
    "identity.AccountMail.sent_at": "account_mail",
    "identity.AccountMail.used_at": "account_mail",
}


def subject_of(user_id: UUID) -> Subject:
    """The person as the subject of a request. Workspaces that others are in too do not end with the person.

    What stands under an e-mail address alone belongs to who has proved it, now or before a change of the number. Whoever signs up with
    somebody else's address neither reads nor erases what was sent there. Raises User.DoesNotExist.
    """
    user = User.objects.get(id=user_id)
    workspace_ids = tuple(
        Membership.objects.filter(user=user).order_by("workspace_id").values_list("workspace_id", flat=True)
    )
    others = Membership.objects.filter(workspace_id__in=workspace_ids).exclude(user=user)
    # Who is being erased as well keeps no workspace: two who are erased at once would each leave it to the other.
    shared = {
        workspace_id
        for workspace_id, other_id in others.values_list("workspace_id", "user_id")
        if not tombstones.is_erased("user", other_id)
    }
    return Subject(
        kind="user",
        user_id=user.id,
        workspace_ids=workspace_ids,
        workspace_ids_to_erase=tuple(each for each in workspace_ids if each not in shared),
        email=user.email if user.email_first_proved_at else "",
        phone_e164=user.mobile_e164,
        contact=user.email,
    )


def subject_anew(subject: Subject) -> Subject:
    """As `compliance.stores.subject_anew` says. Who has no account, or none any more, stays as before."""
    if subject.user_id is None:
        return subject
    lock_workspaces(Membership.objects.filter(user_id=subject.user_id).values_list("workspace_id", flat=True))
    try:
        return subject_of(subject.user_id)
    except User.DoesNotExist:
        return subject


class IdentityStore:
    """The account itself, what it may do, and the traces of its use."""

    name = "identity"

    def stop(self, subject: Subject, *, now: datetime) -> None:
        if subject.user_id is not None:
            erasure.end_access(user_id=subject.user_id)
            # Here too, so that the erasure ledger knows of it before anything goes.
            ways_in.bury(user_id=subject.user_id, now=now)

    def find(self, subject: Subject) -> dict[str, int]:
        counts = {element: rows.count() for element, rows in _held(subject).items()}
        return {element: count for element, count in counts.items() if count}

    def held_copies(self, subject: Subject) -> Iterable[Copy]:
        if subject.user_id is None:
            return
        rows = User.objects.filter(id=subject.user_id).filter(id__in=sealing.held("account"))
        for row in rows:
            content = _shown(("id", *_EXPORTED["account"]), row)
            yield Copy("account", row.id, content, (("account", row.id),))

    def listed(self, subject: Subject) -> dict[str, list[Listed]]:
        exported = _EXPORTED_OF_NUMBERS if subject.kind == "callee" else _EXPORTED
        held = {element: [Listed(rows, partial(_shown, exported[element]))] for element, rows in _held(subject).items()}
        if subject.kind == "callee":
            # It outlives every erasure, so it is not among what is found and erased.
            stopped = StoppedNumber.objects.filter(number_key=pseudonym("phone", subject.phone_e164))
            held["suppression"] = [Listed(stopped, _stopped_shown)]
        return held

    def export(self, subject: Subject) -> dict[str, Any]:
        return {
            element: [part.shown(row) for part in parts for row in part.rows.order_by("id")]
            for element, parts in self.listed(subject).items()
            if any(part.rows.exists() for part in parts)
        }

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        found = self.find(subject)
        with transaction.atomic():
            if set(subject_anew(subject).workspace_ids_to_erase) - set(subject.workspace_ids_to_erase):
                raise NotYet("The last colleague has just left: the workspace ends with the person after all.")
            if subject.user_id is not None:
                ways_in.bury(user_id=subject.user_id, now=now)
                erasure.erase_user(user_id=subject.user_id, email=subject.email, now=now)
            for workspace_id in subject.workspace_ids_to_erase:
                erasure.erase_workspace(workspace_id=workspace_id, now=now)
            if subject.kind == "callee":
                erasure.erase_number(phone_e164=subject.phone_e164)
        return found

    def follow(self, corrected: Corrected, *, now: datetime) -> None:
        user = _corrected(corrected)
        if user is not None and (old := corrected.old.get("email")) and old != user.email:
            case_data.readdress(user_id=user.id, old=old, new=user.email)

    def left_of(self, corrected: Corrected) -> int:
        """Names and numbers are copied nowhere. What an account mailed to its old address, and by which it is taken back, stays
        for its term."""
        user = _corrected(corrected)
        if user is None or (old := corrected.old.get("email")) is None or old == user.email:
            return 0
        return case_data.addressed_to(user_id=user.id, old=old)

    def verify(self, subject: Subject) -> int:
        return sum(self.find(subject).values())


STORE: Final = IdentityStore()

# The password's hash is not given out: it opens the account to whoever breaks it.
_EXPORTED: Final[Mapping[str, tuple[str, ...]]] = {
    "account": (
        "email",
        "first_name",
        "last_name",
        "mobile_e164",
        "mobile_verified_at",
        "email_verified_at",
        "email_first_proved_at",
        "blocked_at",
        "block_reason",
        "created_at",
    ),
    "social_identity": ("provider", "subject", "created_at"),
    "membership": ("workspace_id", "role", "created_at", "entered_at"),
    "invitation": ("workspace_id", "email", "role", "created_at", "expires_at", "sent_at", "ended_at"),
    "workspace": ("id", "name", "created_at"),
    "api_key": ("workspace_id", "name", "hint", "scopes", "created_at", "expires_at", "last_used_at"),
    "session": ("created_at", "last_used_at", "expires_at", "address", "agent"),
    "access_event": ("at", "kind", "address", "agent"),
    "otp_attempt": ("at", "purpose", "outcome"),
    "account_mail": ("kind", "email", "created_at", "sent_at", "used_at"),
}
_EXPORTED_OF_NUMBERS: Final[Mapping[str, tuple[str, ...]]] = {
    "session": ("kind", "created_at", "expires_at"),
    "otp_attempt": ("at", "purpose", "outcome"),
}


def _corrected(corrected: Corrected) -> User | None:
    return User.objects.filter(id=corrected.target_id).first() if corrected.kind == "account" else None


def _held(subject: Subject) -> dict[str, QuerySet[Any]]:
    """The subject's rows by element; of people who were only called what they opened with their number."""
    if subject.kind == "callee":
        attempts = OtpAttempt.objects.filter(number_key=pseudonym("phone", subject.phone_e164), user__isnull=True)
        return {
            "session": NumberKey.objects.filter(phone_e164=subject.phone_e164),
            # Without a network they lead to nobody any more.
            "otp_attempt": attempts.exclude(network=""),
        }
    if subject.user_id is None:
        return {}
    own = Q(user_id=subject.user_id)
    account = Q(id=subject.user_id)
    access = own
    mails = own
    if subject.email:
        mails |= Q(email=subject.email)
        account |= Q(email=subject.email, mobile_verified_at__isnull=True)
        access |= Q(account_key=pseudonym("email", subject.email))
    return {
        "account": User.objects.filter(account),
        "social_identity": SocialIdentity.objects.filter(own),
        "membership": Membership.objects.filter(own),
        "workspace": Workspace.objects.filter(id__in=subject.workspace_ids_to_erase, erased_at__isnull=True),
        "api_key": ApiKey.objects.get_queryset().filter(membership__user_id=subject.user_id),
        "session": Session.objects.filter(own),
        "access_event": AccessEvent.objects.filter(access),
        "otp_attempt": OtpAttempt.objects.filter(own),
        "account_mail": AccountMail.objects.filter(mails),
        "invitation": Invitation.objects.get_queryset().filter(~Q(email=""), email=subject.email),
    }


def _shown(names: Sequence[str], row: Any) -> dict[str, Any]:
    return {name: _readable(getattr(row, name)) for name in names}


def _stopped_shown(row: StoppedNumber) -> dict[str, Any]:
    return {"what": "text messages", "stopped_at": _readable(row.stopped_at)}


def _readable(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | str) else str(value)
