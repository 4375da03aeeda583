"""Booking sets of debits over a connection past Django: sent by one thread, waited for by another, in the wire's own format.

What a set costs here, the database waits for; so each asker writes its own part of the arrays before it waits.
"""

import select
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from time import monotonic
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

import psycopg
from django.db import connection
from psycopg.pq import DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult
from psycopg_pool import PoolTimeout

from identity import tenancy
from ledger.chart import HOUSE_ACCOUNT_IDS
from ledger.operations import spending
from ledger.operations.spending import Balances, Identity, Outcome, Spend, Spent

# A workspace that somebody else keeps locked for longer must not hold up the others.
LOCK_PATIENCE_MS: Final = 250
# A database that is silent for longer, because its host vanished or its disk stands still, counts as lost.
ANSWER_PATIENCE_S: Final = 10.0
# Those who wait may themselves have all the connections that there are.
CONNECTION_PATIENCE_S: Final = 0.25

# https://www.postgresql.org/docs/18/catalog-pg-type.html: the oids of these never change.
_UUID, _TEXT, _INT8, _TIMESTAMPTZ = 2950, 25, 20, 1184
_TIME_ZERO: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_length = Struct("!i").pack
_number = Struct("!iq").pack
_array_head = Struct("!iiiii").pack


class NoConnection(Exception):
    """All are taken, perhaps by those who ask: each is to try alone, over its own. Nothing was booked."""


