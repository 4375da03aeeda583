"""Erasing people and workspaces from identity. Each step may be repeated: what is gone already stays gone."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Case, IntegerField, Q, Value, When

from compliance.personal_data import STORE as consents
from compliance.stores import Subject
from identity.models import (
    AccessEvent,
    AccountMail,
    Invitation,
    Membership,
    NumberKey,
    OtpAttempt,
    Session,
    User,
    Workspace,
)
from identity.social import address_keys
from identity.team_lock import lock_workspaces
from processors.pseudonyms import pseudonym
from realtime.publish import close_sockets_on_commit


def end_access(*, user_id: UUID) -> None:
    """Ends all sessions and sockets of the person and lets nobody sign in to the account any more."""
    with transaction.atomic():
        # Where a workspace has caps, whoever places a call locks it too: the call is there before this, or refused after it. Elsewhere it
        # is refused when it is submitted.
        lock_workspaces(Membership.objects.filter(user_id=user_id).values_list("workspace_id", flat=True))
        # Nobody who takes a block back lets the person in again.
        User.objects.filter(id=user_id).update(is_active=False, blocked_at=None, block_reason="")
        Session.objects.filter(user_id=user_id).delete()
        close_sockets_on_commit(user_id=user_id)


def erase_user(*, user_id: UUID, now: datetime, email: str = "") -> None:
    """Erases the person, the workspaces that nobody else is in, and unfinished sign-ups with the same e-mail.

    email: proved, of a finished account, for what no id leads to; not needed while the account is still there.
    Traces of access stay for their term as events of nobody from nowhere; passcode attempts keep the keyed hash
    of the number, so that erasing an account does not reset the limits.
    """
    with transaction.atomic():
        # Workspaces before people, as everybody locks them.
        lock_workspaces(Membership.objects.filter(user_id=user_id).values_list("workspace_id", flat=True))
        user = User.objects.select_for_update().filter(id=user_id).first()
        if user is not None:
            # Only a finished account that has proved its e-mail has a claim to what carries nothing else: anybody can sign up with a
            # stranger's.
            email = user.email if user.mobile_verified_at and user.email_first_proved_at else ""
        same_person = Q(id=user_id)
        traces = Q(user_id=user_id)
        if email:
            same_person |= Q(email=email, mobile_verified_at__isnull=True)
            traces |= Q(account_key=pseudonym("email", email))
        ids = list(User.objects.filter(same_person).values_list("id", flat=True))
        for workspace_id in Membership.objects.filter(user_id__in=ids).values_list("workspace_id", flat=True):
            _leave(workspace_id=workspace_id, leaving=ids, now=now)
        mails = Q(user_id__in=ids)
        if email:
            mails |= Q(email=email)
            Invitation.objects.get_queryset().filter(email=email).delete()
            # A browser in which somebody was about to sign up with what a provider told.
            Session.objects.filter(user=None, data__social_sign_up__email_key__in=address_keys(email)).delete()
        AccountMail.objects.filter(mails).delete()
        Invitation.objects.get_queryset().filter(invited_by_id__in=ids, ended_at__isnull=True).update(ended_at=now)
        traces |= Q(user_id__in=ids)
        AccessEvent.objects.filter(traces).update(
            user=None, account_key="", address=None, network="", agent="", device_key=""
        )
        OtpAttempt.objects.filter(user_id__in=ids).update(user=None, network="")
        for each in ids:
            consents.erase(Subject(kind="user", user_id=each), now=now)
            close_sockets_on_commit(user_id=each)
        User.objects.filter(id__in=ids).delete()


def erase_number(*, phone_e164: str) -> None:
    """Ends what somebody without an account has opened with a number. Passcode attempts keep its keyed hash, so that erasing
    does not reset the limits."""
    NumberKey.objects.filter(phone_e164=phone_e164).delete()
    attempts = OtpAttempt.objects.filter(number_key=pseudonym("phone", phone_e164), user__isnull=True)
    attempts.exclude(network="").update(network="")


def erase_workspace(*, workspace_id: UUID, now: datetime) -> None:
    """Ends all memberships with their sessions and blanks the name."""
    with transaction.atomic():
        lock_workspaces([workspace_id])
        members = Membership.objects.for_workspace(workspace_id)
        for user_id in members.values_list("user_id", flat=True):
            close_sockets_on_commit(user_id=user_id)
        members.delete()
        Invitation.objects.for_workspace(workspace_id).delete()
        Workspace.objects.filter(id=workspace_id, erased_at__isnull=True).update(name="", erased_at=now)


def _leave(*, workspace_id: UUID, leaving: list[UUID], now: datetime) -> None:
    """A workspace that others are in goes on: its longest-serving manager, or else member, becomes the owner."""
    lock_workspaces([workspace_id])
    members = Membership.objects.for_workspace(workspace_id)
    managers_first = Case(When(role=Membership.MANAGER, then=Value(0)), default=Value(1), output_field=IntegerField())
    heir = members.exclude(user_id__in=leaving).order_by("-user__is_active", managers_first, "created_at").first()
    if heir is None:
        erase_workspace(workspace_id=workspace_id, now=now)
        return
    ended, _ = members.filter(user_id__in=leaving, role=Membership.OWNER).delete()
    if ended:
        Membership.objects.filter(id=heir.id).update(role=Membership.OWNER, monthly_cap_mcredits=None)
        # The heir's open pages hold the rights of the old role.
        close_sockets_on_commit(user_id=heir.user_id)
