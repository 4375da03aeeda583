"""What an order or the law demands to be kept although it would end: which rows, on what ground, and until when."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedJSONField

HELD_KINDS = ("account", "lead", "call")
# A call's text ends before the call does, and any of it may be overwritten before.
COPY_KINDS = (*HELD_KINDS, "text", "user_was", "lead_was", "call_was", "line_was")


class LegalHold(models.Model):
    """One ground on which rows are kept. Its texts name nobody.

    basis: the law or order on which it rests. order_id: the authority's own, "" where it is no order. review_on: the day on which
    somebody looks whether it is still needed. ends_on: its last day. secret_until: the last day on which the ground forbids telling
    the person that anything is kept; null where it does not. approved_by: another than who placed it. lift_asked_by: who wants what is
    sealed to go, for another to decide, for the lift_reason. told_at: when the operator was told that its review is due, or
    before that that nobody else has approved it; next_at: when that is tried next.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(max_length=12, unique=True)
    basis = models.CharField(max_length=200)
    order_id = models.CharField(max_length=120, blank=True)
    reason = models.TextField()
    review_on = models.DateField()
    ends_on = models.DateField()
    secret_until = models.DateField(null=True)
    placed_by = models.CharField(max_length=64)
    placed_at = models.DateTimeField()
    approved_by = models.CharField(max_length=64, blank=True)
    approved_at = models.DateTimeField(null=True)
    lift_asked_by = models.CharField(max_length=64, blank=True)
    lifted_by = models.CharField(max_length=64, blank=True)
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.TextField(blank=True)
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=~Q(basis="") & ~Q(reason="") & ~Q(placed_by=""), name="legal_hold_has_ground_and_person"
            ),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by="", lift_asked_by="", lift_reason="")
                | (Q(lifted_at__isnull=True, lifted_by="") & ~Q(lift_asked_by="") & ~Q(lift_reason=""))
                | (Q(lifted_at__isnull=False) & ~Q(lifted_by="") & ~Q(lift_reason="")),
                name="legal_hold_lifted_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(approved_at__isnull=True, approved_by="")
                | (Q(approved_at__isnull=False) & ~Q(approved_by="") & ~Q(approved_by=F("placed_by"))),
                name="legal_hold_has_two_people",
            ),
            models.CheckConstraint(
                condition=Q(lift_asked_by="") | ~Q(lifted_by=F("lift_asked_by")), name="legal_hold_lifted_by_another"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["review_on"], condition=Q(lifted_at__isnull=True), name="legal_hold_in_force")
        ]


class HeldRow(models.Model):
    """An account, a lead with its calls, or a call that a hold covers, by its random identifier."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hold = models.ForeignKey(LegalHold, on_delete=models.CASCADE, related_name="rows")
    kind = models.CharField(max_length=8)
    row_id = models.UUIDField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=HELD_KINDS), name="held_row_kind_known"),
            models.UniqueConstraint(fields=["hold", "kind", "row_id"], name="held_row_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["kind", "row_id"], name="held_row")]


class HeldCopy(models.Model):
    """What an erased row held, or the text of a call whose term is over, or what stood there before the first change under the hold,
    sealed with the keys of `STAFF_SECRET_KEYS`: nothing in the application reads it. It goes with the hold. row_id: of a text the call's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    hold = models.ForeignKey(LegalHold, on_delete=models.CASCADE, related_name="copies")
    kind = models.CharField(max_length=8)
    row_id = models.UUIDField()
    content = SealedJSONField(keys="STAFF_SECRET_KEYS")
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=COPY_KINDS), name="held_copy_kind_known"),
            models.UniqueConstraint(fields=["hold", "kind", "row_id"], name="held_copy_once"),
        ]
