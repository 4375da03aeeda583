"""Workspaces, people, their sessions, and the traces of access."""

from __future__ import annotations

from typing import Any, ClassVar, Self, TypeVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from identity.number_models import E164, NumberKey, OtpAttempt, PasscodeAlert, StoppedNumber
from processors.sealed_fields import SealedField, index_column

__all__ = [
    "AccessEvent",
    "AccountMail",
    "ApiKey",
    "Invitation",
    "Membership",
    "NumberKey",
    "OtpAttempt",
    "PasscodeAlert",
    "Session",
    "SocialIdentity",
    "StoppedNumber",
    "TenantManager",
    "TenantModel",
    "TenantQuerySet",
    "User",
    "Workspace",
]


class Workspace(models.Model):
    """The tenant: people who share leads, calls and credits.

    erased_at: when everything personal in it was erased; the row stays without a name, because the rows of
    the ledger that the law wants kept still refer to it.
    live_calls_max: how many calls its members may have at once, monthly_cap_mcredits: what all of them together may spend in a
    calendar month (UTC); null for as many and as much as there is.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)
    live_calls_max = models.PositiveIntegerField(null=True)
    monthly_cap_mcredits = models.BigIntegerField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(live_calls_max__gte=1), name="workspace_live_calls_at_least_one"),
            models.CheckConstraint(condition=Q(monthly_cap_mcredits__gte=0), name="workspace_cap_not_negative"),
        )


_Row = TypeVar("_Row", bound="TenantModel", covariant=True)


class TenantQuerySet(models.QuerySet[_Row]):
    """A queryset whose rows belong to workspaces; every read for a caller starts with `for_workspace`."""

    def for_workspace(self, workspace_id: UUID) -> Self:
        return self.filter(workspace_id=workspace_id)


class TenantManager(models.Manager[_Row]):
    """The only manager of tenant rows."""

    def get_queryset(self) -> TenantQuerySet[_Row]:
        return TenantQuerySet(self.model, using=self._db)

    def for_workspace(self, workspace_id: UUID) -> TenantQuerySet[_Row]:
        return self.get_queryset().for_workspace(workspace_id)


class TenantModel(models.Model):
    """A row that belongs to exactly one workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")

    objects: ClassVar[TenantManager[Self]] = TenantManager()

    class Meta:
        abstract = True


BLOCK_REASONS = [
    ("fraud", "Fraud with credits or cards"),
    ("abuse", "Calls that break the terms"),
    ("taken_over", "Somebody else has got in"),
    ("law", "An order of an authority"),
]


