"""Reads of a workspace's team, of a person's workspaces, and of an invitation by its link."""

from datetime import datetime
from typing import cast

from identity.auth import Actor
from identity.contact import hinted
from identity.invitations import of_token
from identity.models import Invitation, Membership
from identity.permissions import APPOINTED, Role, may_appoint
from identity.schemas import (
    InvitationOut,
    InvitationSeenOut,
    MemberOut,
    OwnWorkspaceOut,
    OwnWorkspacesOut,
    TeamOut,
)
from identity.sessions import SessionStore

MEMBERS_LISTED_MAX = 500


def team(*, actor: Actor, now: datetime) -> TeamOut:
    """Who is in the actor's workspace, the owner first, then by name; for who manages members also who is invited."""
    manages = actor.may("manage_members")
    members = Membership.objects.for_workspace(actor.workspace_id).select_related("user")
    rows = sorted(
        members.order_by("created_at")[:MEMBERS_LISTED_MAX],
        key=lambda row: (row.role != Membership.OWNER, row.user.first_name.lower(), row.user.last_name.lower()),
    )
    open_ones = Invitation.objects.for_workspace(actor.workspace_id).filter(ended_at__isnull=True, expires_at__gt=now)
    return TeamOut(
        members=[
            MemberOut(
                user_id=row.user_id,
                first_name=row.user.first_name,
                last_name=row.user.last_name,
                email=row.user.email if manages or row.user_id == actor.user_id else None,
                role=cast(Role, row.role),
                joined_at=row.created_at,
                is_self=row.user_id == actor.user_id,
                may_change=row.user_id != actor.user_id and may_appoint(actor.role, cast(Role, row.role)),
            )
            for row in rows
        ],
        invitations=[invitation_out(row) for row in open_ones.order_by("-created_at")] if manages else [],
        may_appoint=[role for role in APPOINTED if may_appoint(actor.role, role)],
    )


def workspaces(*, actor: Actor) -> OwnWorkspacesOut:
    """Every workspace that the person is in, by name."""
    rows = Membership.objects.filter(user_id=actor.user_id).select_related("workspace").order_by("workspace__name")
    return OwnWorkspacesOut(
        items=[
            OwnWorkspaceOut(
                id=row.workspace_id,
                name=row.workspace.name,
                role=cast(Role, row.role),
                current=row.workspace_id == actor.workspace_id,
            )
            for row in rows
        ]
    )


def seen_invitation(*, token: str, session: SessionStore, now: datetime) -> InvitationSeenOut:
    """What the page behind a mailed link shows. Raises InvitationInvalid."""
    invitation = of_token(token, now=now)
    inviter = invitation.invited_by
    user = session.row.user if session.row is not None else None
    return InvitationSeenOut(
        workspace_name=invitation.workspace.name,
        invited_by=f"{inviter.first_name} {inviter.last_name}" if inviter else "A member",
        email_hint=hinted(invitation.email),
        is_yours=None if user is None else user.email == invitation.email,
        role=cast(Role, invitation.role),
        expires_at=invitation.expires_at,
    )


def invitation_out(row: Invitation) -> InvitationOut:
    return InvitationOut(
        id=row.id,
        email=row.email,
        role=cast(Role, row.role),
        created_at=row.created_at,
        expires_at=row.expires_at,
        sent=row.sent_at is not None,
    )
