"""Shapes of our own people's entrance and of their looks."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from compliance.one_line import ONE_LINE
from identity.permissions import Role
from identity.schemas import Closed, EmailTyped, Secret
from identity.staff.looks import REASON_MAX, REASON_MIN, Opened
from identity.staff.permissions import StaffRole

StaffEventKind = Literal[
    "sign_in_failed",
    "sign_in_refused",
    "sign_in",
    "recovery_code_used",
    "sign_out",
    "searched",
    "added",
    "enrolled",
    "reset",
    "disabled",
]


BlockReason = Literal["fraud", "abuse", "taken_over", "law"]


class StaffSignInIn(Closed):
    """code: the six digits that the authenticator app shows, or a recovery code."""

    email: EmailTyped
    password: Secret
    code: Annotated[str, Field(min_length=1, max_length=40)]


class StaffPermissionsOut(BaseModel):
    """What the role allows; pages hide the rest, routes refuse it."""

    look: bool
    read_record: bool
    manage_staff: bool
    answer: bool
    decide: bool


class StaffLookOut(BaseModel):
    """A look of the asker's that goes on."""

    workspace_name: str
    ends_at: datetime


class StaffSessionOut(BaseModel):
    """Which of us the browser belongs to; all but the state is null when nobody is signed in."""

    state: Literal["anonymous", "signed_in"]
    first_name: str | None
    role: StaffRole | None
    permissions: StaffPermissionsOut | None
    look: StaffLookOut | None


class EnrolmentTokenIn(Closed):
    """token: what stands in the one-time link after the #."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class EnrolmentSeenOut(BaseModel):
    """secret: base32, for who cannot scan. picture: the QR code, an SVG as a data URL."""

    email: str
    first_name: str
    role: StaffRole
    secret: str
    picture: str


class EnrolIn(EnrolmentTokenIn):
    """password: 10 characters at least. code: six digits that the app shows."""

    password: Secret
    code: Annotated[str, Field(min_length=6, max_length=12)]


class RecoveryCodesOut(BaseModel):
    """Each opens the entrance once in place of the app. No other answer shows them again."""

    codes: list[str]


class StaffMemberOut(BaseModel):
    """state: invited before the link was used. recovery_codes_left: 0 to 10."""

    id: UUID
    first_name: str
    email: str
    role: StaffRole
    state: Literal["invited", "active", "disabled"]
    created_at: datetime
    last_used_at: datetime | None
    recovery_codes_left: int
    is_self: bool


class StaffMembersOut(BaseModel):
    items: list[StaffMemberOut]


class StaffEventOut(BaseModel):
    """member: whom it concerns; null for an account that is not known. by: who did it, null for the person or the operator."""

    id: UUID
    at: datetime
    kind: StaffEventKind
    member: str | None
    by: str | None
    address: str | None


class StaffEventPage(BaseModel):
    items: list[StaffEventOut]
    next_cursor: str | None


class FindWorkspaceIn(Closed):
    """typed: the whole id of a workspace, or the whole e-mail of a member."""

    typed: Annotated[str, Field(min_length=3, max_length=254, pattern=ONE_LINE)]


class FoundWorkspaceOut(BaseModel):
    """user_id, role: the member as whom the pages would be seen."""

    workspace_id: UUID
    workspace_name: str
    user_id: UUID
    role: Role


class FoundWorkspacesOut(BaseModel):
    items: list[FoundWorkspaceOut]


class LookIn(Closed):
    """reason: what the workspace's owner and managers read. case_reference: of an open case, or "ticket:" and the number of an entry of
    the help desk, in letters, digits and dashes."""

    workspace_id: UUID
    user_id: UUID
    reason: Annotated[str, Field(min_length=REASON_MIN, max_length=REASON_MAX, pattern=ONE_LINE)]
    case_reference: Annotated[str, Field(max_length=60, pattern=ONE_LINE)] = ""


class OpenedOut(BaseModel):
    """id: of the call or lead; null for a list."""

    what: Opened
    id: UUID | None


class TeamLookOut(BaseModel):
    """A look into the workspace, for its owner and managers.

    ended_at: when it was over; null while it goes on. viewed: the member as whom the pages were seen; null when erased.
    """

    id: UUID
    staff_name: str
    staff_role: StaffRole
    viewed: str | None
    reason: str
    case_reference: str
    began_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    opened: list[OpenedOut]


class TeamLookPage(BaseModel):
    items: list[TeamLookOut]
    next_cursor: str | None


class OwnLookOut(TeamLookOut):
    """A look as we see it. workspace_name: "" when the workspace is erased."""

    workspace_id: UUID
    workspace_name: str


class OwnLookPage(BaseModel):
    items: list[OwnLookOut]
    next_cursor: str | None


class BlockIn(Closed):
    """email: the whole one of the account."""

    email: EmailTyped
    reason: BlockReason


class UnblockIn(Closed):
    email: EmailTyped
