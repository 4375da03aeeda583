"""A browser that reads a byte a second, among others that read at once: what it costs the server, and what it costs them."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from statistics import median
from typing import Any

import psutil

from bench.contestant import Contestant, Figures
from bench.machine import Started
from bench.sockets import WAIT_LIMIT_S, upgrade_request

Address = tuple[str, int]

OTHERS = 100
READ_EVERY_S = 1.0
# Long lines: a turn's events together are more than what may wait for a browser anywhere on the way.
TEXT = "We would have to look at the price again, and at the support. " * 64
EVENTS = 200
LOOK_EVERY_EVENTS = 10
# So many at once for the memory of one, since a process grows in steps.
AT_ONCE = 20
CLOSED_WITHIN_S = 10.0


@dataclass(slots=True)
class Cost:
    """others_with, others_without: the others' p95 of each turn while the slow one was there, and while it was not."""

    others_with: list[float] = field(default_factory=list)
    others_without: list[float] = field(default_factory=list)
    others_lost: int = 0
    memory_bytes: float = 0.0
    readers: int = 0
    closed: int = 0

    def as_json(self) -> dict[str, Any]:
        """memory_kb: the most that the server grew by for each. closed: whether the server ended each.

        others_p95_ratio: the median over the turns, since what else the machine does falls into one or the other.
        """
        ratios = [slow / alone for slow, alone in zip(self.others_with, self.others_without, strict=True)]
        return {
            "memory_kb": round(self.memory_bytes / 1024),
            "closed": self.closed == self.readers,
            "others_p95_ratio": round(median(ratios), 3),
            "others_p95_ms": round(median(self.others_with), 2),
            "others_lost": self.others_lost,
            "readers": self.readers,
        }


def weigh(one: Contestant, cost: Cost, numbers: Iterator[int]) -> None:
    """The memory of slow readers, in a process whose heap has no room left from before. Needs the others' sockets open."""
    one.turn(Figures(), list(islice(numbers, EVENTS)), TEXT)
    before = most = _memory_bytes(one.server)
    with ExitStack() as readers:
        addresses = [readers.enter_context(_slow_reader(one.port, one.headers)) for _ in range(AT_ONCE)]
        for _ in range(EVENTS // LOOK_EVERY_EVENTS):
            one.turn(Figures(), list(islice(numbers, LOOK_EVERY_EVENTS)), TEXT)
            most = max(most, _memory_bytes(one.server))
        cost.memory_bytes = (most - before) / AT_ONCE
        _count_closed(one, cost, addresses)


def take_turns(one: Contestant, cost: Cost, numbers: Iterator[int], *, slow_first: bool) -> None:
    """The same events with a slow reader and without one. Needs the others' sockets open."""
    for slow in (slow_first, not slow_first):
        figures = Figures()
        if not slow:
            one.turn(figures, list(islice(numbers, EVENTS)), TEXT)
            cost.others_without.append(figures.percentile_ms(95))
            continue
        with _slow_reader(one.port, one.headers) as address:
            one.turn(figures, list(islice(numbers, EVENTS)), TEXT)
            cost.others_with.append(figures.percentile_ms(95))
            cost.others_lost += figures.lost
            _count_closed(one, cost, [address])


def _count_closed(one: Contestant, cost: Cost, addresses: Sequence[Address]) -> None:
    """The server has a while to let go of them."""
    limit = time.monotonic() + CLOSED_WITHIN_S
    while (held := _held(one.server) & set(addresses)) and time.monotonic() < limit:
        time.sleep(0.2)
    cost.readers += len(addresses)
    cost.closed += len(addresses) - len(held)


@contextmanager
def _slow_reader(port: int, headers: dict[str, str]) -> Iterator[Address]:
    """Yields the socket's own address."""
    done = threading.Event()
    with socket.socket() as connection:
        connection.settimeout(WAIT_LIMIT_S)
        # Less would be rounded up by the kernel; what lies here is the browser's memory, not the server's.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(upgrade_request(port, headers))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        assert b" 101 " in head, head

        def read() -> None:
            while not done.wait(READ_EVERY_S) and connection.recv(1):
                pass

        reading = threading.Thread(target=read)
        reading.start()
        try:
            host, own_port = connection.getsockname()
            yield host, own_port
        finally:
            done.set()
            reading.join()


def _held(server: Started) -> set[Address]:
    """The other ends of the server's connections."""
    return {
        (each.raddr.ip, each.raddr.port) for one in _family(server) for each in one.net_connections("tcp") if each.raddr
    }


def _memory_bytes(server: Started) -> int:
    return sum(one.memory_info().rss for one in _family(server))


def _family(server: Started) -> list[psutil.Process]:
    process = psutil.Process(server.process.pid)
    return [process, *process.children(recursive=True)]
