"""How this database stands to the erasure ledger, which is a database of its own (compliance/erasure_ledger.py)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7


class LedgerMark(models.Model):
    """The one row that says how far this database has seen the ledger; a backup carries it along.

    ledger: the identity of the ledger that it belongs with. sequence: of the newest entry it has seen. told_at: when the operator
    was told last that the ledger does not take what waits for it. asked_in: in which database of which run of its server a process
    found all of the ledger seen (compliance.erasure_ledger.PLACE); one that was restored is another, so that it says nothing there.
    remembered: which edition of what the database knows by itself it has told the ledger (compliance.erasure_ledger.REMEMBERED).
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    ledger = models.UUIDField()
    sequence = models.BigIntegerField(default=0)
    told_at = models.DateTimeField(null=True)
    asked_in = models.CharField(max_length=100, default="", db_default="")
    remembered = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(id=1), name="ledger_mark_is_one_row")]


class LedgerNote(models.Model):
    """An entry that waits for being taken to the ledger, written in the transaction of what it tells of.

    entry_id: follows from what the entry says, so that it is entered once however often it is taken there. kind, key, at, detail: as
    compliance.erasure_ledger.Entry has them. noted_at: since when it waits.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    entry_id = models.UUIDField(unique=True)
    kind = models.CharField(max_length=16)
    key = models.CharField(max_length=64)
    at = models.DateTimeField()
    detail: models.JSONField[Any, Any] = models.JSONField(default=dict)
    noted_at = models.DateTimeField()