class Slip(NamedTuple):
    """A wish as it is sent: each field as an element of a binary array, its length first."""

    wish: Spend
    identity: Identity
    workspace: bytes
    kind: bytes
    reference: bytes
    key: bytes
    amount: bytes
    booked_at: bytes

    @classmethod
    def of(cls, wish: Spend) -> "Slip":
        return cls(
            wish,
            wish.identity,
            _bytes(wish.workspace_id.bytes),
            _bytes(wish.kind.encode()),
            _bytes(wish.reference.encode()),
            _bytes((wish.key or "").encode()),
            _number(8, wish.amount_mcredits),
            _number(8, (wish.now - _TIME_ZERO) // _MICROSECOND),
        )


class Booked(NamedTuple):
    """What became of a wish, and what its workspace had after all of its set."""

    spent: Spent
    balances: Balances


class Teller:
    """A desk for `Together`. Its connection comes from the pool with the first set and goes back when nobody waits; it sees all
    workspaces, whatever the threads' own are confined to.

    Answers None to wishes that are to be tried alone: when something about one kept the set from being booked, of what is
    repeated within a set, and of what can perhaps be paid after all since a larger wish could not.
    """

    def __init__(self) -> None:
        self._taken: psycopg.Connection[Any] | None = None
        self._is_waited_for = False

    def send(self, slips: Sequence[Slip]) -> None:
        """:raises NoConnection:
        :raises OperationalError: the database was lost; nothing was booked.
        """
        with connection.wrap_database_errors:
            if self._taken is None or self._taken.closed or self._is_waited_for:
                self.leave()
                self._taken = _take()
            some: dict[Identity, Slip] = {}
            for slip in slips:
                some.setdefault(slip.identity, slip)
            parameters = [
                _array(_UUID, [slip.workspace for slip in some.values()]),
                _array(_TEXT, [slip.kind for slip in some.values()]),
                _array(_TEXT, [slip.reference for slip in some.values()]),
                _array(_TEXT, [slip.key for slip in some.values()]),
                _array(_INT8, [slip.amount for slip in some.values()]),
                _array(_TIMESTAMPTZ, [slip.booked_at for slip in some.values()]),
                _SALES,
                _length(LOCK_PATIENCE_MS),
            ]
            formats = [Format.BINARY] * len(parameters)
            self._taken.pgconn.send_query_prepared(_PREPARED, parameters, formats, Format.BINARY)
            self._is_waited_for = True

    def receive(self) -> PGresult | None:
        """:raises OperationalError: the database was lost, so that nobody knows what was booked."""
        assert self._taken is not None
        pgconn, until = self._taken.pgconn, monotonic() + ANSWER_PATIENCE_S
        result: PGresult | None = None
        with connection.wrap_database_errors:
            # Until there is none the connection is not free for the next. The rows come before the commit, whose failure comes last.
            while (each := _next_result(pgconn, until)) is not None:
                if result is None or each.status == ExecStatus.FATAL_ERROR:
                    result = each
        self._is_waited_for = False
        return result

    def read(self, slips: Sequence[Slip], result: PGresult | None) -> list[Booked | None]:
        """:raises OperationalError, InterfaceError: the database was lost, so that nobody knows what was booked."""
        if result is None or result.status != ExecStatus.TUPLES_OK:
            with connection.wrap_database_errors:
                _raise_if_lost(result)
            return [None] * len(slips)
        cell = result.get_value
        answers: list[Booked | None] = []
        seen: set[Identity] = set()
        for slip in slips:
            row = len(seen)
            seen.add(slip.identity)
            outcome = _OUTCOMES[cell(row, 0)] if row < len(seen) else None
            if outcome is None:
                answers.append(None)
                continue
            entry_id, available = cell(row, 1), _int(cell(row, 3))
            spent = Spent(outcome, UUID(bytes=entry_id) if entry_id else None, _int(cell(row, 2)), available)
            balances = Balances(available, _int(cell(row, 4)), _int(cell(row, 5)), _int(cell(row, 6)))
            answers.append(Booked(spent, balances))
        return answers

    def tell(self, slips: Sequence[Slip], answers: Sequence[Booked | None]) -> None:
        paid = ((slip, answer) for slip, answer in zip(slips, answers, strict=True) if answer is not None)
        spending.tell_now(
            {slip.wish.workspace_id: answer.balances for slip, answer in paid if answer.spent.outcome == "paid"}
        )

    def leave(self) -> None:
        if self._taken is None:
            return
        taken, self._taken = self._taken, None
        if self._is_waited_for:
            self._is_waited_for = False
            taken.close()
        _give_back(taken)


def _take() -> psycopg.Connection[Any]:
    pool = cast(Any, connection).pool
    # As Django does it, which opens the pool with the first connection that it needs.
    pool.open()
    try:
        taken: psycopg.Connection[Any] = pool.getconn(timeout=CONNECTION_PATIENCE_S)
    except PoolTimeout as error:
        raise NoConnection from error
    try:
        # What is sent commits by itself, whoever had the connection before.
        taken.autocommit = True
        tenancy.see_all(taken)
        if not getattr(taken, _PREPARED_HERE, False):
            taken.execute(_PREPARE)
            setattr(taken, _PREPARED_HERE, True)
    except BaseException:
        taken.close()
        _give_back(taken)
        raise
    return taken


def _next_result(pgconn: PGconn, until: float) -> PGresult | None:
    """As `get_result`, which waits for the database while no other thread of the process can run; here all can.

    until: of the monotonic clock, in seconds.
    """
    poll = select.poll()
    while (unsent := pgconn.flush()) or pgconn.is_busy():
        # Who sends much reads too, or else the database may wait until it is heard.
        poll.register(pgconn.socket, select.POLLIN | select.POLLOUT if unsent else select.POLLIN)
        if not (happened := poll.poll(max(0.0, until - monotonic()) * 1000)):
            raise psycopg.OperationalError("The database did not answer in time.")
        if happened[0][1] & ~select.POLLOUT:
            pgconn.consume_input()
    return pgconn.get_result()


def _give_back(taken: psycopg.Connection[Any]) -> None:
    # To the pool that it is from, which tests exchange now and then; one that is closed is replaced there.
    cast(Any, taken)._pool.putconn(taken)


def _raise_if_lost(result: PGresult | None) -> None:
    """What is no fault of the database, or of a workspace that somebody keeps locked, is left to each alone."""
    if result is None:
        raise psycopg.OperationalError("The database gave no answer.")
    if result.error_field(DiagnosticField.SQLSTATE) is None:
        # The driver's own: it lost the connection.
        raise psycopg.OperationalError("The connection to the database was lost.")
    error = psycopg.errors.error_from_result(result)
    lost = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    if lost and not isinstance(error, psycopg.errors.LockNotAvailable):
        raise error


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


def _array(oid: int, elements: Sequence[bytes]) -> bytes:
    """One dimension, no nulls, counted from 1."""
    return _array_head(1, 0, oid, len(elements), 1) + b"".join(elements)


def _int(value: bytes | None) -> int:
    return 0 if value is None else int.from_bytes(value, "big", signed=True)


_SALES: Final = HOUSE_ACCOUNT_IDS["sales"].bytes
# On the driver's connection, which the pool keeps: whether it knows the statement.
_PREPARED_HERE: Final = "klose_teller"
_PREPARED: Final = b"ledger_teller"
_PREPARE: Final = """
PREPARE ledger_teller (uuid[], text[], text[], text[], bigint[], timestamptz[], uuid, int) AS
SELECT outcome, entry_id, amount, available, held, debt, sequence FROM ledger_debit($1, $2, $3, $4, $5, $6, $7, $8)
ORDER BY place
"""
_OUTCOMES: Final[dict[bytes | None, Outcome | None]] = {
    b"paid": "paid",
    b"already": "already",
    b"insufficient": "insufficient",
    b"again": None,
}
