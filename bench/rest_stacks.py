"""What a page of leads and a live call cost the server in processor time: ours, two usual stacks, and the limit.

All answer from the same rows behind the same session's cookie; ours also looks up which numbers must not be called. Each has a
process of its own on one core; they take turns, and only processor time is compared.
"""

import http.client
import json
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit
from uuid import UUID

import psutil

from bench.apart import python_with
from bench.machine import PROJECT, SERVER_CORES, Started, free_port, listens, start
from bench.report import say

TURNS: Final = 3
REQUESTS: Final = 200
REQUIREMENTS: Final = Path(__file__).parent / "peers" / "rest.txt"


@dataclass(slots=True)
class Stack:
    """A server of leads and calls. paths: where its list and its live call are."""

    name: str
    server: Started
    port: int
    headers: Mapping[str, str]
    paths: Mapping[str, str]
    cpu_us: dict[str, list[float]] = field(default_factory=dict)

    def turn(self) -> None:
        for what, path in self.paths.items():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            self._asked(connection, path)
            before_s = self._cpu_s()
            for _ in range(REQUESTS):
                self._asked(connection, path)
            self.cpu_us.setdefault(what, []).append((self._cpu_s() - before_s) * 1e6 / REQUESTS)
            connection.close()

    def _cpu_s(self) -> float:
        """Of all threads that ever were: Django's servers give each request one of its own."""
        used = psutil.Process(self.server.process.pid).cpu_times()
        return float(used.user + used.system)

    def _asked(self, connection: http.client.HTTPConnection, path: str) -> None:
        connection.request("GET", path, headers=dict(self.headers))
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, (self.name, response.status, body[:300])
        shown = json.loads(body)
        assert len(shown.get("items", [None] * 50)) == 50, (self.name, path)

    def as_json(self) -> dict[str, float]:
        """Of each the turn that other programs disturbed least."""
        return {f"{what}_us": round(min(found), 1) for what, found in self.cpu_us.items()}

    @property
    def together_us(self) -> float:
        return sum(min(found) for found in self.cpu_us.values())


def compared(*, folder: Path, undo: ExitStack, session_key: str, call_id: UUID) -> dict[str, Stack]:
    """ours, stock_ninja, fastapi_sqlalchemy and plain, with what a list and a live call cost each."""
    from django.conf import settings

    apart = python_with("rest", REQUIREMENTS, "FastAPI, SQLAlchemy and asyncpg")
    host = urlsplit(settings.PUBLIC_URL).netloc
    own = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_key}", "Host": host}
    own_paths = {"list": "/api/leads?limit=50", "live": f"/api/calls/{call_id}"}
    others = {"Cookie": f"session={session_key}"}
    other_paths = {"list": "/leads?limit=50", "live": f"/calls/{call_id}"}
    uvicorn = ("-m", "uvicorn", "--log-level", "warning", "--host", "127.0.0.1")
    os.environ.update(_addresses())

    def served(name: str, *command: str, headers: Mapping[str, str], paths: Mapping[str, str]) -> Stack:
        port = free_port()
        server = start(
            [part.replace("PORT", str(port)) for part in command],
            log=folder / f"{name}.log",
            ready=lambda: listens(port),
            cores=SERVER_CORES,
        )
        undo.callback(server.stop)
        return Stack(name, server, port, headers, paths)

    found = [
        served(
            "ours",
            *(sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", "PORT", "-v", "0", "config.asgi:application"),
            headers=own,
            paths=own_paths,
        ),
        served(
            "stock_ninja",
            *(sys.executable, *uvicorn, "--port", "PORT", "bench.peers.rest_ninja:application"),
            headers=others,
            paths=other_paths,
        ),
        served(
            "fastapi_sqlalchemy",
            *(str(apart), *uvicorn, "--port", "PORT", "--app-dir", str(PROJECT / "bench" / "peers")),
            "rest_fastapi:application",
            headers=others,
            paths=other_paths,
        ),
        served(
            "plain",
            *(str(apart), *uvicorn, "--port", "PORT", "--app-dir", str(PROJECT / "bench" / "peers")),
            "rest_plain:application",
            headers=others,
            paths=other_paths,
        ),
    ]
    for turn in range(TURNS):
        say(f"calling: lists and live calls, turn {turn + 1} of {TURNS}")
        for one in found:
            one.turn()
    return {one.name: one for one in found}


def _addresses() -> dict[str, str]:
    """The database's address as the others write it; its host is a folder with a socket."""
    from django.conf import settings

    database = settings.DATABASES["default"]
    login = f"{database['USER']}:{quote(database['PASSWORD'], safe='')}"
    tail = f"@/{database['NAME']}?host={quote(str(database['HOST']), safe='')}"
    return {
        "PEER_DATABASE_URL": f"postgresql+asyncpg://{login}{tail}",
        "PLAIN_DATABASE_URL": f"postgresql://{login}{tail}",
    }
