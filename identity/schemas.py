"""Shapes of identity, shared by REST and sockets."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictBool, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from compliance.audit import WorkspaceAction
from compliance.one_line import ONE_LINE
from identity.permissions import SCOPES, AppointedRole, Role, Scope

Provider = Literal["google", "facebook"]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=ONE_LINE)]
EmailTyped = Annotated[str, Field(max_length=254, pattern=ONE_LINE)]
_SECRET_CHARACTERS_MAX = 200


class _AsTyped:
    """Blanks around a password belong to it, whereas a form cuts them off all else."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        typed = core_schema.str_schema(max_length=_SECRET_CHARACTERS_MAX, strip_whitespace=False)
        return core_schema.no_info_after_validator_function(SecretStr, typed)


Secret = Annotated[
    SecretStr,
    _AsTyped,
    WithJsonSchema({"type": "string", "format": "password", "writeOnly": True, "maxLength": _SECRET_CHARACTERS_MAX}),
]
Invited = Annotated[str, Field(min_length=1, max_length=200)]
Passcode = Annotated[str, Field(min_length=6, max_length=10)]


class Closed(BaseModel):
    """An input that takes exactly the declared fields: one more is refused, so nothing undeclared is ever
    collected.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class AccountIn(Closed):
    """What every new account needs. mobile: international form, such as +44 7400 123456."""

    first_name: Name
    last_name: Name
    mobile: Annotated[str, Field(max_length=40)]
    sms_consent: StrictBool
    policy_version: Annotated[str, Field(max_length=40)]
    policy_accepted: StrictBool
    transfer_consent: StrictBool
    workspace_name: Annotated[str, Field(max_length=120, pattern=ONE_LINE)] | None = None


class NameIn(Closed):
    first_name: Name
    last_name: Name


class SignUpIn(AccountIn):
    """password: 10 characters at least.

    invitation: what stands in a mailed invitation after the #; whoever proves the phone then joins that workspace.
    """

    email: EmailTyped
    password: Secret
    invitation: Invited | None = None


class SocialSignUpIn(AccountIn):
    """email: for whose provider has proved none; otherwise the provider's counts."""

    email: EmailTyped | None = None


class SocialBeginIn(Closed):
    """intent: sign_up where somebody asks for a new account. next: the path of our own to go to after the passcode. invitation: as in
    SignUpIn.
    """

    provider: Provider
    intent: Literal["sign_in", "sign_up"]
    next: Annotated[str, Field(max_length=500)] | None = None
    invitation: Invited | None = None


class SocialLinkIn(Closed):
    """The proof that whoever sits there is whose account it is. present: the password; code: of who has none."""

    provider: Provider
    present: Secret | None = None
    code: Passcode | None = None


class ProofIn(Closed):
    """That whoever sits there is whose session it is. present: the password; code: of who has none."""

    present: Secret | None = None
    code: Passcode | None = None


class EmailCodeIn(Closed):
    """present: the password, of who has one."""

    present: Annotated[SecretStr, Field(max_length=200)] | None = None


class SocialUnlinkIn(Closed):
    provider: Provider


class SocialAddressOut(BaseModel):
    """url: the provider's own, to which the browser is to go."""

    url: str


class SocialSignUpOut(BaseModel):
    """What the provider told of whoever is about to sign up; email: null where it has proved none, so that the person types one."""

    provider: Provider
    first_name: str
    last_name: str
    email: str | None


class WayInOut(BaseModel):
    """linked_at: null while the person does not sign in with it. offered: whether it is configured here."""

    provider: Provider
    linked_at: datetime | None
    offered: bool


class WaysInOut(BaseModel):
    """may_unlink: whether there is another way in than any one of the providers."""

    has_password: bool
    may_unlink: bool
    providers: list[WayInOut]


class SignInIn(Closed):
    email: EmailTyped
    password: Secret


class ForgotPasswordIn(Closed):
    email: EmailTyped


class ResetTokenIn(Closed):
    """token: what stands in the mailed link after the #."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class NewPasswordIn(ResetTokenIn):
    """password: 10 characters at least."""

    password: Secret


class ChangePasswordIn(Closed):
    """present: the password so far."""

    present: Secret
    password: Secret


class TextConsentIn(Closed):
    """sms_consent: true, from a box that the person ticked; policy_version: that of the wording beside it."""

    sms_consent: Literal[True]
    policy_version: Annotated[str, Field(max_length=20)]


class OtpCheckIn(Closed):
    code: Passcode


class MobileChangeIn(Closed):
    """password: the account's, if it has one. sms_consent: true, from a box that the person ticked for the new number; policy_version: that of
    the wording beside it.
    """

    mobile: Annotated[str, Field(max_length=40)]
    password: Secret | None = None
    sms_consent: Literal[True]
    policy_version: Annotated[str, Field(max_length=20)]


class MobileCodeIn(OtpCheckIn):
    """step: whose code it is. mobile_e164: the new number that the page shows, in case another page began with another one."""

    step: Literal["old", "new"]
    mobile_e164: Annotated[str, Field(max_length=16)]


class MobileStepOut(BaseModel):
    """step: whose code is wanted next, "done" when the new number counts. mobile_e164: the new number.

    sent: where a code went just now, or null. problem: why none could be sent to the new phone; it can be asked for again.
    """

    step: Literal["old", "new", "done"]
    mobile_e164: str
    sent: "OtpSentOut | None" = None
    problem: str | None = None


class UserOut(BaseModel):
    """mobile_e164: masked to its last digits until the phone is proved in this session. email_verified: whether the address was
    confirmed, since the number was changed last."""

    id: UUID
    first_name: str
    last_name: str
    email: str
    email_verified: bool
    mobile_e164: str


class WorkspaceOut(BaseModel):
    id: UUID
    name: str


class PermissionsOut(BaseModel):
    """What the person's role allows in the workspace; pages hide the rest, routes refuse it."""

    buy_credits: bool
    see_team: bool
    manage_members: bool
    manage_keys: bool
    manage_webhooks: bool
    manage_workspace: bool