class User(AbstractBaseUser):
    """A person who can sign in.

    A sign-up creates a row at once, but its e-mail is claimed only when the mobile is proved: until then
    several rows may carry the same e-mail. So a sign-up never tells whether an e-mail has an account, and
    nobody can block another person's e-mail by signing up with it.

    email: lower case. mobile_e164: E.164, the only number that passcodes go to. Both are sealed, and found by their keys.
    mobile_verified_at: when the current number was first proved; null means that the sign-up is not finished.
    email_verified_at: when the current e-mail was proved; null until then, and again once the number was changed.
    email_first_proved_at: the same, but kept when the number is changed: whose the e-mail is stays known while it is asked again.
    texts_stopped_at: when the person stopped the text messages; null again once a passcode was proved after that.
    is_active: false for who may not come in: blocked, or being erased. blocked_at, block_reason: since when and why one of us keeps the
    person out; null and "" again once it is taken back or the erasure begins.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = SealedField(lookup=True)
    email_key = index_column("email")
    first_name = models.CharField(max_length=80)
    last_name = models.CharField(max_length=80)
    mobile_e164 = SealedField(lookup=True, pattern=E164)
    mobile_e164_key = index_column("mobile_e164")
    mobile_verified_at = models.DateTimeField(null=True)
    email_verified_at = models.DateTimeField(null=True)
    email_first_proved_at = models.DateTimeField(null=True)
    texts_stopped_at = models.DateTimeField(null=True)
    is_active = models.BooleanField(default=True)
    blocked_at = models.DateTimeField(null=True)
    block_reason = models.CharField(max_length=16, choices=BLOCK_REASONS, default="", db_default="", blank=True)
    created_at = models.DateTimeField()

    # Sessions and access events hold the times of sign-in; one more copy would only be one more thing to
    # erase.
    last_login = None

    # Only the id is unique among all rows, see above. People sign in by e-mail through identity.operations.
    USERNAME_FIELD = "id"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        indexes = [
            models.Index(fields=["email_key"], name="user_email"),
            models.Index(fields=["mobile_e164_key"], name="user_mobile"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["email_key"],
                condition=Q(mobile_verified_at__isnull=False),
                name="user_email_of_one_account",
            ),
            models.CheckConstraint(
                condition=Q(blocked_at__isnull=True, block_reason="")
                | Q(blocked_at__isnull=False, is_active=False, block_reason__in=[name for name, _ in BLOCK_REASONS]),
                name="user_blocked_for_a_reason",
            ),
        ]


class SocialIdentity(models.Model):
    """An account at Google or Facebook with which a person signs in.

    subject: the provider's own opaque id of the person; nothing else that it tells is kept, no token above all.
    """

    GOOGLE = "google"
    FACEBOOK = "facebook"
    PROVIDERS = [(GOOGLE, "Google"), (FACEBOOK, "Facebook")]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="social_identities")
    provider = models.CharField(max_length=16, choices=PROVIDERS)
    subject = models.CharField(max_length=255)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["provider", "subject"], name="social_identity_of_one_person"),
            models.UniqueConstraint(fields=["user", "provider"], name="social_identity_one_per_provider"),
            models.CheckConstraint(condition=Q(provider__in=["google", "facebook"]), name="social_provider_known"),
        ]


class Membership(TenantModel):
    """A person's place in a workspace.

    Every right that a session has comes from the membership that it acts under.
    monthly_cap_mcredits: what the person may spend of the workspace's credits in a calendar month (UTC); null for all of them.
    """

    OWNER = "owner"
    MANAGER = "manager"
    REP = "rep"
    ROLES = [(OWNER, "Owner"), (MANAGER, "Manager"), (REP, "Rep")]

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=ROLES)
    created_at = models.DateTimeField()
    # When the person last went to this workspace; the next sign-in leads to the one used last.
    entered_at = models.DateTimeField(null=True)
    monthly_cap_mcredits = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(monthly_cap_mcredits__gte=0), name="membership_cap_not_negative"),
            models.UniqueConstraint(fields=["user", "workspace"], name="membership_once_per_workspace"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(role="owner"), name="membership_one_owner_per_workspace"
            ),
            models.CheckConstraint(condition=Q(role__in=["owner", "manager", "rep"]), name="membership_role_known"),
        ]


class Session(models.Model):
    """A browser that is signed in, or on the way to it.

    key_digest: SHA-256 in hex of the cookie's value, so that a copy of the table opens no session.
    phone_verified_at: when the passcode was accepted in this session; null means that it may do nothing else
    yet.
    proved_at: when the person last proved in it once more who it is.
    policy_version: the version of the policy that the person is known to have accepted, so that most requests ask nothing more;
    "" under the first version.
    data: what Django's session framework keeps besides the columns.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key_digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    # Removing a member ends the sessions that act under the membership.
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, null=True, related_name="+")
    phone_verified_at = models.DateTimeField(null=True)
    proved_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)
    policy_version = models.CharField(max_length=40, default="", db_default="", blank=True)
    data: models.JSONField[Any, Any] = models.JSONField(default=dict)


class ApiKey(TenantModel):
    """What a program presents instead of a session. It acts as the member who made it, within its scopes, and ends with the
    membership.

    key_digest: SHA-256 in hex, so that a copy of the table opens nothing. hint: its last characters, to recognise it by.
    end_told_at: when its maker was told that it ends soon. last_used_at: kept to within five minutes.
    """

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=60)
    key_digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)
    scopes = ArrayField(models.CharField(max_length=20))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    end_told_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)


