"""Keyed hashes of what was erased, so that a late callback, a queued job or a restored backup cannot bring it
back."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, Literal, get_args
from uuid import UUID

from django.db import transaction

from compliance import erasure_ledger
from compliance.erasure_ledger import Entry
from compliance.models import Tombstone
from processors.pseudonyms import pseudonym

Kind = Literal["user", "workspace", "email", "phone", "social", "call", "sid", "lead"]
# What a restored database has to be told. A call that is in it is buried again with the erasure that took it.
Entered = Literal["user", "workspace", "social", "lead"]
ENTERED: Final[tuple[Entered, ...]] = get_args(Entered)


def bury(*, kind: Kind, values: Iterable[str | UUID], now: datetime) -> None:
    """Idempotent."""
    keys = [pseudonym(kind, value) for value in values if value]
    with transaction.atomic():
        put(kind=kind, keys=keys, at=now)
        if kind in ENTERED:
            erasure_ledger.note([Entry(kind, key, now) for key in keys], now=now)


def put(*, kind: Kind, keys: Iterable[str], at: datetime) -> None:
    """What the erasure ledger knows already, by keyed hash. Idempotent."""
    rows = [Tombstone(kind=kind, key=key, erased_at=at) for key in keys]
    Tombstone.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1_000)


def erased_among(kind: Kind, values: Iterable[UUID]) -> set[UUID]:
    """Those of these that were erased."""
    by_key = {pseudonym(kind, value): value for value in values}
    found = Tombstone.objects.filter(kind=kind, key__in=by_key).values_list("key", flat=True)
    return {by_key[key] for key in found}


def is_erased(kind: Kind, value: str | UUID) -> bool:
    return Tombstone.objects.filter(kind=kind, key=pseudonym(kind, value)).exists()
