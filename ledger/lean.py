"""The balance, read on an event loop: the query sets and the shape of queries.py, compiled once."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from identity.compiled import Rows
from identity.reading import Reading
from ledger import queries
from ledger.models import Account, BalanceAlert, RateCard
from ledger.schemas import BalanceOut

_ACCOUNTS: Final = Rows[Account](queries.accounts_of, UUID(int=1))
_CARDS: Final = Rows[RateCard](lambda now: queries.rate_cards(now)[:1], datetime(2000, 1, 1, tzinfo=UTC))
_ALERTS: Final = Rows[BalanceAlert](lambda workspace_id: queries.alerts_of(workspace_id)[:1], UUID(int=1))


async def balance(reading: Reading, *, workspace_id: UUID, now: datetime) -> BalanceOut:
    """As `queries.balance`. Raises ReadingFailed."""
    accounts, cards, alerts = await reading.all(
        _ACCOUNTS.asked(workspace_id), _CARDS.asked(now), _ALERTS.asked(workspace_id)
    )
    return queries.balance_of(accounts, card=cards[0], alert=alerts[0] if alerts else None)
