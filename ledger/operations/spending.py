"""Spending credit in sets: many charges and debits of many workspaces, booked by one statement of the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from django.db import connection

from ledger.chart import HOUSE_ACCOUNT_IDS
from ledger.events import BalanceChanged
from realtime.publish import Topic, publish_latest_on_commit

Outcome = Literal["paid", "already", "insufficient", "closed"]


@dataclass(frozen=True, slots=True)
class Spend:
    """A wish to spend. kind: "charge" is paid from the reference's hold first, all others from what is available alone.

    ordinal: which part of the reference; of charges (reference, ordinal) happens once, of others (workspace, key).
    key: None for charges. amount_mcredits: 0 of a charge books nothing.
    """

    workspace_id: UUID
    kind: str
    reference: str
    ordinal: int
    key: str | None
    amount_mcredits: int
    now: datetime

    @property
    def identity(self) -> tuple[object, ...]:
        return (self.reference, self.ordinal) if self.key is None else (self.workspace_id, self.key)


@dataclass(frozen=True, slots=True)
class Spent:
    """What became of it. outcome: insufficient and closed (nothing can be charged to the reference) changed nothing.

    entry_id, amount_mcredits: of the entry that there is now; of a repetition those of the first time.
    spendable_mcredits: what is left of the reference's hold and of what the workspace has available.
    """

    outcome: Outcome
    entry_id: UUID | None
    amount_mcredits: int
    spendable_mcredits: int


def spend(wishes: Sequence[Spend], *, held_until: datetime | None = None, lock_patience_ms: int = 0) -> list[Spent]:
    """Books what can be paid, in the given order; what cannot be paid hinders no other. Results come in that order too.

    held_until: the holds of what was charged do not expire before. lock_patience_ms: how long to wait for workspaces that
    others write in, 0 for as long as it takes. Outside a transaction each round commits by itself.
    There is one round and one statement, unless something cannot be paid and later, smaller wishes of its workspace can.
    """
    found: dict[tuple[object, ...], Spent] = {}
    first = {wish.identity: wish for wish in reversed(wishes)}
    open_wishes = list(first.values())[::-1] if len(first) < len(wishes) else list(wishes)
    while open_wishes:
        open_wishes = _round(open_wishes, held_until, lock_patience_ms, found)
    if len(first) == len(wishes):
        return [found[wish.identity] for wish in wishes]
    return [
        found[wish.identity] if first[wish.identity] is wish else _repeated(found[wish.identity]) for wish in wishes
    ]


def _round(
    wishes: list[Spend], held_until: datetime | None, lock_patience_ms: int, found: dict[tuple[object, ...], Spent]
) -> list[Spend]:
    """Notes what was decided and returns what was not: less each time, since the first of what is left can be paid."""
    with connection.cursor() as cursor:
        cursor.execute(
            _SPEND,
            [
                [wish.workspace_id for wish in wishes],
                [wish.kind for wish in wishes],
                [wish.reference for wish in wishes],
                [wish.ordinal for wish in wishes],
                [wish.key for wish in wishes],
                [wish.amount_mcredits for wish in wishes],
                [wish.now for wish in wishes],
                held_until,
                HOUSE_ACCOUNT_IDS["sales"],
                lock_patience_ms,
            ],
        )
        rows = cursor.fetchall()
    again = []
    changed: dict[UUID, tuple[int, int, int, int]] = {}
    for wish, (outcome, entry_id, amount, on_hold, *balance) in zip(wishes, rows, strict=True):
        if outcome == "again":
            again.append(wish)
            continue
        found[wish.identity] = Spent(outcome, entry_id, amount, on_hold + balance[0])
        if outcome == "paid" and amount:
            changed[wish.workspace_id] = tuple(balance)
    for workspace_id, (available, held, debt, sequence) in changed.items():
        event = BalanceChanged(available_mcredits=available, held_mcredits=held, debt_mcredits=debt, sequence=sequence)
        publish_latest_on_commit(Topic.workspace(workspace_id), event, order=sequence)
    return again


def _repeated(first: Spent) -> Spent:
    """What becomes of the same wish a second time in one set."""
    outcome: Outcome = "already" if first.outcome == "paid" else first.outcome
    return Spent(outcome, first.entry_id, first.amount_mcredits, first.spendable_mcredits)


_SPEND = """
SELECT outcome, entry_id, amount, hold_left, available, held, debt, sequence
FROM ledger_spend(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::text[], %s::bigint[], %s::timestamptz[], %s, %s, %s)
ORDER BY place
"""
