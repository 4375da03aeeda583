"""Erasing people and workspaces from identity. Each step may be repeated: what is gone already stays gone."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from identity.models import AccessEvent, Membership, OtpAttempt, User, Workspace
from processors.pseudonyms import pseudonym
from realtime.publish import close_sockets_on_commit

UNFINISHED_KEPT_FOR: Final = timedelta(days=1)
UNFINISHED_ERASED_AT_ONCE_MAX: Final = 500


def erase_user(*, user_id: UUID, now: datetime) -> int:
    """Erases the person and the workspaces that the person owns; returns how many rows were touched.

    Traces of access stay for their term as events of nobody from nowhere; passcode attempts keep the keyed
    hash of the number, so that erasing an account does not reset the limits.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().filter(id=user_id).first()
        if user is None:
            return 0
        touched = 0
        owned = Membership.objects.filter(user_id=user_id, role=Membership.OWNER).values_list(
            "workspace_id", flat=True
        )
        for workspace_id in list(owned):
            touched += erase_workspace(workspace_id=workspace_id, now=now)
        of_person = Q(user_id=user_id)
        if user.mobile_verified_at is not None:
            # Failed attempts carry the e-mail's hash alone. An unfinished sign-up has not proved that the
            # e-mail is its own.
            of_person |= Q(account_key=pseudonym("email", user.email))
        touched += AccessEvent.objects.filter(of_person).update(
            user=None, account_key="", address=None, network="", agent=""
        )
        touched += OtpAttempt.objects.filter(user_id=user_id).update(user=None, network="")
        close_sockets_on_commit(user_id=user_id)
        deleted, _ = user.delete()
        return touched + deleted


def erase_workspace(*, workspace_id: UUID, now: datetime) -> int:
    """Ends all memberships with their sessions and blanks the name.

    Returns how many rows were deleted or blanked.
    """
    with transaction.atomic():
        for user_id in Membership.objects.for_workspace(workspace_id).values_list("user_id", flat=True):
            close_sockets_on_commit(user_id=user_id)
        deleted, _ = Membership.objects.for_workspace(workspace_id).delete()
        blanked = Workspace.objects.filter(id=workspace_id, erased_at__isnull=True).update(
            name="", erased_at=now
        )
        return deleted + blanked


def erase_unfinished_sign_ups(*, now: datetime) -> int:
    """Sign-ups whose phone was not proved within a day.

    Returns how many were erased; call again while that is not 0.
    """
    stale = User.objects.filter(mobile_verified_at__isnull=True, created_at__lte=now - UNFINISHED_KEPT_FOR)
    ids = list(stale.values_list("id", flat=True)[:UNFINISHED_ERASED_AT_ONCE_MAX])
    for user_id in ids:
        erase_user(user_id=user_id, now=now)
    return len(ids)
