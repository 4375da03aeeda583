"""What is kept of the policy's versions and of who was told of them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7


class PolicyVersion(models.Model):
    """A version as people were told of it, written once and never changed: a trigger refuses it.

    name: as the registry has it. clauses: list of {id, section, text}. purposes: list of {key, title, words, if_no}.
    where_twilio_writes: clause -> wording. receives: processor -> classes of data. text_hash: SHA-256 in hex over all of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=32, unique=True)
    effective_at = models.DateTimeField(db_index=True)
    published_at = models.DateTimeField()
    summary = models.TextField()
    clauses: models.JSONField[Any, Any] = models.JSONField()
    purposes: models.JSONField[Any, Any] = models.JSONField()
    where_twilio_writes: models.JSONField[Any, Any] = models.JSONField()
    receives: models.JSONField[Any, Any] = models.JSONField()
    text_hash = models.CharField(max_length=64)


class PolicyMail(models.Model):
    """A notice of a coming version that is to be sent to one person, or was. next_at: when it is tried next."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.ForeignKey(PolicyVersion, on_delete=models.CASCADE, related_name="+")
    user_id = models.UUIDField()
    created_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "user_id"], name="policy_mail_once_per_person")
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="policy_mail_due"),
            models.Index(fields=["created_at"], name="policy_mail_age"),
        ]


class PolicyReceipt(models.Model):
    """Proof that somebody was told of a version: how, when, and of which text. Append only; a trigger lets an update do
    nothing but unlink the person.

    person: pseudonym of the user. channel: "mail" when the mail server took the mail, "back" when another one said later that it
    cannot deliver it, "app" when the person confirmed the notice on the page. text_hash: of the version as this installation words it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    version = models.CharField(max_length=40)
    user_id = models.UUIDField(null=True, db_index=True)
    person = models.CharField(max_length=64)
    channel = models.CharField(max_length=4)
    text_hash = models.CharField(max_length=64)
    at = models.DateTimeField()
    unlinked_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["person", "version", "channel"], name="policy_receipt_once_per_channel"),
            models.CheckConstraint(
                condition=Q(channel__in=["mail", "app", "back"]), name="policy_receipt_channel_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["unlinked_at"], condition=Q(unlinked_at__isnull=False), name="policy_receipt_unlinked")
        ]
