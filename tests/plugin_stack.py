"""Loaded by pytest with -p: a real PostgreSQL and Valkey, up before Django reads its settings."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg
import pytest

from config.embedded import environment, folders, ports, secrets
from config.embedded.children import die_with_parent
from config.embedded.postgres import DATABASE, Postgres
from config.embedded.stack import AlreadyRunning, alone
from deploy.setup import frontend

# Where the set-up notes which browser it found or installed.
_BROWSER = Path(__file__).parent.parent / ".cache" / "chromium-path"
# Row-level security does not bind them; each by its name, with what makes it so.
ROLES_THAT_NOTHING_BINDS = {"above_policies": "SUPERUSER", "past_policies": "BYPASSRLS"}
_START_LIMIT_S = 30.0
_STOP_LIMIT_S = 10.0
_PREFIX = "klose-test-"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """A wrapper, so that it runs before pytest-django's hook, which reads the settings."""
    if not {"help", "version"} & {name for name, on in vars(early_config.known_args_namespace).items() if on}:
        running = ExitStack()
        early_config.add_cleanup(running.close)
        _start(running)
    return (yield)


def _start(running: ExitStack) -> None:
    """Start both servers and put the stack's settings into the environment; `running` undoes it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _remove_what_killed_runs_left()
    data = Path(tempfile.mkdtemp(prefix=_PREFIX))
    running.callback(shutil.rmtree, data, ignore_errors=True)
    places = folders.make(data)
    running.enter_context(alone(places))
    known = secrets.make()
    postgres, valkey = environment.databases(places, known, durable=False)
    os.environ.update(environment.supplied(places, known, ports.free(_ports_of_this_process())))
    # Set once more, since a developer's shell may hold values for another stack.
    os.environ["DEBUG"] = "false"
    if _BROWSER.exists():
        os.environ.setdefault("CHROMIUM_PATH", _BROWSER.read_text())
    # The Node that Playwright brings needs a library that a bare Debian lacks; the one that builds the pages runs.
    node = shutil.which("node", path=frontend.environment()["PATH"])
    if node:
        os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)
    postgres.create()
    log = running.enter_context((places.logs / "servers.log").open("wb"))
    for command, accepts, stop_signal in (
        (postgres.command(), postgres.accepts, signal.SIGINT),
        (valkey.command(), valkey.accepts, signal.SIGTERM),
    ):
        server = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent(stop_signal)
        )
        running.callback(_stop, server, stop_signal)
        _wait(server, accepts, places.logs / "servers.log")
    postgres.create_database()
    _let_triggers_rest(postgres)
    _make_roles_that_nothing_binds(postgres)


def _let_triggers_rest(postgres: Postgres) -> None:
    """Emptying tables between two tests passes the triggers that keep rows for good, and outlasts whom it waits for and who waits
    for it; the product's role may not do so."""
    _as_superuser(postgres, f"GRANT SET ON PARAMETER session_replication_role, deadlock_timeout TO {DATABASE}")


def _make_roles_that_nothing_binds(postgres: Postgres) -> None:
    """As which the product refuses to start. Their password is its role's."""
    for name, attribute in ROLES_THAT_NOTHING_BINDS.items():
        _as_superuser(postgres, f"CREATE ROLE {name} LOGIN {attribute} PASSWORD '{postgres.password}'")


def _as_superuser(postgres: Postgres, statement: str) -> None:
    with psycopg.connect(
        host=str(postgres.sockets), user="postgres", password=postgres.superuser_password, dbname="template1"
    ) as connection:
        connection.execute(statement.encode())


def _ports_of_this_process() -> range:
    """Of several that test side by side each has its own, since between choosing a port and listening there is a moment."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return range(15_000 + 2_000 * number, 17_000 + 2_000 * number)


def _remove_what_killed_runs_left() -> None:
    """A killed run's servers end with it, its folder does not; the lock tells whether the run is alive."""
    for data in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(AlreadyRunning, OSError):
            if data.stat().st_uid == os.getuid() and (data / "stack.lock").exists():
                with alone(folders.make(data)):
                    shutil.rmtree(data, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], accepts: Callable[[], bool], log: Path) -> None:
    limit = time.monotonic() + _START_LIMIT_S
    while not accepts():
        if server.poll() is not None or time.monotonic() > limit:
            raise pytest.UsageError(f"A server of the tests did not start:\n{log.read_text()}")
        time.sleep(0.02)


def _stop(server: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    server.send_signal(stop_signal)
    try:
        server.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
