"""What compliance keeps. People are referred to by random identifier while they have an account, by keyed
hash after."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from uuid_utils.compat import uuid7

from compliance.breach_models import Breach, BreachAlert, BreachEntry
from compliance.case_models import Case, CaseEntry, CaseLink, CaseMail
from compliance.correction_models import Correction
from compliance.erasure_ledger_models import LedgerMark, LedgerNote
from compliance.hold_models import HeldCopy, HeldRow, LegalHold
from compliance.nominee_models import Nominee, NomineeClaim, NomineeGrant
from compliance.policy_models import PolicyMail, PolicyReceipt, PolicyVersion
from compliance.restriction_models import RestrictedRow, Restriction
from compliance.review_models import BackupLook, FollowUp, ReviewAlert, SecurityReview
from compliance.second_person_models import AuthorityDisclosure, PreparedDeletion
from processors.sealed_fields import SealedJSONField

__all__ = [
    "AuditEvent",
    "AuditHead",
    "AuthorityDisclosure",
    "BackupLook",
    "Breach",
    "BreachAlert",
    "BreachEntry",
    "Case",
    "CaseEntry",
    "CaseLink",
    "CaseMail",
    "ConsentEvent",
    "Correction",
    "ErasureStep",
    "FollowUp",
    "HeldCopy",
    "HeldRow",
    "LedgerMark",
    "LedgerNote",
    "LeftBytes",
    "LegalHold",
    "Nominee",
    "NomineeClaim",
    "NomineeGrant",
    "PolicyMail",
    "PolicyReceipt",
    "PolicyVersion",
    "PreparedDeletion",
    "Request",
    "RestrictedRow",
    "Restriction",
    "ReviewAlert",
    "SecurityReview",
    "Suppression",
    "Tombstone",
]


class ConsentEvent(models.Model):
    """A consent that was given or withdrawn. Append only: a trigger lets an update do nothing but unlink the
    person.

    person: pseudonym of the user. purpose: one of policy.Purpose, or of a version's new purposes. text_hash: SHA-256 in hex of
    the text that was shown. unlinked_at: when the person was erased, or agreed without an account; the proof ends a
    term after that.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(null=True)
    person = models.CharField(max_length=64)
    purpose = models.CharField(max_length=16)
    given = models.BooleanField()
    policy_version = models.CharField(max_length=40)
    text_hash = models.CharField(max_length=64)
    ip = models.GenericIPAddressField(null=True)
    at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["person", "purpose", "-at", "-id"], name="consent_newest"),
            models.Index(fields=["unlinked_at"], condition=Q(unlinked_at__isnull=False), name="consent_unlinked"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(purpose__regex=r"^[a-z_]{2,16}$"), name="consent_purpose_is_a_key"),
            models.UniqueConstraint(
                fields=["person", "policy_version"],
                condition=Q(purpose="policy", given=True),
                name="consent_policy_accepted_once",
            ),
        ]


class Suppression(models.Model):
    """A number that must not be called, as a keyed hash. workspace_id: null for everybody. Outlives every
    erasure.

    last_asked_at: when it was asked for last, from which the term runs."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace_id = models.UUIDField(null=True)
    number_key = models.CharField(max_length=64)
    reason = models.CharField(max_length=40)
    source = models.CharField(max_length=20)
    created_at = models.DateTimeField()
    # What a program of the last version writes while the next one is put in its place names none.
    last_asked_at = models.DateTimeField(db_default=Now())
    lifted_at = models.DateTimeField(null=True)
    lifted_source = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["number_key", "workspace_id"],
                condition=Q(lifted_at__isnull=True),
                nulls_distinct=False,
                name="suppression_once_while_in_force",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["last_asked_at"], name="suppression_last_asked"),
            models.Index(fields=["number_key"], condition=Q(lifted_at__isnull=False), name="suppression_lifted"),
        ]


class Tombstone(models.Model):
    """Something was erased and must not come back. key: pseudonym of what `kind` names."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=64)
    erased_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "key"], name="tombstone_once")]
        indexes: ClassVar = [models.Index(fields=["erased_at"], name="tombstone_erased")]


class AuditEvent(models.Model):
    """A link of the chain. hash: SHA-256 over the previous hash and this row's content. A trigger refuses any
    change."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    sequence = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    workspace_id = models.UUIDField(null=True)
    actor_ref = models.CharField(max_length=64)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=80)
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace_id", "-sequence"], name="audit_of_workspace"),
            models.Index(fields=["at"], name="audit_at"),
            models.Index(fields=["target", "-sequence"], name="audit_of_target"),
        ]


class AuditHead(models.Model):
    """The one row that knows where the chain ends, so that a cut-off end is noticed too; its lock puts
    writers in line.

    ended_sequence, ended_hash: the newest link that went because its term was over; the first one left follows it.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    sequence = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default="")
    ended_sequence = models.BigIntegerField(default=0, db_default=0)
    ended_hash = models.CharField(max_length=64, default="", db_default="", blank=True)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="audit_head_is_one_row")]


class Request(models.Model):
    """What a person asked us to do with their data.

    state: requested -> approved -> running -> verifying -> rewriting -> done; requested -> cancelled.
    due_on: the last day for the answer. runs_at: not before this. subject: whom it concerns, sealed; emptied when it
    is done.
    person: pseudonym of the user. claimed_until: a worker has it. receipt: counts and times, nothing
    personal. held_told_after: the last day on which no hold that had something sealed permits telling so; null where one does.
    """

    OPEN_STATES: ClassVar = ("requested", "approved", "running", "verifying", "rewriting")
    # The channel of an erasure that a restored backup made necessary once more.
    RESTORED: ClassVar = "restored"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12)
    state = models.CharField(max_length=12, default="requested")
    channel = models.CharField(max_length=12)
    user_id = models.UUIDField(null=True)
    person = models.CharField(max_length=64)
    subject: models.Field[Any, Any] = SealedJSONField(null=True)
    opened_at = models.DateTimeField()
    due_on = models.DateField()
    runs_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    receipt_hash = models.CharField(max_length=64, unique=True)
    receipt: models.JSONField[Any, Any] = models.JSONField(null=True)
    held_told_after = models.DateField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "kind"],
                condition=Q(state__in=("requested", "approved", "running", "verifying", "rewriting")),
                name="request_one_open_of_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "cancelled"]) | Q(subject__isnull=False), name="request_open_has_subject"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=("requested", "approved", "running", "verifying", "rewriting")),
                name="request_due",
            )
        ]


class ErasureStep(models.Model):
    """One store's part in one erasure. counts: how many things went, by element, over all attempts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    state = models.CharField(max_length=8, default="pending")
    attempts = models.PositiveIntegerField(default=0)
    counts: models.JSONField[Any, Any] = models.JSONField(default=dict)
    error_type = models.CharField(max_length=80, blank=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "name"], name="erasure_step_once"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "done", "failed"]), name="erasure_step_state_known"
            ),
        ]


class LeftBytes(models.Model):
    """Whether rows that were ended by their terms have left bytes in the database's files; one row.

    since: when the oldest of them were ended, newest_at: when the newest; both null when no bytes are left.
    """

    ONLY: ClassVar = 1

    id = models.PositiveSmallIntegerField(primary_key=True)
    since = models.DateTimeField(null=True)
    newest_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(id=1), name="left_bytes_one_row"),
            models.CheckConstraint(
                condition=Q(since__isnull=True, newest_at__isnull=True) | Q(newest_at__gte=models.F("since")),
                name="left_bytes_is_whole",
            ),
        ]
