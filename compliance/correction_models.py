"""What was corrected and is still being followed by everything that was made of it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedJSONField

CORRECTED = ("account", "lead")


class Correction(models.Model):
    """Facts about a person that were put right; the row is the job of having all copies follow.

    target_id: of the account or the lead. what: the facts. old: what they were, by fact; emptied when it is done. left: how many places
    still hold that, by store, when it was last looked. next_at: when it is looked next.
    One that belongs to no case goes when it is done; one of a case stays with it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey("compliance.Case", on_delete=models.CASCADE, null=True, related_name="corrections")
    kind = models.CharField(max_length=8)
    target_id = models.UUIDField()
    what = ArrayField(models.CharField(max_length=8))
    old = SealedJSONField(null=True)
    began_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    left = models.JSONField(default=dict)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=CORRECTED), name="correction_kind_known"),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, old__isnull=False) | Q(done_at__isnull=False, old__isnull=True),
                name="correction_done_is_emptied",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(done_at__isnull=True), name="correction_due"),
            models.Index(fields=["kind", "target_id"], name="correction_of"),
        ]
