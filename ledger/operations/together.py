"""Doing at once what many threads of a process ask for: one of the askers works for all who wait, then another.

There is no thread of its own that could die, be forgotten at a fork or hold a connection: whoever asks while nobody works
takes all that waits, itself included, and afterwards tells the first of those who came meanwhile to go on.
"""

import copy
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar, Final, Generic, TypeVar

from processors.errors import DomainError

GATHER_PART: Final = 0.25
GATHER_MAX_S: Final = 0.002
GATHER_STEP_S: Final = 0.0001

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")


class LedgerBusy(DomainError):
    """Too many wait, or the answer did not come in time. Asking again with the same key is safe: it happens once."""

    code: ClassVar[str] = "ledger_busy"
    retryable: ClassVar[bool] = True


class _Request(Generic[Wish, Answer]):
    """One asker. turn: held until it is told that there is an answer or an error, or that it leads."""

    __slots__ = ("answer", "error", "leads", "settled", "turn", "wish")

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = False
        self.settled = False
        self.answer: Answer | None = None
        self.error: BaseException | None = None


class Together(Generic[Wish, Answer]):
    """work: answers wishes in their order, all of them or with an error for all.

    at_once_max: wishes per call of work. waiting_max: askers in the queue, beyond which they are refused.
    patience_s: how long an asker waits for others; nobody waits for ever, whatever happens to the one who works.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Wish]], Sequence[Answer]],
        *,
        at_once_max: int,
        waiting_max: int,
        patience_s: float,
    ) -> None:
        self._work = work
        self._at_once_max = at_once_max
        self._waiting_max = waiting_max
        self._patience_s = patience_s
        # Guards the queue, `_led` and the flags of every request.
        self._mutex = threading.Lock()
        self._waiting: deque[_Request[Wish, Answer]] = deque()
        # Whether somebody works or was told to; then the queue may hold requests, else it is empty.
        self._led = False
        # Of the last work: for how many, and how long it took.
        self._last_batch, self._last_s = 0, 0.0

    def ask(self, wish: Wish) -> Answer:
        """The answer to this wish alone.

        :raises LedgerBusy: nothing was done, or it is not known whether it was.
        Whatever work raised is raised to everyone it worked for.
        """
        request: _Request[Wish, Answer] = _Request(wish)
        with self._mutex:
            if len(self._waiting) >= self._waiting_max:
                raise LedgerBusy("Too many bookings wait at this moment. Ask again in a few seconds.")
            self._waiting.append(request)
            if not self._led:
                self._led = request.leads = True
        if not request.leads:
            self._await(request)
        if request.leads:
            self._lead(request)
        if request.error is not None:
            # Each thread raises an exception of its own, since raising writes into it.
            raise copy.copy(request.error) from request.error
        return request.answer  # type: ignore[return-value]  # settled without an error

    def _await(self, request: _Request[Wish, Answer]) -> None:
        try:
            request.turn.acquire(timeout=self._patience_s)
        except BaseException:
            with self._mutex:
                self._forget(request)
                if request.leads:
                    self._promote()
            raise
        with self._mutex:
            # A turn that came together with the end of patience counts.
            if request.settled or request.leads:
                return
            self._forget(request)
        raise LedgerBusy("The booking was not confirmed in time. Ask again: it is made once.")

    def _lead(self, request: _Request[Wish, Answer]) -> None:
        self._gather()
        with self._mutex:
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_once_max))]
        began = time.monotonic()
        try:
            answers = self._work([each.wish for each in batch])
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
        except Exception as error:
            for each in batch:
                each.error = error
        except BaseException:
            # Only this thread was asked to end, so the others are told to ask again.
            for each in batch:
                each.error = LedgerBusy("The booking was not confirmed. Ask again: it is made once.")
            raise
        finally:
            self._last_batch, self._last_s = len(batch), time.monotonic() - began
            with self._mutex:
                for each in batch:
                    each.settled = True
                self._promote()
            for each in batch:
                if each is not request:
                    each.turn.release()

    def _gather(self) -> None:
        """Those who were answered together a moment ago are about to ask together: waits for them a part of the time that
        working for them apart would cost. Whoever asks alone is not kept waiting."""
        if self._last_batch < 2:
            return
        expected = min(self._last_batch + len(self._waiting) - 1, self._at_once_max)
        until = time.monotonic() + min(self._last_s * GATHER_PART, GATHER_MAX_S)
        while len(self._waiting) < expected and time.monotonic() < until:
            time.sleep(GATHER_STEP_S)

    def _promote(self) -> None:
        """Tells the first who waits to lead; with nobody waiting the next asker will by itself. Under the mutex."""
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].turn.release()
        else:
            self._led = False

    def _forget(self, request: _Request[Wish, Answer]) -> None:
        """Takes a request out of the queue, unless it was taken to be worked on. Under the mutex."""
        if request in self._waiting:
            self._waiting.remove(request)
