"""Who is in a workspace, as what, and who leaves it. Whatever changes somebody's rights closes that person's sockets."""

from datetime import datetime
from typing import ClassVar, Final, cast
from uuid import UUID

from django.db import transaction

from compliance import audit
from compliance.audit import WorkspaceAction
from compliance.redaction import redact_cards
from identity import invitations, step_up
from identity.auth import Actor
from identity.models import ApiKey, Membership, Session, User, Workspace
from identity.permissions import NotPermitted, Role, may, may_appoint
from identity.sessions import SessionStore
from identity.team_lock import lock_workspaces, locked_team
from processors.errors import DomainError
from realtime.publish import close_sockets_on_commit

OWN_WORKSPACE_NAME: Final = "My workspace"


class MemberNotFound(DomainError):
    """The workspace has no such member."""

    code: ClassVar[str] = "member_not_found"


class OwnerStays(DomainError):
    """The owner can neither leave nor be removed or demoted: a workspace has exactly one."""

    code: ClassVar[str] = "owner_stays"


class WorkspaceNotFound(DomainError):
    """The person is in no such workspace."""

    code: ClassVar[str] = "workspace_not_found"


def change_role(*, actor: Actor, user_id: UUID, role: Role, now: datetime) -> None:
    """Makes a rep a manager, or a manager a rep. Raises NotPermitted, MemberNotFound, OwnerStays."""
    actor.demand("manage_members")
    with transaction.atomic():
        member = _locked(actor, user_id)
        _demand_over(actor, member, "change")
        if not may_appoint(actor.role, role):
            raise NotPermitted("Only the owner of the workspace makes managers. Ask the owner.")
        if member.role == role:
            return
        _give(member, role, now)
        _note(actor, "team.role_changed", user_id, now, role=role)


def remove(*, actor: Actor, user_id: UUID, now: datetime) -> None:
    """Ends a membership with all its sessions; what the person did stays with the workspace.

    Raises NotPermitted, MemberNotFound, OwnerStays.
    """
    actor.demand("manage_members")
    with transaction.atomic():
        member = _locked(actor, user_id)
        _demand_over(actor, member, "remove")
        _end(member, now)
        _note(actor, "team.removed", user_id, now)


def cap(*, actor: Actor, user_id: UUID, monthly_cap_mcredits: int | None, now: datetime) -> None:
    """How much of the workspace's credits a member may spend in a month; None for all of them. It holds from the next call on.

    Raises NotPermitted, MemberNotFound, OwnerStays.
    """
    actor.demand("manage_members")
    with transaction.atomic():
        member = _locked(actor, user_id)
        _demand_over(actor, member, "cap")
        if member.monthly_cap_mcredits == monthly_cap_mcredits:
            return
        member.monthly_cap_mcredits = monthly_cap_mcredits
        member.save(update_fields=["monthly_cap_mcredits"])
        _note(actor, "team.capped", user_id, now, monthly_cap_mcredits=monthly_cap_mcredits)


def cap_workspace(*, actor: Actor, live_calls_max: int | None, monthly_cap_mcredits: int | None, now: datetime) -> None:
    """How many calls the workspace may have at once, and how much all may spend of its credits in a month; None for no bound.

    It holds from the next call or question on. Raises NotPermitted.
    """
    actor.demand("manage_workspace")
    with transaction.atomic():
        locked_team(actor)
        row = Workspace.objects.get(id=actor.workspace_id)
        if (row.live_calls_max, row.monthly_cap_mcredits) == (live_calls_max, monthly_cap_mcredits):
            return
        row.live_calls_max, row.monthly_cap_mcredits = live_calls_max, monthly_cap_mcredits
        row.save(update_fields=["live_calls_max", "monthly_cap_mcredits"])
        bounds = {"live_calls_max": live_calls_max, "monthly_cap_mcredits": monthly_cap_mcredits}
        _note(actor, "team.bounded", actor.user_id, now, **bounds)


def leave(*, actor: Actor, now: datetime) -> None:
    """Ends the actor's own membership, and the sessions that act under it. Raises OwnerStays."""
    with transaction.atomic():
        member = _locked(actor, actor.user_id)
        if member.role == Membership.OWNER:
            raise OwnerStays("Make another member the owner first, or delete your account.")
        _end(member, now)
        _note(actor, "team.left", actor.user_id, now)


