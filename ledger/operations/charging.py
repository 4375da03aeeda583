"""Charging what live references have run up, many at once: the meter's operation."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from django.db import transaction

from ledger.chart import HOUSE_ACCOUNT_IDS
from ledger.money import AMOUNT_MAX_MCREDITS, AmountOutOfRange
from ledger.operations import spending
from ledger.operations.spending import Balances, Spend

CHARGES_AT_ONCE_MAX = 10_000

Outcome = Literal["charged", "already_charged", "insufficient", "closed"]
_OUTCOMES: Final[dict[spending.Outcome, Outcome]] = {
    "paid": "charged",
    "already": "already_charged",
    "insufficient": "insufficient",
    "closed": "closed",
}


class Charge(NamedTuple):
    """One part of what a reference runs up, such as one increment of a call.

    ordinal: which part, from 0; (reference, ordinal) is charged once, whoever asks how often.
    amount_mcredits: 0 books nothing.
    """

    workspace_id: UUID
    reference: str
    ordinal: int
    amount_mcredits: int


class ChargeResult(NamedTuple):
    """What became of a charge.

    outcome: insufficient means that nothing of it was charged; closed, that nothing is or can be held for the reference.
    spendable_mcredits: what the reference can spend after it was decided: the rest of its hold, and what the workspace
    has available.
    """

    reference: str
    ordinal: int
    amount_mcredits: int
    outcome: Outcome
    spendable_mcredits: int


@transaction.atomic
def capture_due(*, charges: Sequence[Charge], now: datetime, held_until: datetime | None = None) -> list[ChargeResult]:
    """Charges each part once: from the reference's hold, and what that lacks from what is available.

    One transaction and, as long as everybody can pay, one statement, whatever the number of charges; results come in the
    given order. Charges that cannot be paid change nothing and do not hinder the others.
    held_until: to when active holds of what was charged are renewed, once half of the time until then is over: their
    references are alive.

    :raises AmountOutOfRange: an amount is negative or too large; nothing was changed.
    """
    if len(charges) > CHARGES_AT_ONCE_MAX:
        raise ValueError(f"at most {CHARGES_AT_ONCE_MAX} charges at once")
    for charge in charges:
        if not 0 <= charge.amount_mcredits <= AMOUNT_MAX_MCREDITS:
            raise AmountOutOfRange(
                f"A charge of {charge.amount_mcredits} milli-credits cannot be booked; give 0 to {AMOUNT_MAX_MCREDITS}."
            )
    wishes = [
        Spend(charge.workspace_id, "charge", charge.reference, charge.ordinal, None, charge.amount_mcredits, now)
        for charge in charges
    ]
    return [
        ChargeResult(
            reference=charge.reference,
            ordinal=charge.ordinal,
            amount_mcredits=charge.amount_mcredits,
            outcome=_OUTCOMES[spent.outcome],
            spendable_mcredits=spent.spendable_mcredits,
        )
        for charge, spent in zip(charges, spending.charge(wishes, held_until=held_until), strict=True)
    ]


def charging(*, now: datetime, held_until: datetime) -> dict[str, Any]:
    """The parameters of `CHARGED`; as those of `capture_due`."""
    return {"charged_at": now, "held_until": held_until, "sales": HOUSE_ACCOUNT_IDS["sales"]}


def tell_of_charges(changed: Mapping[UUID, Balances]) -> None:
    """Tells browsers, after commit, what workspaces have after charges that a statement with `CHARGED` booked."""
    spending.tell_on_commit(changed)


# The middle of a statement that finds out what is to be charged and notes what became of it, so that neither goes to and fro: reads
# a table `asked` of workspace_id, reference, ordinal, amount and place, from 1, in whose order it is booked, and each (reference,
# ordinal) once. Its rows are those of the database's function, by place. One that says "again" was not booked, though it might
# be, since a larger one before it could not: `capture_due` decides such.
CHARGED: Final = """
SELECT booked.*
FROM (
    SELECT array_agg(workspace_id ORDER BY place) AS workspaces, array_agg(reference ORDER BY place) AS refs,
           array_agg(ordinal ORDER BY place) AS ordinals, array_agg(amount ORDER BY place) AS amounts
    FROM asked
) AS asking
CROSS JOIN LATERAL ledger_charge(
    asking.workspaces, asking.refs, asking.ordinals, asking.amounts, %(charged_at)s, %(held_until)s, %(sales)s
) AS booked
"""
