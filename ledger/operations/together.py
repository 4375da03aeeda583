"""Doing at once what many threads of a process ask for: one of the askers works for all who wait, then another.

There is no thread of its own that could die, be forgotten at a fork or hold a connection: whoever asks while nobody works
begins at once. What is asked for meanwhile is begun in one go by the same thread, as soon as the first is done and before
anything is made of what came of it, so that the database waits for no thread to wake. One of those for whom it was begun sees
it through.
"""

import copy
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Generic, Protocol, TypeVar

from processors.errors import DomainError

logger = logging.getLogger(__name__)

# So many of those who were answered are woken at first, each of whom wakes another: all at once they would only wait for the
# interpreter, and who waits for the desk with them.
AWAKE: Final = 4

Wish = TypeVar("Wish")
WishIn = TypeVar("WishIn", contravariant=True)
Answer = TypeVar("Answer")


class LedgerBusy(DomainError):
    """Too many wait, or the answer did not come in time. Asking again with the same key is safe: it happens once."""

    code: ClassVar[str] = "ledger_busy"
    retryable: ClassVar[bool] = True


class Desk(Protocol[WishIn, Answer]):
    """Where the work is done, one set of wishes after the other; by one thread at a time, and by another each time."""

    def send(self, wishes: Sequence[WishIn]) -> None:
        """Begins with a set and does not wait for its end. If it raises, nothing is under way."""

    def receive(self) -> Any:
        """Waits for the end of what was sent last and returns what came of it. Then the next may be sent."""

    def read(self, wishes: Sequence[WishIn], reply: Any) -> Sequence[Answer]:
        """What came of it as answers to these wishes, in their order. Or raises for all of them."""

    def tell(self, wishes: Sequence[WishIn], answers: Sequence[Answer]) -> None:
        """Those who asked have these answers; for whatever else is to be done about them, which may take its time."""

    def leave(self) -> None:
        """Nobody waits: gives back whatever is kept from one set to the next, at once."""


class _Request(Generic[Wish, Answer]):
    """One asker. turn: held until it is told that there is an answer or an error, or that it leads.

    gone: it has given up. wakes: whom it tells when it was told itself.
    """

    __slots__ = ("answer", "error", "gone", "leads", "settled", "turn", "wakes", "wish")

    def __init__(self, wish: Wish) -> None:
        self.wish = wish
        self.turn = threading.Lock()
        self.turn.acquire()
        self.leads = self.settled = self.gone = False
        self.answer: Answer | None = None
        self.error: BaseException | None = None
        self.wakes: _Request[Wish, Answer] | None = None


