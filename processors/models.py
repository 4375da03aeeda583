"""What left the machine, what was kept from leaving, by which keys rows are found, and by which people are hashed."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from uuid_utils.compat import uuid7

from processors.sealed_fields import SealedField


class Disclosure(models.Model):
    """How often one processor was told which classes of data about one person, on one day.

    person: pseudonym of the user or of the number, "" when the request concerned nobody. count: requests, at
    least 1.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    day = models.DateField()
    processor = models.CharField(max_length=32)
    endpoint = models.CharField(max_length=64)
    data_classes = ArrayField(models.CharField(max_length=32))
    person = models.CharField(max_length=64)
    workspace_id = models.UUIDField(null=True)
    count = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["day", "processor", "endpoint", "data_classes", "person", "workspace_id"],
                name="disclosure_once_a_day",
                nulls_distinct=False,
            ),
            models.CheckConstraint(condition=models.Q(count__gte=1), name="disclosure_count_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "day"], name="disclosure_person"),
            models.Index(fields=["workspace_id", "day"], name="disclosure_workspace"),
            models.Index(fields=["day"], name="disclosure_day"),
        ]


class BlockedEgress(models.Model):
    """An attempt to send something that the register does not allow; nothing was sent.

    reason: a code of processors.blocked.REASONS. field: the name of the refused field, never its value.
    told_at: when the operator was written to about it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    at = models.DateTimeField()
    processor = models.CharField(max_length=32, blank=True)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(null=True)
    endpoint = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=32)
    field = models.CharField(max_length=80, blank=True)
    told_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["at"], name="blocked_egress_at"),
            models.Index(fields=["at"], condition=models.Q(told_at__isnull=True), name="blocked_egress_untold"),
        ]


class LookUpKey(models.Model):
    """A LOOKUP_KEY with which the product has started, until `sealed renew` found no row under it any more: rows may be under it.

    key_id: follows from the key and says nothing about it.
    """

    key_id = models.CharField(max_length=8, primary_key=True)


class HashKey(models.Model):
    """The key of all keyed hashes, in hex: one row, of which the erasure ledger has a copy (compliance/ledger_key.py)."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    value = SealedField(keys="SUPPRESSION_KEY", pattern="[0-9a-f]{64}")

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(id=1), name="hash_key_once")]


class Guesses(models.Model):
    """How often one kind of secret or sender was guessed or forged from one network in one hour; all of it was refused.

    kind: of processors.guessing.KINDS. network_key: pseudonym of the network, "" where none is known. hour: its begin.
    told_at: when the operator was written to about it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=24)
    network_key = models.CharField(max_length=64, blank=True)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField()
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "network_key", "hour"], name="guesses_once_an_hour"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["hour"], name="guesses_hour"),
            models.Index(fields=["kind", "count"], condition=models.Q(told_at__isnull=True), name="guesses_untold"),
        ]
