"""Debits at once, without a hold: what is paid on success only, such as an answered question."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import transaction

from ledger.models import Entry
from ledger.money import checked_amount
from ledger.operations.book import Batch, Line

DebitKind = Literal["ai_query"]


@dataclass(frozen=True, slots=True)
class Debit:
    """A booked debit. repeated: it was there already."""

    entry_id: UUID
    amount_mcredits: int
    repeated: bool


@transaction.atomic
def debit(
    *, workspace_id: UUID, key: str, amount_mcredits: int, kind: DebitKind, reference: str, now: datetime
) -> Debit:
    """Takes an amount from what is available, once per workspace and key: of a repetition the first amount counts.

    :raises InsufficientCredit: less is available; nothing was changed.
    :raises AmountOutOfRange:
    """
    checked_amount(amount_mcredits)
    batch = Batch(workspace_ids=[workspace_id], now=now)
    key = f"{kind}:{key}"
    if earlier := Entry.objects.for_workspace(workspace_id).filter(key=key).first():
        return Debit(entry_id=earlier.id, amount_mcredits=-earlier.effect_mcredits, repeated=True)
    entry = batch.post(
        batch.books(workspace_id),
        kind,
        [Line("available", "debit", amount_mcredits), Line("sales", "credit", amount_mcredits)],
        reference=reference,
        key=key,
    )
    batch.write()
    return Debit(entry_id=entry.id, amount_mcredits=amount_mcredits, repeated=False)


@transaction.atomic
def open_workspace(*, workspace_id: UUID, now: datetime) -> None:
    """Makes the workspace's accounts, which otherwise appear with its first entry. Repeating changes nothing."""
    Batch(workspace_ids=[workspace_id], now=now)
