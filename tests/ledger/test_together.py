"""Many threads ask, one works for all: each gets its own answer, once, and nobody waits for ever.

Planted bugs that this must catch: a queue that nobody leads after a failure, a turn that is lost when patience ends at the
same moment, a batch that is longer than allowed, one who was answered and wakes nobody.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.operations.together import LedgerBusy, Together

LIMIT_S = 20.0


class Desk:
    """Answers each number with its square, and notes how it was asked."""

    def __init__(self, *, slow_s: float = 0.0, fails: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.under_way: list[int] | None = None
        self.left = 0
        self.slow_s = slow_s
        self.fails = fails

    def send(self, wishes: Sequence[int]) -> None:
        assert self.under_way is None, "two sets at the same time"
        self.maybe_fail()
        self.batches.append(list(wishes))
        self.under_way = list(wishes)

    def receive(self) -> list[int]:
        assert self.under_way is not None, "nothing was sent"
        time.sleep(self.slow_s * random.random())
        sent, self.under_way = self.under_way, None
        self.maybe_fail()
        return sent

    def read(self, wishes: Sequence[int], reply: list[int]) -> list[int]:
        assert reply == list(wishes)
        self.maybe_fail()
        return [wish * wish for wish in reply]

    def tell(self, wishes: Sequence[int], answers: Sequence[int]) -> None:
        assert answers == [wish * wish for wish in wishes]

    def leave(self) -> None:
        assert self.under_way is None, "left alone with what it works on"
        self.left += 1

    def maybe_fail(self) -> None:
        if self.fails and random.random() < 0.1:
            raise ConnectionError("away")


class Waiting(Desk):
    """Works on nothing before it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.started, self.go_on = threading.Event(), threading.Event()

    def receive(self) -> list[int]:
        self.started.set()
        self.go_on.wait(LIMIT_S)
        return super().receive()


class Away(Waiting):
    def receive(self) -> list[int]:
        super().receive()
        raise ConnectionError("away")


class Slow(Waiting):
    """Is quick with the first set, and slow to take or to do all others."""

    def __init__(self, *, to_take_s: float = 0.0, to_do_s: float = 0.0) -> None:
        super().__init__()
        self.to_take_s, self.to_do_s = to_take_s, to_do_s

    def send(self, wishes: Sequence[int]) -> None:
        time.sleep(self.to_take_s if self.batches else 0)
        super().send(wishes)

    def receive(self) -> list[int]:
        time.sleep(self.to_do_s if len(self.batches) > 1 else 0)
        return super().receive()


class Mute(Desk):
    def tell(self, wishes: Sequence[int], answers: Sequence[int]) -> None:
        raise RuntimeError("can't start new thread")


def together(desk: Desk, *, at_once: int = 8, waiting: int = 1_000, patience_s: float = 3.0) -> Together[int, int]:
    return Together(desk, at_once_max=at_once, waiting_max=waiting, patience_s=patience_s)


def ask_all(asked: Together[int, int], numbers: Sequence[int], *, threads: int = 16) -> list[object]:
    def ask(number: int) -> object:
        try:
            return asked.ask(number)
        except (ConnectionError, LedgerBusy) as error:
            return type(error)

    pool = ThreadPoolExecutor(threads)
    try:
        waiting = [pool.submit(ask, number) for number in numbers]
        return [each.result(timeout=LIMIT_S) for each in waiting]
    finally:
        # Where somebody hangs, the others need not be waited for.
        pool.shutdown(wait=False, cancel_futures=True)


def test_each_asker_gets_the_answer_to_its_own_wish_and_each_wish_is_worked_on_once() -> None:
    desk = Desk(slow_s=0.002)
    # Patience that outlasts the test, so that who is not woken is missed.
    asked = together(desk, patience_s=3 * LIMIT_S)
    assert ask_all(asked, range(2_000)) == [number * number for number in range(2_000)]
    assert sorted(wish for batch in desk.batches for wish in batch) == list(range(2_000))
    assert 1 < max(map(len, desk.batches)) <= 8


def test_whoever_asks_alone_is_answered_at_once() -> None:
    desk = Desk()
    asked = together(desk)
    assert [asked.ask(number) for number in range(3)] == [0, 1, 4]
    assert desk.batches == [[0], [1], [2]]


def test_a_failure_reaches_everyone_it_was_worked_for_and_stops_nobody_else() -> None:
    desk = Desk(fails=True)
    asked = together(desk)
    answers = ask_all(asked, range(2_000))
    failed = {number for number, answer in enumerate(answers) if answer is ConnectionError}
    assert failed and len(failed) < 2_000
    assert all(answers[number] == number * number for number in set(range(2_000)) - failed)
    desk.fails = False
    assert asked.ask(12) == 144


