"""Callbacks of a whole process: those that come together are stored together, and applied together right after.

The carrier is answered when a callback is stored. From then on its row is the job: what a process that dies has not applied,
the clock applies.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from django.db import connection

from voice import callback_lots, callback_rows
from voice.callback_rows import Arrived, Stored

logger = logging.getLogger(__name__)

# More than so many mean that the database has stood still for seconds.
STORING_MAX: Final = 1_000
# What is beyond is left to the clock.
APPLYING_MAX: Final = 5_000
STORED_AT_ONCE_MAX: Final = 200
APPLIED_AT_ONCE_MAX: Final = 50
# From one begin to the next, so that under load each statement serves several; a callback that comes alone does not wait.
STORE_EVERY_S: Final = 0.01
APPLY_EVERY_S: Final = 0.025
# Without work for so long a thread gives its connection back to the pool.
IDLE_S: Final = 0.2
# What belongs to a call that somebody else is at is tried again for so long; then it is left to the clock.
TRIED_FOR_S: Final = 1.0
# Twilio waits for 15 s.
STORED_WITHIN_S: Final = 12.0
# All that come wait behind whoever waits for a lock; a call that is being removed is locked for milliseconds.
LOCK_PATIENCE_MS: Final = 500
LOCK_PATIENCE_ALONE_MS: Final = 50

Piece = TypeVar("Piece")


class IntakeBusy(Exception):
    """Too many callbacks wait to be stored, or it took too long; passes when the database answers again."""


class _Lane(Generic[Piece]):
    """A thread that does what waits, in the order in which it came. It is begun by the first piece of work.

    work: what it raises is logged. at_once_max: pieces for one call of work; every_s: from one call of it to the next, at least.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[Sequence[Piece]], None],
        *,
        at_once_max: int,
        waiting_max: int,
        every_s: float,
    ) -> None:
        self._name, self._work = name, work
        self._at_once_max, self._waiting_max, self._every_s = at_once_max, waiting_max, every_s
        self._waiting: deque[Piece] = deque()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None

    def put(self, pieces: Sequence[Piece]) -> bool:
        """Whether there was room for them, and a thread."""
        with self._news:
            if len(self._waiting) + len(pieces) > self._waiting_max or not self._runs():
                return False
            self._waiting.extend(pieces)
            self._news.notify()
        return True

    def _runs(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                logger.error("callbacks dropped", extra={"error_type": type(error).__name__}, exc_info=error)
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            pieces = self._next()
            again_at = time.monotonic() + self._every_s
            if not pieces:
                _let_go_of_connection()
                continue
            try:
                self._work(pieces)
            except Exception as error:
                logger.error("callbacks dropped", extra={"error_type": type(error).__name__}, exc_info=error)
                _let_go_of_connection()
            time.sleep(max(0.0, again_at - time.monotonic()))

    def _next(self) -> list[Piece]:
        """Nothing if nothing came for a while."""
        with self._news:
            if not self._waiting:
                self._news.wait(IDLE_S if connection.connection is not None else None)
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_once_max))]


@dataclass(frozen=True, slots=True)
class _Wish:
    """A callback that somebody waits for. answer: of the event loop that asked."""

    callback: Arrived
    answer: "asyncio.Future[Stored]"


@dataclass(frozen=True, slots=True)
class _Due:
    """A stored callback. until: of the monotonic clock; then it is the clock's."""

    id: UUID
    call_id: UUID
    until: float


class Intake:
    """One for a process."""

    def __init__(self) -> None:
        self._storing: _Lane[_Wish] = _Lane(
            "callbacks-storing",
            self._store,
            at_once_max=STORED_AT_ONCE_MAX,
            waiting_max=STORING_MAX,
            every_s=STORE_EVERY_S,
        )
        self._applying: _Lane[_Due] = _Lane(
            "callbacks-applying",
            self._apply,
            at_once_max=APPLIED_AT_ONCE_MAX,
            waiting_max=APPLYING_MAX,
            every_s=APPLY_EVERY_S,
        )

    async def take(self, callback: Arrived) -> Stored:
        """Returns once what became of it is committed; it is applied soon after.

        :raises IntakeBusy, OperationalError, InterfaceError: it is not stored; the carrier has to send it again.
        """
        answer: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        if not self._storing.put([_Wish(callback, answer)]):
            raise IntakeBusy("Too many callbacks wait to be stored.")
        try:
            async with asyncio.timeout(STORED_WITHIN_S):
                return await answer
        except TimeoutError:
            raise IntakeBusy("Whether it is stored is not known yet.") from None

    def _store(self, wishes: Sequence[_Wish]) -> None:
        came = [wish.callback for wish in wishes]
        try:
            became: list[Stored | Exception] = list(callback_rows.store(came, lock_patience_ms=LOCK_PATIENCE_MS))
        except Exception as error:
            if callback_rows.is_away(error):
                became = [error] * len(wishes)
                _let_go_of_connection()
            else:
                # One of them is refused, such as the callback of a call that is erased in this moment, or has to wait.
                became = _stored_alone(came)
        # Before the answers, so that what the carrier knows to be taken is on its way.
        new = [wish.callback for wish, how in zip(wishes, became, strict=True) if how == "new"]
        until = time.monotonic() + TRIED_FOR_S
        self._applying.put([_Due(each.id, each.call_id, until) for each in new])
        _answer(wishes, became)

    def _apply(self, stored: Sequence[_Due]) -> None:
        try:
            waiting = {each.id: each.call_id for each in stored}
            left = set(callback_lots.apply_together(waiting=waiting, now=datetime.now(UTC)))
            self._applying.put([each for each in stored if each.id in left and each.until > time.monotonic()])
        except Exception as error:
            # The rows stay due, and the clock takes them.
            logger.warning("stored callbacks not applied yet", extra={"error_type": type(error).__name__})
            _let_go_of_connection()


def _let_go_of_connection() -> None:
    try:
        connection.close()
    except Exception as error:
        # A broken one is not given back either, and the thread goes on.
        logger.warning("connection not closed", extra={"error_type": type(error).__name__})


def _stored_alone(callbacks: Sequence[Arrived]) -> list[Stored | Exception]:
    """Each by itself; where one has to wait for its call, the others of that call are not tried."""
    became: list[Stored | Exception] = []
    locked: dict[UUID, Exception] = {}
    for callback in callbacks:
        if (known := locked.get(callback.call_id)) is not None:
            became.append(known)
            continue
        try:
            became.append(callback_rows.store([callback], lock_patience_ms=LOCK_PATIENCE_ALONE_MS)[0])
        except Exception as error:
            became.append(error)
            if callback_rows.is_for_a_lock(error):
                locked[callback.call_id] = error
            elif callback_rows.is_away(error):
                # The next one has a new connection.
                _let_go_of_connection()
    return became


def _answer(wishes: Sequence[_Wish], became: Sequence[Stored | Exception]) -> None:
    """Wakes each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Wish, Stored | Exception]]] = defaultdict(list)
    for wish, how in zip(wishes, became, strict=True):
        by_loop[wish.answer.get_loop()].append((wish, how))
    for loop, answers in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, answers)
        except RuntimeError:
            # It was closed meanwhile: nobody waits for these any more.
            continue


def _settle(answers: Sequence[tuple[_Wish, Stored | Exception]]) -> None:
    for wish, how in answers:
        # Whoever asked may have hung up.
        if wish.answer.done():
            continue
        if isinstance(how, Exception):
            wish.answer.set_exception(how)
        else:
            wish.answer.set_result(how)


intake: Final = Intake()
