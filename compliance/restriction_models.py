"""What is kept of data that is used for nothing for the time being."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7


class Restriction(models.Model):
    """Data of a person that is kept and used for nothing until somebody decides, for the reason of one case: another is decided by
    itself. lifted_at: null while it holds."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey("compliance.Case", on_delete=models.SET_NULL, null=True, related_name="restrictions")
    person = models.CharField(max_length=64)
    since = models.DateTimeField()
    lifted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "person"], condition=Q(lifted_at__isnull=True), name="restriction_one_in_force_a_case"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["person"], condition=Q(lifted_at__isnull=True), name="restriction_in_force")
        ]


class RestrictedRow(models.Model):
    """A lead or an account that a restriction in force covers, by its random identifier."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    restriction = models.ForeignKey(Restriction, on_delete=models.CASCADE, related_name="rows")
    row_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["restriction", "row_id"], name="restricted_row_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["row_id"], name="restricted_row")]
