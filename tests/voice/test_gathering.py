"""The event loop that takes together what its sockets bring.

Planted bugs that this catches: a reader that is called after it was taken away, one reader's failure that ends all reading,
a turn that is the last one after a quiet time, timers that wait for the sockets' next turn.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest

from voice.gathering import GatheringLoop

Pair = tuple[socket.socket, socket.socket]
SOON_S = 0.05
FAR_S = 3_600


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    """Each one's first end is read by the loop, its second one by nobody."""
    made = [socket.socketpair() for _ in range(3)]
    yield made
    for pair in made:
        for end in pair:
            end.close()


def run(story: Callable[[], Coroutine[Any, Any, None]], *, gather_s: float) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(10):
            await story()

    with asyncio.Runner(loop_factory=lambda: GatheringLoop(gather_s)) as runner:
        runner.run(in_time())


class Readers:
    """Reads the first ends, and remembers in which round of the loop each of them had something."""

    def __init__(self, pairs: list[Pair]) -> None:
        self._loop = asyncio.get_running_loop()
        self._round = 0
        self._count()
        self.rounds: dict[int, list[int]] = {index: [] for index in range(len(pairs))}
        for index, (end, _) in enumerate(pairs):
            end.setblocking(False)
            self._loop.add_reader(end, self.read, index, end)

    def _count(self) -> None:
        self._round += 1
        self._loop.call_later(0.001, self._count)

    def read(self, index: int, end: socket.socket) -> None:
        end.recv(100)
        self.rounds[index].append(self._round)

    async def until(self, index: int, times: int = 1) -> None:
        while len(self.rounds[index]) < times:  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def test_what_comes_after_a_quiet_time_is_taken_at_once_and_what_follows_waits(pairs: list[Pair]) -> None:
    async def story() -> None:
        readers = Readers(pairs)
        pairs[0][1].send(b"first")
        await readers.until(0)
        pairs[1][1].send(b"second")
        await asyncio.sleep(SOON_S)
        assert not readers.rounds[1]

    run(story, gather_s=FAR_S)


def test_what_comes_from_many_is_taken_in_one_turn(pairs: list[Pair]) -> None:
    async def story() -> None:
        readers = Readers(pairs)
        pairs[0][1].send(b"first")
        await readers.until(0)
        for _, far in pairs:
            far.send(b"more")
            await asyncio.sleep(0.01)
        await readers.until(2)
        assert readers.rounds[0][1:] == readers.rounds[1] == readers.rounds[2]

    run(story, gather_s=0.2)


def test_reading_goes_on_after_every_quiet_time(pairs: list[Pair]) -> None:
    async def story() -> None:
        readers = Readers(pairs)
        for times in range(1, 4):
            pairs[0][1].send(b"again")
            await readers.until(0, times)
            await asyncio.sleep(SOON_S)

    run(story, gather_s=0.01)


def test_timers_threads_and_the_loops_own_connections_do_not_wait(pairs: list[Pair]) -> None:
    async def story() -> None:
        readers = Readers(pairs)
        pairs[0][1].send(b"first")
        await readers.until(0)
        await asyncio.sleep(0)
        assert await asyncio.to_thread(lambda: "done") == "done"
        near, far = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=near)
        far.send(b"line\n")
        assert await reader.readline() == b"line\n"
        writer.close()
        far.close()

    run(story, gather_s=FAR_S)


def test_a_reader_that_another_one_takes_away_in_its_turn_is_not_called(pairs: list[Pair]) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        called: list[int] = []

        def only_this(index: int) -> None:
            called.append(index)
            for end, _ in pairs:
                assert loop.remove_reader(end)
            assert not loop.remove_reader(pairs[index][0])

        for index, (end, far) in enumerate(pairs):
            far.send(b"now")
            loop.add_reader(end, only_this, index)
        await asyncio.sleep(SOON_S)
        assert len(called) == 1

    run(story, gather_s=0.01)


def test_a_reader_that_fails_is_told_of_and_the_others_are_read(pairs: list[Pair]) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        told: list[object] = []
        loop.set_exception_handler(lambda _, context: told.append(context.get("exception")))
        readers = Readers(pairs)

        def fail() -> None:
            loop.remove_reader(pairs[0][0])
            raise ValueError("not mine")

        loop.add_reader(pairs[0][0], fail)
        for _, far in pairs:
            far.send(b"now")
        await readers.until(1)
        await readers.until(2)
        assert [type(one) for one in told] == [ValueError]

    run(story, gather_s=0.01)
