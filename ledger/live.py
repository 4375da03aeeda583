"""What the meter asks of the ledger each second, for all live references at once."""

from collections.abc import Iterator, Sequence
from typing import Final
from uuid import UUID

from django.db import connection

from ledger.models import RateCard
from ledger.money import RateCardTerms

_PAGE: Final = 500


def all_terms() -> dict[UUID, RateCardTerms]:
    """Every version of the prices: there are few, and a live call may have begun with any of them."""
    return {card.id: card.terms for card in RateCard.objects.all()}


def running_low(*, below_mcredits: int) -> Iterator[Sequence[str]]:
    """The references with an open hold that can spend less than this, page by page.

    What they can spend is the rest of the hold and what the workspace has available, in milli-credits.
    """
    with connection.chunked_cursor() as cursor:
        cursor.execute(_RUNNING_LOW, [below_mcredits, below_mcredits])
        while page := cursor.fetchmany(_PAGE):
            yield [reference for (reference,) in page]


def spendable(references: Sequence[str]) -> dict[str, int]:
    """What each of these can spend; one without a hold is missing."""
    with connection.cursor() as cursor:
        cursor.execute(SPENDABLE, [list(references)])
        return dict(cursor.fetchall())


_HELD_AND_FREE = """
FROM ledger_hold AS hold
JOIN ledger_account AS account ON account.workspace_id = hold.workspace_id AND account.kind = 'available'
"""
_RUNNING_LOW = f"""
SELECT hold.reference {_HELD_AND_FREE}
WHERE hold.state IN ('active', 'expired') AND account.balance_mcredits < %s
  AND hold.remaining_mcredits + account.balance_mcredits < %s
"""
# Of references as an array: each that has a hold, with what it can spend.
SPENDABLE: Final = f"""
SELECT hold.reference, hold.remaining_mcredits + account.balance_mcredits {_HELD_AND_FREE}
WHERE hold.reference = ANY (%s)
"""
