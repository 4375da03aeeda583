"""Debits at once, without a hold: what is paid on success only, such as an answered question."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db import connection, transaction

from ledger.money import checked_amount
from ledger.operations import spending
from ledger.operations.book import Batch, InsufficientCredit
from ledger.operations.spending import Spend
from ledger.operations.teller import Booked, NoConnection, Slip, Teller
from ledger.operations.together import Together

DebitKind = Literal["ai_query"]
AT_ONCE_MAX: Final = 500
WAITING_MAX: Final = 10_000
PATIENCE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Debit:
    """A booked debit. repeated: it was there already."""

    entry_id: UUID
    amount_mcredits: int
    repeated: bool


def debit(
    *, workspace_id: UUID, key: str, amount_mcredits: int, kind: DebitKind, reference: str, now: datetime
) -> Debit:
    """Takes an amount from what is available, once per workspace and key: of a repetition the first amount counts.

    Inside a transaction it is part of it. Outside it is committed when this returns, together with whatever other threads
    of the process ask for at the same moment: one statement and one commit for all, an answer of its own for each.

    :raises InsufficientCredit: less is available; nothing was changed.
    :raises LedgerBusy: it is not known whether it was booked; ask again with the same key.
    :raises AmountOutOfRange:
    """
    checked_amount(amount_mcredits)
    wish = Spend(workspace_id, kind, reference, 0, f"{kind}:{key}", amount_mcredits, now)
    booked = None if connection.in_atomic_block else _with_others(wish)
    spent = spending.debit([wish])[0] if booked is None else booked.spent
    if spent.entry_id is None:
        raise InsufficientCredit(
            f"{amount_mcredits} milli-credits are needed and {spent.spendable_mcredits} are there. Buy a pack first."
        )
    return Debit(spent.entry_id, spent.amount_mcredits, repeated=spent.outcome == "already")


def _with_others(wish: Spend) -> Booked | None:
    """None: it is to be tried alone."""
    try:
        return _together.ask(Slip.of(wish))
    except NoConnection:
        return None


@transaction.atomic
def open_workspace(*, workspace_id: UUID, now: datetime) -> None:
    """Makes the workspace's accounts, which otherwise appear with its first entry. Repeating changes nothing."""
    Batch(workspace_ids=[workspace_id], now=now)


_together: Final[Together[Slip, Booked | None]] = Together(
    Teller(), at_once_max=AT_ONCE_MAX, waiting_max=WAITING_MAX, patience_s=PATIENCE_S
)
