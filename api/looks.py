"""Looks into a workspace: begun and ended by our own people, read by the workspace."""

from typing import Annotated, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from api.auth import actor_of, staff_auth, staff_of
from api.client import client_of
from api.look_gate import forget_look, mark_look
from identity.staff import looks, queries, search
from identity.staff.schemas import (
    FindWorkspaceIn,
    FoundWorkspacesOut,
    LookIn,
    OwnLookPage,
    StaffSessionOut,
    TeamLookPage,
)
from processors.errors import DomainError

router = Router(tags=["looks"])
PROBLEMS: Final[dict[type[DomainError], int]] = {
    looks.LookCaseRefused: 422,
    looks.LookMissing: 409,
    looks.LookNotAllowed: 409,
    looks.LookTargetMissing: 404,
    search.SearchUnclear: 422,
    search.SearchesTooMany: 429,
}
Cursor = Annotated[str | None, Query(max_length=200)]


@router.post("/staff/workspaces/find", response=FoundWorkspacesOut, auth=staff_auth, operation_id="find_workspace")
def find_workspace(request: HttpRequest, form: FindWorkspaceIn) -> FoundWorkspacesOut:
    """By something exact, which stands in the body, so that no address ever enters a log."""
    return search.find(actor=staff_of(request), typed=form.typed, client=client_of(request), now=timezone.now())


@router.post("/staff/looks", response={201: StaffSessionOut}, auth=staff_auth, operation_id="begin_look")
def begin_look(request: HttpRequest, form: LookIn, answer: HttpResponse) -> Status[StaffSessionOut]:
    """From now on this browser sees the member's pages, and changes nothing, until the look is over."""
    actor, now = staff_of(request), timezone.now()
    look = looks.begin(
        actor=actor,
        workspace_id=form.workspace_id,
        user_id=form.user_id,
        reason=form.reason,
        case_reference=form.case_reference,
        now=now,
    )
    mark_look(answer, look.id)
    return Status(201, queries.describe(actor=actor, now=now))


@router.post("/staff/looks/end", response={204: None}, auth=staff_auth, operation_id="end_look")
def end_look(request: HttpRequest, answer: HttpResponse) -> Status[None]:
    looks.end_own(actor=staff_of(request), now=timezone.now())
    forget_look(answer)
    return Status(204, None)


@router.get("/staff/looks", response=OwnLookPage, auth=staff_auth, operation_id="list_own_looks")
def list_own_looks(request: HttpRequest, cursor: Cursor = None) -> OwnLookPage:
    """One's own, newest first; those of all of us for who reads the record."""
    return queries.own_looks(actor=staff_of(request), cursor=cursor, now=timezone.now())


@router.get("/team/looks", response=TeamLookPage, operation_id="list_team_looks")
def list_team_looks(request: HttpRequest, cursor: Cursor = None) -> TeamLookPage:
    """Who of Klosesales looked into the workspace, when, why, and what was opened; newest first."""
    return queries.team_looks(actor=actor_of(request), cursor=cursor, now=timezone.now())
