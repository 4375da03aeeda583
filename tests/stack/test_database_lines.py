"""A database server whose machine vanishes without a word is given up within half a minute, whoever was waiting for it.

The kernel gives it up, and is told how soon with each connection: what it was told is read back, over TCP, for every way in which the
product connects. That a kernel does as it is told is not tried here.

Planted bugs that this catches: the patience given to the server alone, as a setting of the session; a way of connecting without it; a
new way that nobody has told.
"""

import ast
import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings as used
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper
from pytest_django.fixtures import Settings

from compliance.erasure_ledger import opened_ledger
from identity.reading import Readings
from tests.house.house import FLOORS, name_of, sources

# What somebody who waits for an answer may lose to a server that is gone, and somebody who has sent something.
GONE_AFTER_S = 30


@contextmanager
def over_tcp(server: Path) -> Iterator[int]:
    """A port behind which the server of a unix socket answers."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=_let_in, args=(door, server), daemon=True).start()
        yield door.getsockname()[1]


def _let_in(door: socket.socket, server: Path) -> None:
    with suppress(OSError):
        while True:
            near, _ = door.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(server))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=_pass_on, args=ends, daemon=True).start()


def _pass_on(come: socket.socket, go: socket.socket) -> None:
    with suppress(OSError):
        while block := come.recv(65_536):
            go.sendall(block)
    with suppress(OSError):
        go.shutdown(socket.SHUT_RDWR)


def told(opened: "psycopg.BaseConnection[Any]") -> tuple[dict[str, str], dict[str, int]]:
    """What the connection says that it was opened with, and what the kernel was told of its socket."""
    line = socket.fromfd(opened.fileno(), socket.AF_INET, socket.SOCK_STREAM)
    with line:
        of = line.getsockopt
        kernel = {
            "keepalives": of(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            "keepalives_idle": of(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
            "keepalives_interval": of(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL),
            "keepalives_count": of(socket.IPPROTO_TCP, socket.TCP_KEEPCNT),
            "tcp_user_timeout": of(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
        }
    return opened.info.get_parameters(), kernel


def by_django() -> tuple[dict[str, str], dict[str, int]]:
    connection.ensure_connection()
    return told(connection.connection)


def by_lean_reads() -> tuple[dict[str, str], dict[str, int]]:
    async def story() -> tuple[dict[str, str], dict[str, int]]:
        readings = Readings(1)
        reading = await readings.take()
        try:
            return told(reading._opened)
        finally:
            reading.close()
            readings.give(reading)

    return asyncio.run(story())


def by_the_erasure_ledger() -> tuple[dict[str, str], dict[str, int]]:
    with opened_ledger() as ledger:
        return told(ledger)


# In whose room each is.
WAYS: dict[str, Callable[[], tuple[dict[str, str], dict[str, int]]]] = {
    "django, by its settings": by_django,
    "identity/reading.py": by_lean_reads,
    "compliance/erasure_ledger.py": by_the_erasure_ledger,
}


def _hang_up() -> None:
    """And the next one is opened anew."""
    mine = connections["default"]
    assert isinstance(mine, DatabaseWrapper)
    mine.close()
    mine.close_pool()


@pytest.fixture
def far(transactional_db: None, settings: Settings) -> Iterator[None]:
    """The databases of the tests as if they stood on another machine."""
    known, kept = connection.settings_dict, {name: connection.settings_dict[name] for name in ("HOST", "PORT")}
    with over_tcp(Path(known["HOST"]) / f".s.PGSQL.{known['PORT'] or 5432}") as port:
        _hang_up()
        known.update(HOST="127.0.0.1", PORT=str(port))
        ledger = urlsplit(used.ERASURE_LEDGER_URL)
        person = ledger.netloc.rpartition("@")[0]
        settings.ERASURE_LEDGER_URL = f"postgresql://{person}@127.0.0.1:{port}{ledger.path}"
        try:
            yield
        finally:
            _hang_up()
            known.update(kept)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_that_vanished_is_given_up_in_every_way_of_connecting(far: None, way: str) -> None:
    parameters, kernel = WAYS[way]()
    assert parameters["host"] == "127.0.0.1"
    wanted = {name: str(value) for name, value in used.DATABASE_LINE.items()}
    assert {name: parameters.get(name) for name in wanted} == wanted
    assert kernel == {name: value for name, value in used.DATABASE_LINE.items() if name != "connect_timeout"}
    probed_s = kernel["keepalives_idle"] + kernel["keepalives_interval"] * kernel["keepalives_count"]
    assert kernel["keepalives"] == 1 and 0 < probed_s <= GONE_AFTER_S
    assert 0 < kernel["tcp_user_timeout"] <= GONE_AFTER_S * 1_000
    assert 2 <= int(parameters["connect_timeout"]) <= GONE_AFTER_S


def test_these_are_all_ways_of_connecting() -> None:
    """Whoever opens a connection of their own is told above."""
    opening = {name_of(path) for path in sources(*FLOORS) if _opens(path.read_text())}
    assert opening == {way for way in WAYS if way.endswith(".py")}


def _opens(text: str) -> bool:
    if "psycopg" not in text and "DatabaseWrapper" not in text:
        return False
    called = [ast.unparse(node.func) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
    makers = ("psycopg.connect", "Connection.connect", "PGconn.connect", "PGconn.connect_start", "DatabaseWrapper")
    return any(name.endswith((*makers, "ConnectionPool")) for name in called)
