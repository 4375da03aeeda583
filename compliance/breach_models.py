"""The register of breaches: what happened, when it was noticed, and who was told in time."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7


class Breach(models.Model):
    """A breach of personal data. Its texts name nobody: they are kept for years and reached by no erasure.

    noticed_at: when the 72 hours began in which the authority is to be told. told_authority_at, told_people_at: null until
    that is done. conclusion: why it is closed. untold_reason: why the authority had not to be told, of one that is closed without that.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(max_length=12, unique=True)
    noticed_at = models.DateTimeField()
    what = models.TextField()
    told_authority_at = models.DateTimeField(null=True)
    told_people_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    conclusion = models.TextField(blank=True)
    untold_reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, untold_reason="")
                | Q(closed_at__isnull=False) & (Q(told_authority_at__isnull=False) ^ ~Q(untold_reason="")),
                name="breach_closed_told_or_says_why_not",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, conclusion="") | (Q(closed_at__isnull=False) & ~Q(conclusion="")),
                name="breach_closed_has_conclusion",
            ),
        ]


class BreachEntry(models.Model):
    """A line of a breach's history. author: "operator", or a random identifier of who wrote it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    breach = models.ForeignKey(Breach, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField()
    author = models.CharField(max_length=64)
    text = models.TextField()


class BreachAlert(models.Model):
    """A mail to the operator that so many hours have passed and the authority is not told. next_at: when it is tried next."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    breach = models.ForeignKey(Breach, on_delete=models.CASCADE, related_name="alerts")
    after_h = models.PositiveIntegerField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["breach", "after_h"], name="breach_alerted_once_an_hour_of_the_clock")
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="breach_alert_due")
        ]
