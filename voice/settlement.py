"""The final charge of a call: adjusts what was debited live to the total, never adds to it."""

from datetime import datetime

from ledger import operations as ledger
from ledger import queries as ledger_queries
from ledger.money import price
from voice.models import Call


def settle_call(*, call: Call, now: datetime) -> None:
    """Settles a call that has ended; the caller has locked its row. Settling again with news of its length adjusts."""
    card = ledger_queries.rate_card(call.rate_card_id)
    billable_s = call.billable_s
    total = price(duration_s=billable_s, terms=card.terms) if call.answered_at else 0
    settled = ledger.settle(reference=call.ledger_reference, total_mcredits=total, now=now)
    # Less than the total when the credits did not reach.
    call.charged_mcredits = settled.charged_mcredits
    call.minutes_charged = -(-billable_s // card.terms.increment_s)
    call.settled_at = now
    call.save(update_fields=["charged_mcredits", "minutes_charged", "settled_at"])
