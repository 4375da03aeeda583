"""Keyed hashes of what was erased, so that a late callback, a queued job or a restored backup cannot bring it
back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal
from uuid import UUID

from compliance.models import Tombstone
from processors.pseudonyms import pseudonym

Kind = Literal["user", "workspace", "email", "phone", "social", "call", "sid", "lead"]


def bury(*, kind: Kind, values: Iterable[str | UUID], now: datetime) -> None:
    """Idempotent."""
    rows = [Tombstone(kind=kind, key=pseudonym(kind, value), erased_at=now) for value in values if value]
    Tombstone.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)


def is_erased(kind: Kind, value: str | UUID) -> bool:
    return Tombstone.objects.filter(kind=kind, key=pseudonym(kind, value)).exists()
