"""Writing entries, postings and balances.

A Batch locks the accounts of some workspaces in one order, so operations on a workspace happen one after the other and two
batches never wait for each other in a circle. Entries are posted in memory and written together in two statements.
What is spent in great numbers goes by ledger/operations/spending.py, which keeps to the same order of locks.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from ledger.chart import CREDIT_SIGN, HOUSE_ACCOUNT_IDS, TENANT_ACCOUNTS, AccountKind, Side, change
from ledger.events import BalanceChanged
from ledger.schemas import EntryKind
from processors.errors import DomainError
from realtime.publish import Topic, publish_latest_on_commit


class InsufficientCredit(DomainError):
    """The workspace has less available than asked for. Permanent until credits are bought or released."""

    code: ClassVar[str] = "insufficient_credit"


class CapReached(DomainError):
    """The member may spend no more of the workspace's credits this month. Passes with the month, or when the cap is raised."""

    code: ClassVar[str] = "member_cap_reached"

    def __init__(self) -> None:
        super().__init__(
            "This would be more than you may spend this month, what a call that goes on may cost included. Ask whoever manages"
            " your team for more."
        )


class WorkspaceCapReached(DomainError):
    """All together may spend no more of the workspace's credits this month. Passes with the month, or when the cap is raised."""

    code: ClassVar[str] = "workspace_cap_reached"

    def __init__(self) -> None:
        super().__init__(
            "Your team may spend no more credits this month, what calls that go on may cost included. Wait for the first of the"
            " month (UTC), or ask the owner to raise the limit on the Team page."
        )


class Overtaken(DomainError):
    """The same entry was written by somebody else in this moment. Asking again finds it there."""

    code: ClassVar[str] = "overtaken"
    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Line:
    """One side of an entry. amount_mcredits: 0 lines are left out."""

    account: AccountKind
    side: Side
    amount_mcredits: int


@dataclass(slots=True)
class Books:
    """A workspace's accounts, locked until the transaction ends. Balances include what was posted but not yet written.

    ids: the house's accounts too; balances and changes: the workspace's own alone.
    """

    workspace_id: UUID
    ids: dict[AccountKind, UUID] = field(default_factory=HOUSE_ACCOUNT_IDS.copy)
    balances: dict[AccountKind, int] = field(default_factory=dict)
    changes: dict[AccountKind, int] = field(default_factory=dict)
    sequence: int = 0

    @property
    def available(self) -> int:
        return self.balances["available"]

    @property
    def debt(self) -> int:
        return self.balances["debt"]

    @property
    def credit(self) -> int:
        """available + held - debt, in milli-credits."""
        return sum(sign * self.balances[kind] for kind, sign in CREDIT_SIGN.items())


@dataclass(frozen=True, slots=True)
class PostedEntry:
    """An entry before it is written."""

    id: UUID
    books: Books
    sequence: int
    kind: EntryKind
    reference: str
    ordinal: int
    key: str | None
    effect_mcredits: int
    balance_after_mcredits: int
    lines: tuple[Line, ...]


