"""An account's holder, as compliance asks about people."""

from uuid import UUID

from compliance.stores import Subject
from identity.models import Membership, User


def subject_of(user_id: UUID) -> Subject:
    """Workspaces end with the person when nobody else is in them.

    Raises User.DoesNotExist.
    """
    user = User.objects.get(id=user_id)
    mine = list(Membership.objects.filter(user_id=user_id).values_list("workspace_id", flat=True))
    others = Membership.objects.filter(workspace_id__in=mine).exclude(user_id=user_id)
    shared = set(others.values_list("workspace_id", flat=True))
    return Subject(
        kind="user",
        user_id=user_id,
        workspace_ids=tuple(mine),
        workspace_ids_to_erase=tuple(each for each in mine if each not in shared),
        email=user.email,
        phone_e164=user.mobile_e164,
    )
