"""The final charge of a call: adjusts what was debited live to the total, never adds to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from ledger import operations as ledger
from ledger import queries as ledger_queries
from ledger.money import price
from voice.models import Call

# What a settlement changes of a call.
SETTLED: Final = ("charged_mcredits", "minutes_charged", "settled_at")


def settle_calls(*, calls: Sequence[Call], now: datetime) -> None:
    """Settles calls that have ended, all in one booking; the caller has locked their rows and saves them. Settling again with
    news of their length adjusts."""
    totals = {call.ledger_reference: _total_mcredits(call) for call in calls}
    settled = ledger.settle_together(totals_mcredits=totals, now=now)
    for call in calls:
        card = ledger_queries.rate_card(call.rate_card_id)
        # Less than the total when the credits did not reach.
        call.charged_mcredits = settled[call.ledger_reference].charged_mcredits
        call.minutes_charged = -(-call.billable_s // card.terms.increment_s)
        call.settled_at = now


def _total_mcredits(call: Call) -> int:
    card = ledger_queries.rate_card(call.rate_card_id)
    return price(duration_s=call.billable_s, terms=card.terms) if call.answered_at else 0
