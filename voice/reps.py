"""Who calls: whether a person may have the product dial for them at all."""

from uuid import UUID

from identity.models import Membership


def may_call(*, user_id: UUID, workspace_id: UUID) -> bool:
    """Whether the person is still of the team, active, and reachable: who stopped our text messages calls nobody."""
    members = Membership.objects.for_workspace(workspace_id).filter(user_id=user_id)
    return members.filter(user__is_active=True, user__texts_stopped_at__isnull=True).exists()
