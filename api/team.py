"""The team: members, roles, invitations, and the workspaces of one person."""

from typing import Annotated, Final, cast
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Status

from api.auth import actor_of, anyone_auth, session_of
from identity import activity, contact, invitations, members, queries, step_up, team_queries
from identity.models import User
from identity.schemas import (
    ActivityPage,
    CapIn,
    EnterWorkspaceIn,
    InvitationOut,
    InvitationSeenOut,
    InvitationTokenIn,
    InviteIn,
    NewOwnerIn,
    OwnWorkspacesOut,
    RoleIn,
    SessionOut,
    TeamOut,
    WorkspaceCapsIn,
    WorkspaceNameIn,
)
from processors.errors import DomainError
from voice import caps
from voice.spending_schemas import TeamSpendingOut

router = Router(tags=["team"])

PROBLEMS: Final[dict[type[DomainError], int]] = {
    contact.EmailInvalid: 422,
    invitations.AlreadyMember: 409,
    invitations.InvitationInvalid: 410,
    invitations.InvitationNotFound: 404,
    invitations.InvitationOfAnother: 403,
    invitations.InvitationsTooMany: 429,
    members.MemberNotFound: 404,
    members.OwnerStays: 409,
    members.WorkspaceNotFound: 404,
    step_up.ProofNotRecent: 403,
}


@router.get("/team", response=TeamOut, operation_id="get_team")
def get_team(request: HttpRequest, cursor: Annotated[str | None, Query(max_length=200)] = None) -> TeamOut:
    """The owner first, then by name."""
    return team_queries.team(actor=actor_of(request), cursor=cursor, now=timezone.now())


@router.get("/team/activity", response=ActivityPage, operation_id="list_activity")
def list_activity(request: HttpRequest, cursor: Annotated[str | None, Query(max_length=200)] = None) -> ActivityPage:
    """What was done in the workspace and by whom, newest first."""
    return activity.page(actor=actor_of(request), cursor=cursor)


@router.post("/team/invitations", response={201: InvitationOut}, operation_id="invite_member")
def invite_member(request: HttpRequest, form: InviteIn) -> Status[InvitationOut]:
    """Invites by mail; inviting the same person again sends a new link and ends the old one."""
    invitation = invitations.invite(actor=actor_of(request), email=form.email, role=form.role, now=timezone.now())
    return Status(201, team_queries.invitation_out(invitation))


@router.delete("/team/invitations/{invitation_id}", response={204: None}, operation_id="take_back_invitation")
def take_back_invitation(request: HttpRequest, invitation_id: UUID) -> Status[None]:
    invitations.take_back(actor=actor_of(request), invitation_id=invitation_id, now=timezone.now())
    return Status(204, None)


@router.patch("/team/members/{user_id}", response={204: None}, operation_id="change_role")
def change_role(request: HttpRequest, user_id: UUID, form: RoleIn) -> Status[None]:
    members.change_role(actor=actor_of(request), user_id=user_id, role=form.role, now=timezone.now())
    return Status(204, None)


@router.put("/team/members/{user_id}/cap", response={204: None}, operation_id="cap_member")
def cap_member(request: HttpRequest, user_id: UUID, form: CapIn) -> Status[None]:
    """Bounds what the member may spend in a month, from the next call or question on."""
    members.cap(
        actor=actor_of(request), user_id=user_id, monthly_cap_mcredits=form.monthly_cap_mcredits, now=timezone.now()
    )
    return Status(204, None)


@router.put("/team/caps", response={204: None}, operation_id="cap_workspace")
def cap_workspace(request: HttpRequest, form: WorkspaceCapsIn) -> Status[None]:
    """Bounds how many calls the workspace has at once and what it spends in a month, from the next call or question on."""
    members.cap_workspace(
        actor=actor_of(request),
        live_calls_max=form.live_calls_max,
        monthly_cap_mcredits=form.monthly_cap_mcredits,
        now=timezone.now(),
    )
    return Status(204, None)


@router.get("/team/spending", response=TeamSpendingOut, operation_id="list_team_spending")
def list_team_spending(request: HttpRequest) -> TeamSpendingOut:
    """What each member, and the workspace as a whole, has spent this month, and may."""
    return caps.team_spending(actor=actor_of(request), now=timezone.now())


@router.delete("/team/members/{user_id}", response={204: None}, operation_id="remove_member")
def remove_member(request: HttpRequest, user_id: UUID) -> Status[None]:
    """Ends the person's sessions in this workspace, and a call that they are in within seconds; leads, calls and questions stay with it."""
    members.remove(actor=actor_of(request), user_id=user_id, now=timezone.now())
    return Status(204, None)


@router.post("/team/owner", response={204: None}, operation_id="hand_over_workspace")
def hand_over_workspace(request: HttpRequest, form: NewOwnerIn) -> Status[None]:
    """Makes another member the owner; the asker becomes a manager."""
    members.hand_over(actor=actor_of(request), user_id=form.user_id, now=timezone.now())
    return Status(204, None)


@router.post("/team/leave", response={204: None}, operation_id="leave_workspace")
def leave_workspace(request: HttpRequest) -> Status[None]:
    members.leave(actor=actor_of(request), now=timezone.now())
    return Status(204, None)


@router.post("/invitations/seen", response=InvitationSeenOut, auth=anyone_auth, operation_id="see_invitation")
def see_invitation(request: HttpRequest, form: InvitationTokenIn) -> InvitationSeenOut:
    """What an invitation says, for whoever holds its link."""
    return team_queries.seen_invitation(token=form.token, session=session_of(request), now=timezone.now())


@router.post("/invitations/accept", response=SessionOut, operation_id="accept_invitation")
def accept_invitation(request: HttpRequest, form: InvitationTokenIn) -> SessionOut:
    """Joins the workspace and goes on there."""
    now = timezone.now()
    session = session_of(request)
    invitation = invitations.of_token(form.token, now=now)
    row = session.row
    assert row is not None
    invitations.accept(user=cast(User, row.user), session=session, invitation_id=invitation.id, now=now)
    return queries.describe_session(session)


@router.get("/workspaces", response=OwnWorkspacesOut, operation_id="list_workspaces")
def list_workspaces(request: HttpRequest) -> OwnWorkspacesOut:
    return team_queries.workspaces(actor=actor_of(request))


@router.patch("/workspace", response=SessionOut, operation_id="rename_workspace")
def rename_workspace(request: HttpRequest, form: WorkspaceNameIn) -> SessionOut:
    actor, session = actor_of(request), session_of(request)
    members.rename(actor=actor, name=form.name, now=timezone.now())
    session.load()
    return queries.describe_session(session)


@router.post("/session/workspace", response=SessionOut, operation_id="enter_workspace")
def enter_workspace(request: HttpRequest, form: EnterWorkspaceIn) -> SessionOut:
    """Goes on in another of the person's workspaces, in this browser."""
    session = session_of(request)
    members.enter(actor=actor_of(request), session=session, workspace_id=form.workspace_id, now=timezone.now())
    return queries.describe_session(session)
