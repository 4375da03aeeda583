"""Connections to PostgreSQL for what is read most, on an event loop: prepared statements alone, and never a write.

A request that is answered by Django has a thread of its own and waits in it. What is here waits on the loop instead, and speaks to
libpq below psycopg's cursors: their part of a small query is larger than PostgreSQL's. What goes wrong is nobody's fault
but the connection's: it is closed, and whoever asked asks in the usual way.
https://www.postgresql.org/docs/18/libpq-pipeline-mode.html
"""

import asyncio
import time
from collections import deque
from typing import Any, ClassVar, Final, cast

import psycopg
from django.db import connection as django_connection
from psycopg.abc import Transformer
from psycopg.adapt import Transformer as MadeTransformer
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.types.string import TextLoader

from identity.compiled import Asked, Statement
from processors.errors import DomainError

# How many requests may wait for a connection, and how long; whoever comes then asks in the usual way.
WAITING_MAX: Final = 256
TAKEN_WITHIN_S: Final = 2.0
# Nothing that is read here takes long; what does is the database's trouble, and Django's handler says so.
_STATEMENT_LIMIT_MS: Final = 3_000
# Above the server's own limit, so that what is given up here has mostly ended there.
FOUND_WITHIN_S: Final = 4.0
# How long nobody is made to wait again for a database that was slow a moment ago, and is then asked a second time.
REST_S: Final = 5.0
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
        self._closed = False
        # Whether it was closed because an answer took too long.
        self.was_slow = False
        # libpq forgets it when the connection breaks.
        self.descriptor = self._server.socket
        self._loop.add_reader(self.descriptor, self._arrived)

    async def all(self, *asked: Asked[Any]) -> list[list[Any]]:
        """What each of them found, by one way to the server for all. Raises ReadingFailed; then the connection is closed."""
        try:
            async with asyncio.timeout(FOUND_WITHIN_S):
                return await self._all(asked)
        except BaseException as error:
            # Cancelled or failed, what is still on its way would be the next asker's.
            self.close()
            self.was_slow = isinstance(error, TimeoutError | psycopg.errors.QueryCanceled)
            if isinstance(error, TimeoutError | psycopg.Error):
                raise ReadingFailed("The database did not answer as it should.") from error
            raise

    async def first(self, asked: Asked[Any]) -> Any | None:
        """The first row; None when there is none. Raises ReadingFailed."""
        rows = (await self.all(asked))[0]
        return rows[0] if rows else None

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def backend(self) -> int:
        """The number by which PostgreSQL knows it."""
        return self._server.backend_pid

    def close(self) -> None:
        """To be called as soon as the connection is seen to be broken: libpq has closed the socket by then, the next one gets its
        number, and the loop would take that for this one.
        """
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self.descriptor)
            self._loop.remove_writer(self.descriptor)
            self._server.finish()

    async def _all(self, asked: tuple[Asked[Any], ...]) -> list[list[Any]]:
        for one in asked:
            self._send(one)
        self._server.pipeline_sync()
        while self._server.flush():
            await self._writable()
        found = [await self._found(one.statement) for one in asked]
        await self._result()
        return found

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
            raise _error_of(result)
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
            await self._woken()

    def _arrived(self) -> None:
        try:
            self._server.consume_input()
            busy = self._server.is_busy()
            if self._opened.closed:
                raise psycopg.OperationalError("The server does not speak as it should.")
        except psycopg.Error as error:
            # Nobody need have asked: the server has ended the connection.
            self.close()
            self._wake(error)
            return
        if not busy:
            self._wake()

    async def _writable(self) -> None:
        self._loop.add_writer(self.descriptor, self._wake)
        try:
            await self._woken()
        finally:
            if not self._closed:
                self._loop.remove_writer(self.descriptor)

    async def _woken(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self, error: psycopg.Error | None = None) -> None:
        if self._waiter is None or self._waiter.done():
            return
        if error is None:
            self._waiter.set_result(None)
        else:
            self._waiter.set_exception(error)


class Readings:
    """The connections of one event loop. size: how many at most; 0 for none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[Reading] = []
        self._all: set[Reading] = set()
        self._opening = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._rests_until_s = 0.0

    async def take(self) -> Reading:
        """Raises ReadingFailed. Whoever takes one gives it back, whatever happened to it."""
        if time.monotonic() < self._rests_until_s:
            raise ReadingFailed("The database was slow a moment ago.")
        reading = self._free_one()
        if reading is not None:
            return reading
        try:
            async with asyncio.timeout(TAKEN_WITHIN_S):
                return await self._next()
        except TimeoutError as error:
            self._rest()
            raise ReadingFailed("No connection became free in time.") from error

    def _free_one(self) -> Reading | None:
        while self._free:
            reading = self._free.pop()
            if not reading.closed:
                return reading
            self._all.discard(reading)
        return None

    def _rest(self) -> None:
        self._rests_until_s = time.monotonic() + REST_S

    async def _next(self) -> Reading:
        while True:
            reading = self._free_one()
            if reading is not None:
                return reading
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
        if reading.was_slow:
            self._rest()
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


def _error_of(result: PGresult) -> psycopg.Error:
    state = result.error_field(DiagnosticField.SQLSTATE)
    canceled = state is not None and state.decode() == psycopg.errors.QueryCanceled.sqlstate
    return (psycopg.errors.QueryCanceled if canceled else psycopg.OperationalError)(result.get_error_message())


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
