"""Spending credit in sets: many charges and debits of many workspaces, booked by one statement of the database."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from django.db import connection

from identity.arrays import array, texts
from ledger.chart import HOUSE_ACCOUNT_IDS
from ledger.events import BalanceChanged
from realtime.publish import Topic, publish_latest, publish_latest_on_commit

Outcome = Literal["paid", "already", "insufficient", "closed"]
Identity = tuple[object, object]


class Spend(NamedTuple):
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
    def identity(self) -> Identity:
        return (self.reference, self.ordinal) if self.key is None else (self.workspace_id, self.key)


class Balances(NamedTuple):
    """Of a workspace, in milli-credits, after its newest entry. sequence: that entry's number."""

    available: int
    held: int
    debt: int
    sequence: int


Arguments = Callable[[Sequence[Spend]], list[Any]]


class Spent(NamedTuple):
    """What became of it. outcome: insufficient and closed (nothing can be charged to the reference) changed nothing.

    entry_id, amount_mcredits: of the entry that there is now; of a repetition those of the first time.
    spendable_mcredits: what is left of the reference's hold and of what the workspace has available.
    """

    outcome: Outcome
    entry_id: UUID | None
    amount_mcredits: int
    spendable_mcredits: int


def charge(wishes: Sequence[Spend], *, held_until: datetime | None) -> list[Spent]:
    """Books what can be paid, in the given order; what cannot be paid hinders no other. Results come in that order too.

    held_until: to when active holds of what was charged are renewed, once half of the time until then is over. Inside a
    transaction, which the booking is part of.
    There is one round and one statement, unless something cannot be paid and later, smaller wishes of its workspace can.
    """
    now = wishes[0].now if wishes else None

    def arguments(some: Sequence[Spend]) -> list[Any]:
        return [
            array(wish.workspace_id for wish in some),
            texts(wish.reference for wish in some),
            array(wish.ordinal for wish in some),
            array(wish.amount_mcredits for wish in some),
            now,
            held_until,
            HOUSE_ACCOUNT_IDS["sales"],
        ]

    return _spend(wishes, _CHARGE, arguments)


def debit(wishes: Sequence[Spend]) -> list[Spent]:
    """The same for what has a key and no hold. Outside a transaction each round commits by itself."""

    def arguments(some: Sequence[Spend]) -> list[Any]:
        return [
            [wish.workspace_id for wish in some],
            [wish.kind for wish in some],
            [wish.reference for wish in some],
            [wish.key for wish in some],
            [wish.amount_mcredits for wish in some],
            [wish.now for wish in some],
            HOUSE_ACCOUNT_IDS["sales"],
        ]

    return _spend(wishes, _DEBIT, arguments)


def tell_now(changed: Mapping[UUID, Balances]) -> None:
    """Tells browsers what workspaces have after entries that are committed already."""
    for workspace_id, balances in changed.items():
        publish_latest(Topic.workspace(workspace_id), _event(balances), order=balances.sequence)


def tell_on_commit(changed: Mapping[UUID, Balances]) -> None:
    """The same after the surrounding transaction commits."""
    for workspace_id, balances in changed.items():
        publish_latest_on_commit(Topic.workspace(workspace_id), _event(balances), order=balances.sequence)


def _spend(wishes: Sequence[Spend], statement: str, arguments: Arguments) -> list[Spent]:
    """Round after round until all is decided: less each time, since the first of what is left can be paid."""
    first: dict[Identity, Spend] = {}
    for wish in wishes:
        first.setdefault(wish.identity, wish)
    found: dict[Identity, Spent] = {}
    undecided = list(first.values())
    while undecided:
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments(undecided))
            rows = cursor.fetchall()
        undecided = _noted(undecided, rows, found)
    return [
        found[wish.identity] if first[wish.identity] is wish else _repeated(found[wish.identity]) for wish in wishes
    ]


def _noted(wishes: Sequence[Spend], rows: Sequence[tuple[Any, ...]], found: dict[Identity, Spent]) -> list[Spend]:
    """Notes what was decided, tells browsers, and returns what was not decided."""
    again = []
    changed: dict[UUID, Balances] = {}
    for wish, (outcome, entry_id, amount, on_hold, available, held, debt, sequence) in zip(wishes, rows, strict=True):
        if outcome == "again":
            again.append(wish)
            continue
        found[wish.identity] = Spent(outcome, entry_id, amount, on_hold + (available or 0))
        if outcome == "paid" and amount:
            changed[wish.workspace_id] = Balances(available, held, debt, sequence)
    tell_on_commit(changed)
    return again


def _event(balances: Balances) -> BalanceChanged:
    return BalanceChanged(
        available_mcredits=balances.available,
        held_mcredits=balances.held,
        debt_mcredits=balances.debt,
        sequence=balances.sequence,
    )


def _repeated(first: Spent) -> Spent:
    """What becomes of the same wish a second time in one set."""
    outcome: Outcome = "already" if first.outcome == "paid" else first.outcome
    return Spent(outcome, first.entry_id, first.amount_mcredits, first.spendable_mcredits)


_RESULT = "SELECT outcome, entry_id, amount, hold_left, available, held, debt, sequence"
_CHARGE = f"""
{_RESULT} FROM ledger_charge(%s::uuid[], %s::text[], %s::int[], %s::bigint[], %s, %s, %s) ORDER BY place
"""
_DEBIT = f"""
{_RESULT} FROM ledger_debit(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s, 0)
ORDER BY place
"""
