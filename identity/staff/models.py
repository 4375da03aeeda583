"""Our own people, and what they have looked at. Nobody here is a customer, and no customer is here."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from identity.models import TenantModel
from processors.sealed_fields import SealedField, index_column

ROLES = [("support", "Support"), ("privacy_officer", "Privacy officer"), ("admin", "Admin")]


class StaffMember(models.Model):
    """One of us. Never deleted, only disabled, because looks name who looked.

    email: lower case, sealed. password: hash; "" until the first sign-in is set up. totp_secret: sealed, see staff/vault.py.
    totp_step: the newest step of 30 s whose code was accepted; none up to it is accepted again.
    enrolment_digest: of the one-time link that sets password and second factor; null when there is no open one.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = SealedField(lookup=True)
    email_key = index_column("email")
    first_name = models.CharField(max_length=80)
    role = models.CharField(max_length=16, choices=ROLES)
    password = models.CharField(max_length=128, blank=True)
    totp_secret = SealedField(keys="STAFF_SECRET_KEYS")
    totp_step = models.BigIntegerField(default=0)
    enrolment_digest = models.CharField(max_length=64, null=True, unique=True)
    enrolment_until = models.DateTimeField(null=True)
    enrolled_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["email_key"], name="staff_email_once"),
            models.CheckConstraint(
                condition=Q(role__in=["support", "privacy_officer", "admin"]), name="staff_role_known"
            ),
            models.CheckConstraint(
                condition=Q(enrolled_at__isnull=True) | ~Q(password=""), name="staff_enrolled_has_password"
            ),
        ]


class RecoveryCode(models.Model):
    """What opens the entrance once for who has lost the authenticator app. digest: SHA-256 in hex."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    member = models.ForeignKey(StaffMember, on_delete=models.CASCADE, related_name="recovery_codes")
    digest = models.CharField(max_length=64, unique=True)
    used_at = models.DateTimeField(null=True)


class StaffSession(models.Model):
    """A browser in which one of us is signed in, with password and code.

    key_digest: SHA-256 in hex of the cookie's value. last_used_at: kept to within a minute. expires_at: the end, however
    much it is used.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    key_digest = models.CharField(max_length=64, unique=True)
    member = models.ForeignKey(StaffMember, on_delete=models.CASCADE, related_name="sessions")
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)


class StaffEvent(models.Model):
    """What happened at the entrance and with the accounts of our own people. The limits count these rows.

    account_key: keyed hash of the e-mail that was tried. network: the address itself for IPv4, its /64 for
    IPv6. device_key: of the browser, where the account came in before, else "". by: who did it to `member`; null for the command
    on the server.
    """

    SIGN_IN_FAILED = "sign_in_failed"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGN_IN = "sign_in"
    RECOVERY_CODE_USED = "recovery_code_used"
    SIGN_OUT = "sign_out"
    SEARCHED = "searched"
    ADDED = "added"
    ENROLLED = "enrolled"
    RESET = "reset"
    DISABLED = "disabled"
    KINDS = [
        (SIGN_IN_FAILED, "Wrong e-mail, password or code"),
        (SIGN_IN_REFUSED, "Refused after too many attempts"),
        (SIGN_IN, "Signed in"),
        (RECOVERY_CODE_USED, "Signed in with a recovery code"),
        (SIGN_OUT, "Signed out"),
        (SEARCHED, "Searched for a workspace"),
        (ADDED, "Added"),
        (ENROLLED, "Set up password and second factor"),
        (RESET, "Reset"),
        (DISABLED, "Disabled"),
    ]

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField(db_index=True)
    kind = models.CharField(max_length=20, choices=KINDS)
    member = models.ForeignKey(StaffMember, on_delete=models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey(StaffMember, on_delete=models.SET_NULL, null=True, related_name="+")
    account_key = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    network = models.CharField(max_length=45, blank=True)
    agent = models.CharField(max_length=200, blank=True)
    device_key = models.CharField(max_length=64, blank=True, db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["account_key", "at"], name="staff_event_of_account"),
            models.Index(fields=["network", "at"], name="staff_event_of_network"),
            models.Index(fields=["member", "at"], name="staff_event_of_member"),
        ]


class Look(TenantModel):
    """One of us was in a workspace, reading. A trigger lets an update do nothing but end it, or take out what is personal.

    session_id: the staff session that it lives in. user_id: the member whose pages were seen; null once that person is
    erased, with reason and case_reference emptied. began_sequence: its link in the chain of the audit log, behind which
    what was opened stands. ends_at: when it ends by itself; ended_at: when it was ended before that.
    """

    member = models.ForeignKey(StaffMember, on_delete=models.PROTECT, related_name="looks")
    staff_role = models.CharField(max_length=16, choices=ROLES)
    session_id = models.UUIDField()
    user_id = models.UUIDField(null=True)
    reason = models.CharField(max_length=500)
    case_reference = models.CharField(max_length=60, blank=True)
    began_sequence = models.BigIntegerField()
    began_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("began_at")), name="look_ends_after_it_began"),
            models.CheckConstraint(
                condition=Q(staff_role__in=["support", "privacy_officer", "admin"]), name="look_role_known"
            ),
            models.UniqueConstraint(
                fields=["session_id"], condition=Q(ended_at__isnull=True), name="look_open_once_a_session"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-began_at"], name="look_of_workspace"),
            models.Index(fields=["member", "-began_at"], name="look_of_member"),
        ]