def test_what_was_done_is_answered_even_if_it_cannot_be_told_to_others() -> None:
    desk = Mute()
    asked = together(desk)
    assert ask_all(asked, range(200)) == [number * number for number in range(200)]
    assert asked.ask(12) == 144


def test_each_of_those_who_share_a_failure_raises_an_exception_of_its_own() -> None:
    desk = Away()
    asked = together(desk, patience_s=LIMIT_S)

    def ask(number: int) -> int:
        with pytest.raises(ConnectionError) as raised:
            asked.ask(number)
        return id(raised.value)

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(ask, number) for number in range(4)]
        desk.go_on.set()
        assert len({each.result(timeout=LIMIT_S) for each in waiting}) == 4


def test_when_too_many_wait_the_next_is_refused_at_once_with_a_code() -> None:
    desk = Waiting()
    asked = together(desk, waiting=2, patience_s=LIMIT_S)
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(asked.ask, 0)]
        assert desk.started.wait(LIMIT_S)
        waiting += [pool.submit(asked.ask, number) for number in (1, 2)]
        until = time.monotonic() + LIMIT_S
        refused = None
        while refused is None and time.monotonic() < until:
            if len(asked._waiting) == 2:
                with pytest.raises(LedgerBusy) as caught:
                    asked.ask(3)
                refused = caught.value
        desk.go_on.set()
        assert [each.result(timeout=LIMIT_S) for each in waiting] == [0, 1, 4]
    assert refused is not None and (refused.code, refused.retryable) == ("ledger_busy", True)


def test_nobody_waits_longer_than_patience_for_one_who_does_not_come_back() -> None:
    desk = Waiting()
    asked = together(desk, patience_s=0.05)
    with ThreadPoolExecutor(1) as pool:
        stuck = pool.submit(asked.ask, 1)
        assert desk.started.wait(LIMIT_S)
        with pytest.raises(LedgerBusy):
            asked.ask(2)
        desk.go_on.set()
        assert stuck.result(timeout=LIMIT_S) == 1
    # What was given up was never worked on, and the place is free again.
    assert asked.ask(3) == 9
    assert desk.batches == [[1], [3]]


@pytest.mark.parametrize("slow", ["to_take_s", "to_do_s"])
def test_what_was_begun_for_those_who_gave_up_is_seen_through_and_the_desk_stays_open(slow: str) -> None:
    """Who sees it through has its answer; who only waited was told that nobody knows."""
    desk = Slow(**{slow: 2.0})
    asked = together(desk, patience_s=1.0)
    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(asked.ask, 1)
        assert desk.started.wait(LIMIT_S)
        others = [pool.submit(asked.ask, number) for number in (2, 3, 4)]
        until = time.monotonic() + LIMIT_S
        while len(asked._waiting) < 3 and time.monotonic() < until:
            time.sleep(0.001)
        desk.go_on.set()
        assert first.result(timeout=LIMIT_S) == 1
        ends = Counter(type(each.exception(timeout=LIMIT_S)) for each in others)
    answered = 1 if slow == "to_do_s" else 0
    assert (ends[LedgerBusy], ends[type(None)]) == (3 - answered, answered)
    desk.to_take_s = desk.to_do_s = 0.0
    assert asked.ask(5) == 25


def test_when_nobody_waits_the_desk_is_left() -> None:
    desk = Desk(slow_s=0.001)
    asked = together(desk)
    ask_all(asked, range(200))
    before = desk.left
    assert before and asked.ask(7) == 49
    assert desk.left == before + 1


@pytest.mark.parametrize("seed", range(4))
def test_whatever_fails_or_takes_too_long_nobody_hangs_and_the_desk_stays_open(seed: int) -> None:
    """Patience ends about when turns come, so that the two meet in every order. On a machine that is busy itself nobody's turn may have
    come by then; so there is more patience the next time."""
    random.seed(seed)
    for patience_s in (0.004, 0.016, 0.064):
        desk = Desk(slow_s=0.004, fails=True)
        asked = together(desk, at_once=4, waiting=12, patience_s=patience_s)
        answers = ask_all(asked, range(1_500), threads=24)
        kinds = Counter(answer if isinstance(answer, type) else int for answer in answers)
        assert set(kinds) <= {int, ConnectionError, LedgerBusy}, kinds
        if kinds[int] > 0:
            break
    assert kinds[int] > 0, kinds
    assert all(answer == number * number for number, answer in enumerate(answers) if isinstance(answer, int))
    worked = Counter(wish for batch in desk.batches for wish in batch)
    assert max(worked.values()) == 1
    desk.fails, desk.slow_s = False, 0.0
    assert together(desk) and asked.ask(5) == 25
