"""What our own people have looked over, and what they found that has to be done."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

REVIEWED = ("access", "processors", "measures", "retention", "backups", "breach_plan")


class SecurityReview(models.Model):
    """A review of one kind, as it was done; never changed afterwards. Its texts name nobody: they are kept for years.

    findings: in words, also that nothing was found. reviewed_by: who of us, as the audit log names people. due_on: the last day for
    the next one of the kind.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12)
    reviewed_at = models.DateTimeField()
    reviewed_by = models.CharField(max_length=64)
    findings = models.TextField()
    due_on = models.DateField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=REVIEWED), name="review_kind_known"),
            models.CheckConstraint(condition=~Q(findings=""), name="review_says_what_was_found"),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "-reviewed_at"], name="review_newest")]


class FollowUp(models.Model):
    """Something that a review found and that is to be done. Open until somebody says how it was done."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    review = models.ForeignKey(SecurityReview, on_delete=models.CASCADE, related_name="follow_ups")
    what = models.CharField(max_length=300)
    done_at = models.DateTimeField(null=True)
    done_by = models.CharField(max_length=64, blank=True)
    how = models.CharField(max_length=1_000, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by="", how="")
                | (Q(done_at__isnull=False) & ~Q(done_by="") & ~Q(how="")),
                name="follow_up_done_says_how",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["review"], condition=Q(done_at__isnull=True), name="follow_up_open")]


class BackupLook(models.Model):
    """What once lay in the folders of backups. over: files older than people are told; unread: folders that could not be read.
    oldest_at: null when there was no file. told_at: when the operator was told of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    looked_at = models.DateTimeField()
    files = models.PositiveIntegerField()
    over = models.PositiveIntegerField()
    unread = models.PositiveIntegerField()
    oldest_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-looked_at"], name="backup_look_newest")]


class ReviewAlert(models.Model):
    """A mail to the operator that a review of the kind was due on that day and is not done; once. next_at: when it is tried next."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=12)
    due_on = models.DateField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "due_on"], name="review_alerted_once")]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="review_alert_due")
        ]