class LookBannerOut(BaseModel):
    """What stands on every page while one of our staff sees it as a member does. staff_name: a first name."""

    staff_name: str
    workspace_name: str
    reason: str
    ends_at: datetime


class SessionOut(BaseModel):
    """Whom the browser's session belongs to; all but the state is null when anonymous.

    live_socket_url: where /ws/ is, without a path; for the signed in alone. look: not null when it is no session of the
    person, but a look of our staff, which changes nothing.
    must_answer_policy: the policy has changed, and nothing but the privacy centre is open until the person has answered.
    sign_in_with: who may confirm people here. use_refused: why nothing of the person's own is used, as calling and asking are
    refused with it; null when it is.
    """

    state: Literal["anonymous", "awaiting_otp", "signed_in"]
    user: UserOut | None
    workspace: WorkspaceOut | None
    role: Role | None
    permissions: PermissionsOut | None
    live_socket_url: str | None
    look: LookBannerOut | None
    must_answer_policy: bool
    sign_in_with: list[Provider]
    use_refused: str | None


class OtpSentOut(BaseModel):
    """mobile_e164: masked.

    expires_at: until when the code can be entered. resends_left: in the present 10 minutes.
    """

    mobile_e164: str
    expires_at: datetime
    resends_left: int


class SignedInDeviceOut(BaseModel):
    """One of the person's sessions. agent: what the browser calls itself. country: ISO 3166 alpha-2, where the address is registered.
    is_local: an address of a private network."""

    id: UUID
    current: bool
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str | None
    country: str | None
    is_local: bool
    agent: str


class SignedInDevicesOut(BaseModel):
    items: list[SignedInDeviceOut]


class MemberOut(BaseModel):
    """email: null for those who do not manage members. may_change: whether the asker may change the role or remove."""

    user_id: UUID
    first_name: str
    last_name: str
    email: str | None
    role: Role
    joined_at: datetime
    is_self: bool
    may_change: bool


class InvitationOut(BaseModel):
    """sent: whether the mail server has taken it."""

    id: UUID
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime
    sent: bool


class TeamOut(BaseModel):
    """may_appoint: the roles that the asker may invite to and give; invitations: the open ones, for those alone, on every page.
    members: a page of them, next_cursor: of the next one."""

    members: list[MemberOut]
    invitations: list[InvitationOut]
    may_appoint: list[AppointedRole]
    next_cursor: str | None


class ApiKeyIn(Closed):
    """scopes: at least one. expires_in_days: null for a year; every key ends."""

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=ONE_LINE)]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=len(SCOPES))]
    expires_in_days: Annotated[int, Field(ge=1, le=730)] | None = None


class ApiKeyOut(BaseModel):
    """hint: the last characters of the key. made_by: the member as whom it acts."""

    id: UUID
    name: str
    hint: str
    scopes: list[Scope]
    made_by: str
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None


class ApiKeyMadeOut(ApiKeyOut):
    """key: shown this once, and kept nowhere."""

    key: str


class ApiKeysOut(BaseModel):
    """max: so many a workspace may have."""

    items: list[ApiKeyOut]
    max: int


class ActOut(BaseModel):
    """Something that was done in the workspace and is accounted for.

    by: who did it; null when it was us, or somebody whose account is erased, which by_us tells apart. whom: the member or
    the invited address that it was done to, null when there is none or it is erased. call_id: the call that it was done to.
    key_hint: the last characters of the key that was made or revoked.
    """

    id: UUID
    at: datetime
    action: WorkspaceAction
    by: str | None
    by_us: bool
    whom: str | None
    role: Role | None
    call_id: UUID | None
    key_hint: str | None


class ActivityPage(BaseModel):
    """Newest first. next_cursor: for the page after this one, null on the last."""

    items: list[ActOut]
    next_cursor: str | None


class InviteIn(Closed):
    email: EmailTyped
    role: AppointedRole


class RoleIn(Closed):
    role: AppointedRole


class CapIn(Closed):
    """monthly_cap_mcredits: null for no cap, 0 for no spending at all."""

    monthly_cap_mcredits: Annotated[int, Field(ge=0, le=10**12)] | None


class WorkspaceCapsIn(Closed):
    """null for no cap. monthly_cap_mcredits: 0 for no spending at all."""

    live_calls_max: Annotated[int, Field(ge=1, le=10_000)] | None
    monthly_cap_mcredits: Annotated[int, Field(ge=0, le=10**12)] | None


class WorkspaceNameIn(Closed):
    name: Annotated[str, Field(min_length=1, max_length=120, pattern=ONE_LINE)]


class NewOwnerIn(Closed):
    user_id: UUID


class InvitationTokenIn(Closed):
    """token: what stands in the mailed link after the #."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class InvitationSeenOut(BaseModel):
    """What whoever holds the link may know.

    email_hint: enough to recognise one's own address, too little to learn another's. is_yours: whether it went to the
    address of whoever is signed in here, null when nobody is.
    """

    workspace_name: str
    invited_by: str
    email_hint: str
    is_yours: bool | None
    role: Role
    expires_at: datetime


class OwnWorkspaceOut(BaseModel):
    id: UUID
    name: str
    role: Role
    current: bool


class OwnWorkspacesOut(BaseModel):
    items: list[OwnWorkspaceOut]


class EnterWorkspaceIn(Closed):
    workspace_id: UUID