class Batch:
    """Entries of one transaction over the locked accounts of some workspaces."""

    def __init__(self, *, workspace_ids: Iterable[UUID], now: datetime) -> None:
        """Locks the accounts, making those that are missing. Must run inside a transaction."""
        self.now = now
        self._entries: list[PostedEntry] = []
        self._books = _lock(sorted(set(workspace_ids)))

    def books(self, workspace_id: UUID) -> Books:
        return self._books[workspace_id]

    def post(
        self,
        books: Books,
        kind: EntryKind,
        lines: Sequence[Line],
        *,
        reference: str,
        ordinal: int = 0,
        key: str | None = None,
    ) -> PostedEntry:
        """Adds an entry. key: what makes it happen once; charges have none, (reference, ordinal) is theirs.

        Raises InsufficientCredit if an account would fall below 0; then the batch must not be written.
        """
        lines = tuple(line for line in lines if line.amount_mcredits)
        before = books.credit
        for line in lines:
            if line.account not in books.balances:
                continue
            delta = change(account=line.account, side=line.side, amount_mcredits=line.amount_mcredits)
            left = books.balances[line.account] + delta
            if left < 0:
                raise InsufficientCredit(
                    f"{-delta} milli-credits are needed and {left - delta} are there. Buy a pack first."
                )
            books.balances[line.account] = left
            books.changes[line.account] = books.changes.get(line.account, 0) + delta
        books.sequence += 1
        entry = PostedEntry(
            id=uuid7(),
            books=books,
            sequence=books.sequence,
            kind=kind,
            reference=reference,
            ordinal=ordinal,
            key=key,
            effect_mcredits=books.credit - before,
            balance_after_mcredits=books.credit,
            lines=lines,
        )
        self._entries.append(entry)
        return entry

    def write(self) -> None:
        """Entries with their postings, then balances, and the events after commit. Raises Overtaken on a duplicate."""
        if not self._entries:
            return
        with connection.cursor() as cursor:
            cursor.execute(_INSERT, self._entry_columns() + self._posting_columns())
            if cursor.fetchone() != (len(self._entries),):
                raise Overtaken("The same booking was made in this moment. Ask again.")
            cursor.execute(_UPDATE_ACCOUNTS, self._account_columns())
        for books in {id(entry.books): entry.books for entry in self._entries}.values():
            event = BalanceChanged(
                available_mcredits=books.balances["available"],
                held_mcredits=books.balances["held"],
                debt_mcredits=books.balances["debt"],
                sequence=books.sequence,
            )
            publish_latest_on_commit(Topic.workspace(books.workspace_id), event, order=books.sequence)
        self._entries = []

    def _entry_columns(self) -> list[Any]:
        entries = self._entries
        return [
            self.now,
            [entry.id for entry in entries],
            [entry.books.workspace_id for entry in entries],
            [entry.sequence for entry in entries],
            [entry.kind for entry in entries],
            [entry.reference for entry in entries],
            [entry.ordinal for entry in entries],
            [entry.key for entry in entries],
            [entry.effect_mcredits for entry in entries],
            [entry.balance_after_mcredits for entry in entries],
        ]

    def _posting_columns(self) -> list[Any]:
        postings = [(entry, line) for entry in self._entries for line in entry.lines]
        return [
            [entry.id for entry, _ in postings],
            [entry.books.ids[line.account] for entry, line in postings],
            [line.side for _, line in postings],
            [line.amount_mcredits for _, line in postings],
        ]

    def _account_columns(self) -> list[Any]:
        books = list({id(entry.books): entry.books for entry in self._entries}.values())
        rows = [
            (each.ids[kind], each.changes.get(kind, 0), each.sequence if kind == "available" else 0)
            for each in books
            for kind in TENANT_ACCOUNTS
            if kind == "available" or each.changes.get(kind)
        ]
        for each in books:
            each.changes = {}
        return [list(column) for column in zip(*rows, strict=True)]


# One statement, since a trigger asks at its end whether each new entry has its postings.
_INSERT = """
WITH entries AS (
    INSERT INTO ledger_entry (occurred_at, id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits,
                              balance_after_mcredits)
    SELECT %s, * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::int[], %s::text[],
                             %s::bigint[], %s::bigint[])
    ON CONFLICT DO NOTHING
    RETURNING id
), postings AS (
    INSERT INTO ledger_posting (entry_id, account_id, side, amount_mcredits)
    SELECT posted.* FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[])
        AS posted (entry_id, account_id, side, amount_mcredits)
    JOIN entries ON entries.id = posted.entry_id
)
SELECT count(*) FROM entries
"""
_UPDATE_ACCOUNTS = """
UPDATE ledger_account AS account
SET balance_mcredits = account.balance_mcredits + changed.delta, sequence = changed.sequence
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS changed (id, delta, sequence)
WHERE account.id = changed.id
"""
# Not FOR UPDATE: the foreign keys of postings need a share of the row while others are written.
_LOCK_ACCOUNTS = """
SELECT id, workspace_id, kind, balance_mcredits, sequence FROM ledger_account
WHERE workspace_id = ANY(%s::uuid[]) ORDER BY workspace_id, kind FOR NO KEY UPDATE
"""
_OPEN_ACCOUNTS = """
INSERT INTO ledger_account (id, workspace_id, kind, balance_mcredits, sequence)
SELECT *, 0, 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[])
ON CONFLICT DO NOTHING
"""


def _lock(workspace_ids: Sequence[UUID]) -> dict[UUID, Books]:
    """Locks the accounts in the order of (workspace, kind), which every writer keeps to."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("The ledger is written inside a transaction only.")
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_ACCOUNTS, [list(workspace_ids)])
        rows = cursor.fetchall()
        if len(rows) < len(workspace_ids) * len(TENANT_ACCOUNTS):
            pairs = [(workspace_id, kind) for workspace_id in workspace_ids for kind in TENANT_ACCOUNTS]
            cursor.execute(
                _OPEN_ACCOUNTS,
                [[uuid7() for _ in pairs], [pair[0] for pair in pairs], [pair[1] for pair in pairs]],
            )
            cursor.execute(_LOCK_ACCOUNTS, [list(workspace_ids)])
            rows = cursor.fetchall()
    found = {workspace_id: Books(workspace_id) for workspace_id in workspace_ids}
    for account_id, workspace_id, kind, balance_mcredits, sequence in rows:
        books = found[workspace_id]
        books.ids[kind] = account_id
        books.balances[kind] = balance_mcredits
        books.sequence = max(books.sequence, sequence)
    return found
