"""Connections to PostgreSQL for what is read most, on an event loop: prepared statements alone, and never a write.

A request that is answered by Django has a thread of its own and waits in it. What is here waits on the loop instead, and speaks to
libpq below psycopg's cursors: their part of a small query is larger than PostgreSQL's. What goes wrong is nobody's fault
but the connection's: it is closed, and whoever asked asks in the usual way.
https://www.postgresql.org/docs/18/libpq-pipeline-mode.html
"""

import asyncio
from collections import deque
from typing import Any, ClassVar, Final, cast

import psycopg
from django.db import connection as django_connection
from psycopg.abc import Transformer
from psycopg.adapt import Transformer as MadeTransformer
from psycopg.pq import ExecStatus
from psycopg.types.string import TextLoader

from identity.compiled import Asked, Statement
from processors.errors import DomainError

# How many requests may wait for a connection; whoever comes then asks in the usual way.
WAITING_MAX: Final = 1_000
# Nothing that is read here takes long; what does is the database's trouble, and Django's handler says so.
_STATEMENT_LIMIT_MS: Final = 3_000
_SETTINGS: Final = {
    "default_transaction_read_only": "on",
    "statement_timeout": str(_STATEMENT_LIMIT_MS),
    "TimeZone": "UTC",
}
_OF_DJANGO: Final = ("context", "cursor_factory", "prepare_threshold")


class ReadingFailed(DomainError):
    """A statement failed, or there is no connection; whether it passes is found out by asking in the usual way."""

    code: ClassVar[str] = "reading_failed"
    retryable: ClassVar[bool] = True


class Reading:
    """One connection, on the event loop that opened it; one asker at a time."""

    def __init__(self, opened: "psycopg.AsyncConnection[Any]") -> None:
        self._opened = opened
        self._server = opened.pgconn
        self._server.nonblocking = 1
        self._server.enter_pipeline_mode()
        self._loop = asyncio.get_running_loop()
        self._prepared: dict[Statement[Any], tuple[bytes, Transformer]] = {}
        self._waiter: asyncio.Future[None] | None = None
        self._loop.add_reader(self._server.socket, self._arrived)

    async def all(self, *asked: Asked[Any]) -> list[list[Any]]:
        """What each of them found, by one way to the server for all. Raises ReadingFailed; then the connection is closed."""
        try:
            for one in asked:
                self._send(one)
            self._server.pipeline_sync()
            while self._server.flush():
                await self._writable()
            found = [await self._found(one.statement) for one in asked]
            await self._result()
        except BaseException as error:
            # Cancelled or failed, what is still on its way would be the next asker's.
            self.close()
            if isinstance(error, psycopg.Error):
                raise ReadingFailed("The database did not answer as it should.") from error
            raise
        return found

    async def first(self, asked: Asked[Any]) -> Any | None:
        """The first row; None when there is none. Raises ReadingFailed."""
        rows = (await self.all(asked))[0]
        return rows[0] if rows else None

    @property
    def closed(self) -> bool:
        return self._opened.closed

    @property
    def backend(self) -> int:
        """The number by which PostgreSQL knows it."""
        return self._server.backend_pid

    def close(self) -> None:
        if not self._opened.closed:
            self._loop.remove_reader(self._server.socket)
            self._server.finish()

    def _send(self, one: Asked[Any]) -> None:
        name = self._named(one.statement)[0]
        self._server.send_query_prepared(name, [_written(value) for value in one.parameters])

    def _named(self, statement: Statement[Any]) -> tuple[bytes, Transformer]:
        known = self._prepared.get(statement)
        if known is None:
            known = str(len(self._prepared)).encode(), MadeTransformer(self._opened)
            self._server.send_prepare(known[0], statement.numbered.encode())
            self._prepared[statement] = known
        return known

    async def _found(self, statement: Statement[Any]) -> list[Any]:
        result = await self._result()
        if result.status == ExecStatus.COMMAND_OK:
            # It was prepared just now.
            await self._end()
            result = await self._result()
        if result.status != ExecStatus.TUPLES_OK:
            raise psycopg.OperationalError(result.get_error_message())
        transformer = self._prepared[statement][1]
        transformer.set_pgresult(result)
        rows: list[Any] = transformer.load_rows(0, result.ntuples, cast(Any, statement.compiled.made))
        await self._end()
        return rows

    async def _end(self) -> None:
        """Each command's results end with none."""
        await self._arrives()
        self._server.get_result()

    async def _result(self) -> Any:
        await self._arrives()
        result = self._server.get_result()
        if result is None:
            raise psycopg.OperationalError("The server ended the connection.")
        return result

    async def _arrives(self) -> None:
        while self._server.is_busy():
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _arrived(self) -> None:
        waiter = None if self._waiter is None or self._waiter.done() else self._waiter
        try:
            self._server.consume_input()
        except psycopg.Error as error:
            if waiter is not None:
                waiter.set_exception(error)
            else:
                # Nobody asked: the server has ended the connection.
                self.close()
            return
        if waiter is not None and not self._server.is_busy():
            waiter.set_result(None)

    async def _writable(self) -> None:
        writable = self._loop.create_future()
        self._loop.add_writer(self._server.socket, writable.set_result, None)
        try:
            await writable
        finally:
            self._loop.remove_writer(self._server.socket)


class Readings:
    """The connections of one event loop. size: how many at most; 0 for none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[Reading] = []
        self._all: set[Reading] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> Reading:
        """Raises ReadingFailed. Whoever takes one gives it back, whatever happened to it."""
        while True:
            while self._free:
                reading = self._free.pop()
                if not reading.closed:
                    return reading
                self._all.discard(reading)
            if len(self._all) + self._opening < self._size:
                return await self._open()
            if len(self._waiting) >= WAITING_MAX or not self._size:
                raise ReadingFailed("All connections are busy.")
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except BaseException:
                # Whoever was woken and went away leaves the turn to the next.
                if turn.done() and not turn.cancelled():
                    self._wake()
                raise

    def give(self, reading: Reading) -> None:
        if reading.closed:
            self._all.discard(reading)
        else:
            self._free.append(reading)
        self._wake()

    def all_open(self) -> list[Reading]:
        return list(self._all)

    async def _open(self) -> Reading:
        self._opening += 1
        try:
            reading = await _opened()
        except BaseException as error:
            self._wake()
            if isinstance(error, psycopg.Error | OSError):
                raise ReadingFailed("The database cannot be reached.") from error
            raise
        finally:
            self._opening -= 1
        self._all.add(reading)
        return reading

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return


async def _opened() -> Reading:
    parameters = django_connection.get_connection_params()
    options = " ".join([parameters.pop("options", ""), *(f"-c {name}={value}" for name, value in _SETTINGS.items())])
    known = {name: value for name, value in parameters.items() if name not in _OF_DJANGO}
    opened = await psycopg.AsyncConnection.connect(**known, options=options, autocommit=True)
    # As Django reads it: the fields open it.
    opened.adapters.register_loader("jsonb", TextLoader)
    return Reading(opened)


def _written(value: Any) -> bytes | None:
    """As PostgreSQL reads it, whatever the type that it gave the parameter. In lists there are identifiers, digests and references
    alone, which hold neither quote nor backslash."""
    if value is None:
        return None
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, list):
        return b"{" + b",".join(b'"' + (_written(one) or b"") + b'"' for one in value) + b"}"
    return str(value).encode()