def hand_over(*, actor: Actor, user_id: UUID, now: datetime) -> None:
    """Makes another member the owner; the owner so far becomes a manager. Raises NotPermitted, ProofNotRecent, MemberNotFound."""
    actor.demand("manage_workspace")
    step_up.demand_recent(actor=actor, now=now)
    with transaction.atomic():
        mine = _locked(actor, actor.user_id)
        heir = _locked(actor, user_id)
        if heir.id == mine.id:
            return
        if not heir.user.is_active:
            raise MemberNotFound("This person's account is blocked or being deleted. Choose another.")
        # In this order: the database knows one owner at a time.
        _give(mine, "manager", now)
        _give(heir, "owner", now)
        Membership.objects.filter(id=heir.id).update(monthly_cap_mcredits=None)
        _note(actor, "team.handed_over", user_id, now)


def rename(*, actor: Actor, name: str, now: datetime) -> None:
    """Gives the workspace another name, which members and invited people read. Raises NotPermitted."""
    actor.demand("manage_workspace")
    with transaction.atomic():
        locked_team(actor)
        Workspace.objects.filter(id=actor.workspace_id).update(name=redact_cards(name)[:120])
        _note(actor, "team.renamed", actor.user_id, now)


def enter(*, actor: Actor, session: SessionStore, workspace_id: UUID, now: datetime) -> None:
    """The session goes on in another of the person's workspaces. Raises WorkspaceNotFound."""
    with transaction.atomic():
        lock_workspaces([workspace_id])
        member = Membership.objects.for_workspace(workspace_id).filter(user_id=actor.user_id).first()
        if member is None:
            raise WorkspaceNotFound("You are not in this workspace; you may have been removed from it. Choose another.")
        member.entered_at = now
        member.save(update_fields=["entered_at"])
        close_sockets_on_commit(user_id=actor.user_id)
        session.act_under(member)


def _locked(actor: Actor, user_id: UUID) -> Membership:
    """The member, with the workspace locked so that roles change one at a time. Raises MemberNotFound, NotPermitted."""
    member = locked_team(actor).filter(user_id=user_id).first()
    if member is None:
        raise MemberNotFound("There is no such member; the person may have left. Reload the page.")
    return member


def _demand_over(actor: Actor, member: Membership, what: str) -> None:
    if member.role == Membership.OWNER:
        raise OwnerStays("Nobody decides over the owner of a workspace. Ask the owner to hand it over first.")
    if not may_appoint(actor.role, cast(Role, member.role)):
        raise NotPermitted(f"Only the owner of the workspace may {what} a manager. Ask the owner.")


def _give(member: Membership, role: Role, now: datetime) -> None:
    member.role = role
    member.save(update_fields=["role"])
    invitations.end_those_by(member.user_id, member.workspace_id, role=role, now=now)
    if not may(role, "manage_keys"):
        # Nobody keeps a key that they can neither see nor revoke.
        ApiKey.objects.get_queryset().filter(membership=member).delete()
    close_sockets_on_commit(user_id=member.user_id)


def _end(member: Membership, now: datetime) -> None:
    user_id = member.user_id
    # Two workspaces may let the same person go at once.
    User.objects.select_for_update(no_key=True).get(id=user_id)
    invitations.end_those_by(user_id, member.workspace_id, role=None, now=now)
    Session.objects.filter(membership=member).delete()
    member.delete()
    if not Membership.objects.filter(user_id=user_id).exists():
        # Without any workspace nobody could sign in to see, take along or delete what is held.
        own = Workspace.objects.create(name=OWN_WORKSPACE_NAME, created_at=now)
        Membership.objects.create(workspace=own, user_id=user_id, role=Membership.OWNER, created_at=now)
    close_sockets_on_commit(user_id=user_id)


def _note(actor: Actor, action: WorkspaceAction, user_id: UUID, now: datetime, **detail: audit.Plain) -> None:
    audit.record(
        workspace_id=actor.workspace_id,
        actor_ref=str(actor.user_id),
        action=action,
        target=str(user_id),
        detail=detail,
        now=now,
    )