class Together(Generic[Wish, Answer]):
    """desk: answers sets of wishes.

    at_once_max: wishes in a set. waiting_max: askers in the queue, beyond which they are refused.
    patience_s: how long an asker waits for others; nobody waits for ever, whatever happens to the one who works.
    """

    def __init__(self, desk: Desk[Wish, Answer], *, at_once_max: int, waiting_max: int, patience_s: float) -> None:
        self._desk = desk
        self._at_once_max = at_once_max
        self._waiting_max = waiting_max
        self._patience_s = patience_s
        # Guards the queue, `_led` and the flags of every request.
        self._mutex = threading.Lock()
        self._waiting: deque[_Request[Wish, Answer]] = deque()
        # Whether somebody works or was told to; else nobody waits and nothing is under way.
        self._led = False
        # For whom the desk works now; touched by who leads alone.
        self._under_way: list[_Request[Wish, Answer]] = []
        # For how many it was sent last.
        self._last_size = 0

    def ask(self, wish: Wish) -> Answer:
        """The answer to this wish alone.

        :raises LedgerBusy: nothing was done, or it is not known whether it was.
        Whatever the desk raised is raised to everyone it worked for.
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
            told = request.turn.acquire(timeout=self._patience_s)
        except BaseException:
            # Only this thread was asked to end: what others expect of it is done first.
            if not self._give_up(request):
                if request.leads:
                    self._lead(request)
                _wake(request.wakes)
            raise
        if not told and self._give_up(request):
            raise LedgerBusy("The booking was not confirmed in time. Ask again: it is made once.")
        _wake(request.wakes)

    def _give_up(self, request: _Request[Wish, Answer]) -> bool:
        """False: a turn came together with the end of patience, and counts."""
        with self._mutex:
            if request.settled or request.leads:
                return False
            request.gone = True
            if request in self._waiting:
                self._waiting.remove(request)
            return True

    def _lead(self, request: _Request[Wish, Answer]) -> None:
        """Sees what is under way through, or else begins; begins with what was asked for meanwhile; and passes the lead on."""
        if not self._under_way:
            begun = False
            try:
                begun = self._begin(request)
            finally:
                if not begun:
                    self._pass_on()
            if not begun:
                return
        passed = False
        while not passed:
            batch, self._under_way = self._under_way, []
            wishes = [each.wish for each in batch]
            answers: Sequence[Answer] = ()
            error: BaseException | None = None
            try:
                reply = self._desk.receive()
                self._begin(request)
                passed = self._pass_on()
                answers = self._desk.read(wishes, reply)
                if len(answers) != len(batch):
                    raise ValueError(f"{len(answers)} answers to {len(batch)} wishes")
            except Exception as failure:
                error = failure
            except BaseException:
                # Only this thread was asked to end, so the others are told to ask again.
                error = LedgerBusy("The booking was not confirmed. Ask again: it is made once.")
                raise
            finally:
                passed = passed or self._pass_on()
                self._settle(batch, answers, error, request)
            if error is None:
                self._tell(wishes, answers)

    def _tell(self, wishes: Sequence[Wish], answers: Sequence[Answer]) -> None:
        """Whatever goes wrong with it, the answers stand, and who leads goes on."""
        try:
            self._desk.tell(wishes, answers)
        except Exception as error:
            logger.warning("what was booked was not told", extra={"error_type": type(error).__name__})

    def _begin(self, leader: _Request[Wish, Answer]) -> bool:
        """Sends what waits, and tells those for whom that failed. Returns whether anything is under way."""
        with self._mutex:
            waiting = len(self._waiting)
            # Half of those who ask again and again, so that one half asks while the desk works for the other.
            half = (waiting + self._last_size + 1) // 2
            batch = [self._waiting.popleft() for _ in range(min(waiting, half, self._at_once_max))]
        self._last_size = len(batch)
        if batch:
            try:
                self._desk.send([each.wish for each in batch])
            except Exception as error:
                self._settle(batch, (), error, leader)
                return False
        self._under_way = batch
        return bool(batch)

    def _pass_on(self) -> bool:
        """Tells who leads from now on; with nobody waiting the next asker will by itself.

        False: all for whom something is under way have given up, so whoever led goes on.
        """
        with self._mutex:
            heir = next((each for each in self._under_way or self._waiting if not each.gone), None)
            if heir is not None:
                heir.leads = True
            elif self._under_way:
                return False
            else:
                self._led = False
                self._desk.leave()
        _wake(heir)
        return True

    def _settle(
        self,
        batch: Sequence[_Request[Wish, Answer]],
        answers: Sequence[Answer],
        error: BaseException | None,
        leader: _Request[Wish, Answer],
    ) -> None:
        """Gives each its answer, or all the error, and wakes them."""
        with self._mutex:
            for number, each in enumerate(batch):
                each.error = error
                if error is None:
                    each.answer = answers[number]
                each.settled = True
            told = [each for each in batch if not each.gone and each is not leader]
            for each, later in zip(told, told[AWAKE:], strict=False):
                each.wakes = later
        for each in told[:AWAKE]:
            _wake(each)


def _wake(request: _Request[Any, Any] | None) -> None:
    if request is not None:
        request.turn.release()
