"""Reads of a workspace's team, of a person's workspaces, and of an invitation by its link."""

from datetime import datetime
from typing import Final, cast
from uuid import UUID

from django.db.models import Case, Q, Value, When
from django.db.models.functions import Concat, Lower

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
from processors.errors import CursorInvalid

PAGE: Final = 100


def team(*, actor: Actor, cursor: str | None, now: datetime) -> TeamOut:
    """Who is in the actor's workspace, the owner first, then by name; for who manages members also who is invited.
    Raises CursorInvalid."""
    manages = actor.may("manage_members")
    found = _members(actor, after=cursor)
    rows = found[:PAGE]
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
        next_cursor=str(rows[-1].user_id) if len(found) > PAGE else None,
    )


def _members(actor: Actor, *, after: str | None) -> list[Membership]:
    """A page of them and one more, where there is one. after: the last member of the page before."""
    name = Lower(Concat("user__first_name", Value(" "), "user__last_name"))
    named = Membership.objects.for_workspace(actor.workspace_id).select_related("user").annotate(name=name)
    if after is None:
        is_owner = Q(role=Membership.OWNER)
        return list(named.order_by(Case(When(is_owner, then=0), default=1), "name", "user_id")[: PAGE + 1])
    try:
        last_seen = named.filter(user_id=UUID(after)).first()
    except ValueError:
        last_seen = None
    if last_seen is None:
        raise CursorInvalid
    beyond = Q(name__gt=last_seen.name) | Q(name=last_seen.name, user_id__gt=last_seen.user_id)
    # The owner stood on the first page.
    return list(named.filter(beyond).exclude(role=Membership.OWNER).order_by("name", "user_id")[: PAGE + 1])


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