class AccessEvent(models.Model):
    """Who came from where, for security and operations only; expires after a year.

    account_key: keyed hash of the e-mail that was tried, so that unknown accounts are throttled alike.
    network: the address itself for IPv4, its /64 for IPv6, since one subscriber holds a whole /64.
    device_key: hash of what a browser shows of this one account having come in before (identity.devices); "" for others. The same
    browser has another key for each account.
    """

    SIGN_UP = "sign_up"
    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN = "sign_in"
    SOCIAL_SIGN_IN = "social_sign_in"
    PHONE_VERIFIED = "phone_verified"
    SIGN_OUT = "sign_out"
    SESSION_REVOKED = "session_revoked"
    RESET_ASKED = "reset_asked"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    TEXTS_STOPPED = "texts_stopped"
    TEXTS_ALLOWED = "texts_allowed"
    MOBILE_CHANGED = "mobile_changed"
    EMAIL_VERIFIED = "email_verified"
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGED = "email_changed"
    EMAIL_TAKEN_BACK = "email_taken_back"
    WAY_LINKED = "way_linked"
    WAY_UNLINKED = "way_unlinked"
    LINK_UNKNOWN = "link_unknown"
    KEY_REFUSED = "key_refused"
    RIGHT_REFUSED = "right_refused"
    NOT_THERE = "not_there"
    PAGE_FORGED = "page_forged"
    LINK_REFUSED = "link_refused"
    THROTTLED = "throttled"
    WEBHOOK_FORGED = "webhook_forged"
    KINDS = [
        (SIGN_UP, "Signed up"),
        (SIGN_IN_FAILED, "Wrong password or unknown account"),
        (SIGN_IN_REFUSED, "Refused after too many attempts"),
        (SIGN_IN, "Right password"),
        (SOCIAL_SIGN_IN, "Confirmed by Google or Facebook"),
        (PHONE_VERIFIED, "Passcode accepted"),
        (SIGN_OUT, "Signed out"),
        (SESSION_REVOKED, "Another session signed out"),
        (RESET_ASKED, "Asked for a link to a new password"),
        (PASSWORD_CHANGED, "Password changed"),
        (TEXTS_STOPPED, "Text messages stopped"),
        (TEXTS_ALLOWED, "Text messages allowed again"),
        (MOBILE_CHANGED, "Mobile number changed"),
        (EMAIL_VERIFIED, "E-mail address confirmed"),
        (EMAIL_CHANGE_ASKED, "Another e-mail address asked for"),
        (EMAIL_CHANGED, "E-mail address changed"),
        (EMAIL_TAKEN_BACK, "E-mail address taken back"),
        (WAY_LINKED, "Google or Facebook linked"),
        (WAY_UNLINKED, "Google or Facebook unlinked"),
        (LINK_UNKNOWN, "A link to a copy that is none"),
        (KEY_REFUSED, "An API key that is none"),
        (RIGHT_REFUSED, "Asked for what the role or key does not allow"),
        (NOT_THERE, "Asked for what is not there, or not theirs"),
        (PAGE_FORGED, "A request that no page of ours sent"),
        (LINK_REFUSED, "A mailed link that is none, or is over"),
        (THROTTLED, "Refused after too many requests"),
        (WEBHOOK_FORGED, "A callback that its sender did not sign"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=24, choices=KINDS)
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    account_key = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    network = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    device_key = models.CharField(max_length=64, default="", db_default="", blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["account_key", "at"], name="access_of_account"),
            models.Index(fields=["network", "at"], name="access_of_network"),
        ]


class AccountMail(models.Model):
    """A mail about somebody's way in that is to be sent; of one with a link also what keeps that good.

    email: as typed by whoever asked, so that asking is the same work whether or not it has an account. user: null until
    the account is looked up. next_at: when it is tried next. used_at: when the link did what
    it is for, or lost its use.
    """

    RESET_LINK = "reset_link"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - no password
    KEY_MADE = "key_made"
    KEY_ENDS = "key_ends"
    MOBILE_CHANGED = "mobile_changed"
    VERIFY_EMAIL = "verify_email"
    NEW_EMAIL = "new_email"
    EMAIL_CHANGED = "email_changed"
    WAY_LINKED = "way_linked"
    WAY_UNLINKED = "way_unlinked"
    TEXTS_STOPPED = "texts_stopped"
    KINDS = [
        (RESET_LINK, "Link to a new password"),
        (PASSWORD_CHANGED, "The password was changed"),
        (KEY_MADE, "An API key was made"),
        (KEY_ENDS, "An API key ends soon"),
        (MOBILE_CHANGED, "The mobile number was changed"),
        (VERIFY_EMAIL, "Link that confirms the address"),
        (NEW_EMAIL, "Link that makes this the account's address"),
        (EMAIL_CHANGED, "The address was changed, with a link that takes it back"),
        (WAY_LINKED, "Google or Facebook was linked"),
        (WAY_UNLINKED, "Google or Facebook was unlinked"),
        (TEXTS_STOPPED, "Text messages were stopped"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=KINDS)
    email = SealedField(lookup=True)
    email_key = index_column("email")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="account_mail_due"),
            models.Index(fields=["email_key"], name="account_mail_of_email"),
        ]


class Invitation(TenantModel):
    """Somebody who was asked by e-mail to join a workspace. The link follows from the row; only the mail holds it.

    next_at: when the mail is tried next. ended_at: when it was accepted or taken back; null while it is open, as far as
    expires_at has not come.
    """

    email = SealedField(lookup=True)
    email_key = index_column("email")
    role = models.CharField(max_length=16, choices=Membership.ROLES)
    invited_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_index=True)
    expires_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "email_key"],
                condition=Q(ended_at__isnull=True),
                name="invitation_open_once_per_email",
            ),
            models.CheckConstraint(condition=Q(role__in=["manager", "rep"]), name="invitation_role_known"),
        ]
        indexes = [
            models.Index(
                fields=["next_at"], condition=Q(sent_at__isnull=True, ended_at__isnull=True), name="invitation_due"
            ),
            models.Index(fields=["email_key"], name="invitation_of_email"),
        ]
