"""Whom somebody names to act for them when they no longer can, and what such a person asks for (DPDP Act, 2023, s. 14)."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedField, index_column


class Nominee(models.Model):
    """Whom a person with an account has named; at most one.

    link_hash: SHA-256 of what stands in the mail to the nominee, by which it is declined. next_at: when that mail is tried next.
    declined_at: the nominee does not want to; name and address are gone then.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(unique=True)
    name = SealedField(blank=True)
    email = SealedField(blank=True, lookup=True)
    email_key = index_column("email")
    named_at = models.DateTimeField()
    link_hash = models.CharField(max_length=64, unique=True)
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    declined_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["email_key"], name="nominee_email"),
            models.Index(
                fields=["next_at"], condition=Q(sent_at__isnull=True, declined_at__isnull=True), name="nominee_mail_due"
            ),
        ]


class NomineeClaim(models.Model):
    """What a nominee asks for, until the link that was mailed to the nominee shows that it is the nominee who asks.

    words: the nominee's own. link_hash: SHA-256 of what stands in the mail; good until expires_at.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    nominee = models.ForeignKey(Nominee, on_delete=models.CASCADE, related_name="claims")
    words = SealedField()
    link_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    next_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["next_at"], condition=Q(sent_at__isnull=True), name="nominee_claim_due"),
            models.Index(fields=["created_at"], name="nominee_claim_age"),
        ]


class NomineeGrant(models.Model):
    """What a nominee may do, as one of us has prepared it and another approved it.

    state: waiting -> approved | withdrawn. evidence: what showed that the person died or cannot act; it names nobody, and goes a few
    days after the decision. access: a copy of the data, by one link. erasure: the account is deleted. link_hash, link_until: of that
    link; used_at: once, when.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    case = models.ForeignKey("compliance.Case", on_delete=models.CASCADE, related_name="grants")
    state = models.CharField(max_length=10, default="waiting")
    evidence = models.TextField(blank=True)
    access = models.BooleanField()
    erasure = models.BooleanField()
    prepared_by = models.CharField(max_length=64)
    prepared_at = models.DateTimeField()
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True)
    link_hash = models.CharField(max_length=64, blank=True)
    link_until = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True, decided_by="")
                | Q(state__in=("approved", "withdrawn"), decided_at__isnull=False),
                name="nominee_grant_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | (~Q(decided_by=F("prepared_by")) & ~Q(decided_by="")),
                name="nominee_grant_has_two_people",
            ),
            models.CheckConstraint(
                condition=(Q(access=True) | Q(erasure=True)) & (~Q(evidence="") | ~Q(state="waiting")),
                name="nominee_grant_says_what_and_why",
            ),
            models.UniqueConstraint(fields=["case"], condition=Q(state="waiting"), name="nominee_grant_waits_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["link_hash"], condition=~Q(link_hash=""), name="nominee_grant_link")]
