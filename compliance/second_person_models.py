"""What one of us prepares and another has to approve: deletions for a case, and disclosures to authorities."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedJSONField


class PreparedDeletion(models.Model):
    """A deletion for a case, with what it would remove; another than who prepared it approves exactly that.

    state: waiting -> approved | withdrawn. subject: whom it concerns, until it is decided. counts: what was found, by element.
    digest: SHA-256 over subject and kinds, which the approval names. prepared_by, decided_by: as the audit log names people.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey("compliance.Case", on_delete=models.CASCADE, related_name="deletions")
    state = models.CharField(max_length=10, default="waiting")
    subject = SealedJSONField(null=True)
    counts: models.JSONField[Any, Any] = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    prepared_by = models.CharField(max_length=64)
    prepared_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="waiting", subject__isnull=False, decided_at__isnull=True, decided_by="")
                | (Q(state__in=("approved", "withdrawn"), subject__isnull=True, decided_at__isnull=False)),
                name="prepared_deletion_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | (~Q(decided_by=F("prepared_by")) & ~Q(decided_by="")),
                name="prepared_deletion_has_two_people",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state="waiting"), name="prepared_deletion_waits_once_a_case"
            ),
        ]


class AuthorityDisclosure(models.Model):
    """What an authority demands about a person by an order, and what was given. Its texts name nobody: they are kept for years.

    state: waiting -> approved -> released; waiting, approved -> withdrawn. order_id: the authority's own. secret_until: the last
    day on which the order forbids telling the person; null where it does not. elements: of the inventory, all that is given.
    subject: whom it concerns, until it is over. person: keyed hash of the account or the number. counts, digest: as with
    deletions. bundle_hash: SHA-256 of what was given, of which no copy is kept.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(max_length=12, unique=True)
    state = models.CharField(max_length=10, default="waiting")
    order_id = models.CharField(max_length=120)
    authority = models.CharField(max_length=200)
    legal_basis = models.CharField(max_length=200)
    secret_until = models.DateField(null=True)
    elements = ArrayField(models.CharField(max_length=32))
    person = models.CharField(max_length=64)
    subject = SealedJSONField(null=True)
    counts: models.JSONField[Any, Any] = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    prepared_by = models.CharField(max_length=64)
    prepared_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=64, blank=True)
    released_at = models.DateTimeField(null=True)
    bundle_hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=(
                    Q(state="waiting", subject__isnull=False, decided_at__isnull=True, decided_by="")
                    | Q(state="approved", subject__isnull=False, decided_at__isnull=False)
                    | Q(state__in=("released", "withdrawn"), subject__isnull=True, decided_at__isnull=False)
                ),
                name="authority_disclosure_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=("approved", "released"))
                | (~Q(decided_by=F("prepared_by")) & ~Q(decided_by="")),
                name="authority_disclosure_has_two_people",
            ),
            models.CheckConstraint(
                condition=~Q(order_id="") & ~Q(authority="") & ~Q(legal_basis=""), name="authority_disclosure_has_order"
            ),
            models.CheckConstraint(
                condition=Q(state="released", released_at__isnull=False, bundle_hash__regex="^[0-9a-f]{64}$")
                | (~Q(state="released") & Q(released_at__isnull=True, bundle_hash="")),
                name="authority_disclosure_released_is_whole",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-prepared_at", "-id"], name="authority_disclosure_newest"),
            models.Index(fields=["person"], name="authority_disclosure_person"),
        ]
