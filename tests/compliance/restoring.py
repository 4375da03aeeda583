"""A real backup of the tests' database, restored beside it, and the product's own processes started upon that."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

from config.embedded.children import die_with_parent
from config.embedded.environment import PROJECT
from config.embedded.processes import child_environment, daphne
from tests import backups
from tests.voice.carrier import signature

LIMIT_S = 60.0


def make_database(name: str) -> str:
    """A new one on the tests' server; returns its address."""
    return backups.make_database(name, server=os.environ["DATABASE_URL"])


def drop_database(name: str) -> None:
    backups.drop_database(name, server=os.environ["DATABASE_URL"])


def back_up(file: Path) -> None:
    name = connection.settings_dict["NAME"]
    backups.back_up(backups.address_of(name, server=os.environ["DATABASE_URL"]), file)


def restore(file: Path, name: str) -> str:
    """Into a new database; returns its address."""
    return backups.restore(file, name, server=os.environ["DATABASE_URL"])


def manage(address: str, *arguments: str) -> tuple[int, str]:
    """A management command upon a database: its exit code, and what it said."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=child_environment({**os.environ, "DATABASE_URL": address}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout


@dataclass(frozen=True, slots=True)
class Restored:
    """The product on a database that was restored. address: of that database."""

    address: str
    port: int
    environ: Mapping[str, str] = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> tuple[int, dict[str, Any]]:
        answer = httpx.get(f"{self.url}/readyz", timeout=10)
        return answer.status_code, answer.json()

    def start_command(self) -> subprocess.Popen[str]:
        """What `make run` and `make serve` do before they start anything that serves."""
        return subprocess.Popen(
            [sys.executable, "-m", "config.embedded.prepare"],
            cwd=PROJECT,
            env=dict(self.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )

    def get(self, path: str, session: str) -> tuple[int, Any]:
        return self._answer(httpx.get(self.url + path, headers=self._headers(session), timeout=30))

    def post(self, path: str, body: object, session: str) -> tuple[int, Any]:
        headers = self._headers(session)
        page = httpx.get(f"{self.url}/api/session", headers=headers, timeout=30)
        token = page.headers["set-cookie"].partition("=")[2].partition(";")[0]
        headers |= {
            "Cookie": f"{headers['Cookie']}; {settings.CSRF_COOKIE_NAME}={token}",
            "X-CSRFToken": token,
            "Origin": settings.PUBLIC_URL,
        }
        return self._answer(httpx.post(self.url + path, json=body, headers=headers, timeout=30))

    def callback(self, path: str, params: dict[str, str]) -> int:
        """One of the carrier's, signed."""
        headers = {"X-Twilio-Signature": signature(path, params)}
        return httpx.post(self.url + path, data=params, headers=headers, timeout=30).status_code

    def rows(self) -> str:
        """Everything in every table, and in the statistics, in lower case."""
        with psycopg.connect(self.address) as database:
            names = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            texts = [
                str(row[0])
                for (name,) in names
                for row in database.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(name)))
            ]
            statistics = (
                "SELECT coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '') FROM pg_stats"
            )
            texts += [str(row[0]) for row in database.execute(statistics)]
        return "\n".join(texts).lower()

    @staticmethod
    def _headers(session: str) -> dict[str, str]:
        return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}

    @staticmethod
    def _answer(response: httpx.Response) -> tuple[int, Any]:
        return response.status_code, json.loads(response.content) if response.content else None


@contextmanager
def web_upon(address: str, log: Path) -> Iterator[Restored]:
    """The web process, without the start command before it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environ = child_environment({**os.environ, "DATABASE_URL": address})
    with log.open("wb") as out:
        process = subprocess.Popen(
            daphne("127.0.0.1", port), env=environ, stdout=out, stderr=out, preexec_fn=die_with_parent(signal.SIGKILL)
        )
    restored = Restored(address, port, environ)
    try:
        wait_until(lambda: _answers(restored), log)
        yield restored
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def wait_until(is_so: Any, log: Path | None = None, limit_s: float = LIMIT_S) -> None:
    limit = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < limit, log.read_text() if log else "It did not come about."
        time.sleep(0.05)


def _answers(restored: Restored) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{restored.url}/healthz", timeout=5).status_code == 200
    return False
