"""One change of a workspace's team at a time. Whoever locks more takes the workspace first, then people, then the rest."""

from collections.abc import Iterable
from uuid import UUID

from identity.auth import Actor
from identity.models import Membership, TenantQuerySet, Workspace
from identity.permissions import NotPermitted


def lock_workspaces(workspace_ids: Iterable[UUID]) -> list[Workspace]:
    """Locks them until the transaction ends; rows that only refer to them are still made meanwhile."""
    rows = Workspace.objects.select_for_update(no_key=True).filter(id__in=list(workspace_ids))
    return list(rows.order_by("id"))


def locked_team(actor: Actor) -> TenantQuerySet[Membership]:
    """The members of the actor's workspace, which stays locked until the transaction ends.

    Raises NotPermitted: the actor's role was changed since the request began.
    """
    lock_workspaces([actor.workspace_id])
    members = Membership.objects.for_workspace(actor.workspace_id)
    if not members.filter(user_id=actor.user_id, role=actor.role).exists():
        raise NotPermitted("Your role has changed meanwhile. Reload the page.")
    return members
