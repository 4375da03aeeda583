"""Charging what live references have run up, many at once: the meter's operation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection, transaction

from ledger.models import Hold
from ledger.money import AMOUNT_MAX_MCREDITS, AmountOutOfRange
from ledger.operations.book import Batch, Line, Overtaken

CHARGES_AT_ONCE_MAX = 10_000
_ATTEMPTS_MAX = 3

Outcome = Literal["charged", "already_charged", "insufficient", "closed"]


@dataclass(frozen=True, slots=True)
class Charge:
    """One part of what a reference runs up, such as one increment of a call.

    ordinal: which part, from 0; (reference, ordinal) is charged once, whoever asks how often.
    amount_mcredits: 0 books nothing.
    """

    workspace_id: UUID
    reference: str
    ordinal: int
    amount_mcredits: int


@dataclass(frozen=True, slots=True)
class ChargeResult:
    """What became of a charge.

    outcome: insufficient means that nothing of it was charged; closed, that nothing is or can be held for the reference.
    spendable_mcredits: what the reference can spend once the whole batch is booked: the rest of its hold, and what the
    workspace has available.
    """

    reference: str
    ordinal: int
    amount_mcredits: int
    outcome: Outcome
    spendable_mcredits: int


def capture_due(*, charges: Sequence[Charge], now: datetime) -> list[ChargeResult]:
    """Charges each part once: from the reference's hold, and what that lacks from what is available.

    One transaction and a fixed number of statements, whatever the number of charges; results come in the given order.
    Charges that cannot be paid change nothing and do not hinder the others.

    :raises AmountOutOfRange: an amount is negative or too large; nothing was changed.
    :raises Overtaken: another meter won the race three times in a row; nothing was changed.
    """
    if len(charges) > CHARGES_AT_ONCE_MAX:
        raise ValueError(f"at most {CHARGES_AT_ONCE_MAX} charges at once")
    for charge in charges:
        if not 0 <= charge.amount_mcredits <= AMOUNT_MAX_MCREDITS:
            raise AmountOutOfRange(f"A charge of {charge.amount_mcredits} milli-credits cannot be booked.")
    for _ in range(_ATTEMPTS_MAX - 1):
        try:
            return _capture(charges, now)
        except Overtaken:
            continue
    return _capture(charges, now)


@transaction.atomic
def _capture(charges: Sequence[Charge], now: datetime) -> list[ChargeResult]:
    batch = Batch(workspace_ids={charge.workspace_id for charge in charges}, now=now)
    # Read under the lock of the accounts, so that nobody changes them before this transaction ends.
    references = {charge.reference for charge in charges}
    holds = {hold.reference: hold for hold in Hold.objects.get_queryset().filter(reference__in=references)}
    booked = _booked(charges)
    outcomes = [_charge(batch, holds.get(charge.reference), charge, booked) for charge in charges]
    batch.write()
    _store(list(holds.values()))
    return [
        ChargeResult(
            reference=charge.reference,
            ordinal=charge.ordinal,
            amount_mcredits=charge.amount_mcredits,
            outcome=outcome,
            spendable_mcredits=_spendable(batch, holds.get(charge.reference), charge),
        )
        for charge, outcome in zip(charges, outcomes, strict=True)
    ]


def _charge(batch: Batch, hold: Hold | None, charge: Charge, booked: set[tuple[str, int]]) -> Outcome:
    """Posts one charge into the batch and takes it off the hold in memory."""
    if hold is None or hold.workspace_id != charge.workspace_id:
        return "closed"
    if (charge.reference, charge.ordinal) in booked:
        return "already_charged"
    # An expired hold is not the end: the carrier may have been silent for a while about a call that goes on.
    if hold.state not in ("active", "expired"):
        return "closed"
    books = batch.books(charge.workspace_id)
    from_hold = min(charge.amount_mcredits, hold.remaining_mcredits)
    from_available = charge.amount_mcredits - from_hold
    if from_available > books.available:
        return "insufficient"
    booked.add((charge.reference, charge.ordinal))
    if charge.amount_mcredits:
        hold.remaining_mcredits -= from_hold
        hold.charged_mcredits += charge.amount_mcredits
        batch.post(
            books,
            "charge",
            [
                Line("held", "debit", from_hold),
                Line("available", "debit", from_available),
                Line("sales", "credit", charge.amount_mcredits),
            ],
            reference=charge.reference,
            ordinal=charge.ordinal,
        )
    return "charged"


def _booked(charges: Sequence[Charge]) -> set[tuple[str, int]]:
    """Which of these parts are charged already."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT entry.reference, entry.ordinal
            FROM unnest(%s::text[], %s::int[]) AS asked (reference, ordinal)
            JOIN ledger_entry AS entry ON entry.kind = 'charge' AND entry.reference = asked.reference
                AND entry.ordinal = asked.ordinal
            """,
            [[charge.reference for charge in charges], [charge.ordinal for charge in charges]],
        )
        return {(reference, ordinal) for reference, ordinal in cursor.fetchall()}


def _store(holds: Sequence[Hold]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE ledger_hold AS hold
            SET remaining_mcredits = changed.remaining, charged_mcredits = changed.charged
            FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS changed (id, remaining, charged)
            WHERE hold.id = changed.id
            """,
            [
                [hold.id for hold in holds],
                [hold.remaining_mcredits for hold in holds],
                [hold.charged_mcredits for hold in holds],
            ],
        )


def _spendable(batch: Batch, hold: Hold | None, charge: Charge) -> int:
    if hold is None or hold.workspace_id != charge.workspace_id:
        return 0
    return hold.remaining_mcredits + batch.books(charge.workspace_id).available
