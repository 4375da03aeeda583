"""`make run`: the whole product on this machine, databases and sandbox included, until Ctrl-C.

    python -m config.embedded.stack [--no-demo]

Exit codes: 0 stopped as asked, 1 something did not start, 2 it could not even begin (the message says why).
"""

import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from config.embedded import environment, folders, ports, processes, secrets
from config.embedded.folders import Folders
from config.embedded.ports import Ports, PortUnusable
from config.embedded.postgres import PostgresUnusable
from config.embedded.supervisor import StartFailed, StopRequested, Supervisor
from config.embedded.valkey import ValkeyUnusable

_DYING_LIMIT_S = 5.0


class AlreadyRunning(RuntimeError):
    """Another stack has this data folder; the message names it."""


@contextmanager
def alone(places: Folders) -> Iterator[None]:
    """Hold the data folder's lock, which the kernel frees whatever becomes of us. Raises AlreadyRunning."""
    with places.lock.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise AlreadyRunning(
                f"A stack already runs in {places.data} (process {holder}). "
                "Stop it first, or choose another folder with DATA_DIR."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def main(arguments: list[str]) -> int:
    data_dir = Path(os.environ.get("DATA_DIR") or environment.PROJECT / ".data")
    try:
        places = folders.make(data_dir)
        with alone(places):
            chosen = ports.from_environment(os.environ)
            _await_free(chosen, predecessor_was_killed=places.state.exists())
            return _run(places, chosen, demo="--no-demo" not in arguments)
    except (AlreadyRunning, PortUnusable, PostgresUnusable, ValkeyUnusable, OSError, ValueError) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - the operator's terminal
        return 2


def _await_free(chosen: Ports, *, predecessor_was_killed: bool) -> None:
    """Raises PortUnusable. What a killed predecessor's processes still hold, the kernel is about to free."""
    limit = time.monotonic() + (_DYING_LIMIT_S if predecessor_was_killed else 0.0)
    while True:
        try:
            return ports.check_free(chosen)
        except PortUnusable:
            if time.monotonic() >= limit:
                raise
            time.sleep(0.1)


def _run(places: Folders, chosen: Ports, *, demo: bool) -> int:
    started = time.monotonic()
    # Before anything starts: whoever reads the settings later can only stop halfway.
    processes.listens_itself(os.environ)
    known = secrets.load_or_create(places.secrets)
    postgres, valkey = environment.databases(places, known)
    supplied = environment.supplied(places, known, chosen)
    supervisor = Supervisor(
        logs=places.logs,
        state=places.state,
        facts={"ports": asdict(chosen), "ready": False},
        environ=processes.child_environment({**os.environ, **supplied}),
        cwd=environment.PROJECT,
    )
    say = supervisor.console.say
    code = 0
    try:
        say(f"Klosesales is starting; its data is in {places.data}")
        if yours := _not_used(supplied):
            say(f"Not used here, since this stack has its own: {', '.join(yours)}. Its keys are in {places.secrets}.")
        postgres.create()
        supervisor.start(processes.databases(postgres, valkey))
        postgres.create_database()
        supervisor.run("prepare", [sys.executable, "-m", "config.embedded.prepare"], limit_s=processes.PREPARE_LIMIT_S)
        supervisor.console.step("database", "up to date")
        product = processes.product(
            ports=chosen,
            bind="127.0.0.1",
            transcriber_address=supplied["TRANSCRIBER_ADDRESS"],
            worker_waits=valkey.has_blocked_consumer,
            environ=os.environ,
        )
        supervisor.start([*product, processes.sandbox(chosen)])
        login = _demo_login(supervisor, places, supplied["PUBLIC_URL"], chosen) if demo else ""
        supervisor.write_state(ready=True)
        say(f"\nKlosesales is ready after {time.monotonic() - started:.1f} s: {supplied['PUBLIC_URL']}")
        if login:
            say(login)
            say(f"Staff come in at {supplied['PUBLIC_URL']}/staff once you have added one:")
            say('  make manage ARGS="staff add you@example.com You support"')
        say(f"The sandbox shows its phones, text messages and mails: http://localhost:{chosen.sandbox}")
        say(f"Logs are in {places.logs}. Ctrl-C stops everything.")
        supervisor.watch()
    except StartFailed as failure:
        supervisor.console.problem(str(failure))
        code = 1
    except StopRequested:
        pass
    finally:
        say("Stopping ...")
        supervisor.stop()
    say("Everything is stopped.")
    return code


def _not_used(supplied: Mapping[str, str]) -> list[str]:
    """Settings of ours that the environment has otherwise; whoever set them would wait for what they do."""
    # The folder may be written in several ways, and the ports are the environment's.
    apart = supplied.keys() & os.environ.keys() - {"DATA_DIR"}
    return sorted(name for name in apart if os.environ[name] != supplied[name])


def _demo_login(supervisor: Supervisor, places: Folders, public_url: str, chosen: Ports) -> str:
    """How to sign in to the demo workspace, which is made once in the life of a data folder."""
    if not places.demo.exists():
        try:
            command = [sys.executable, "-m", "sandbox.demo", public_url, f"http://localhost:{chosen.sandbox}"]
            places.demo.write_text(supervisor.run("demo", command, limit_s=120.0))
        except StartFailed as failure:
            supervisor.console.problem(f"There is no demo workspace: {failure}")
            return ""
        supervisor.console.step("demo", "made")
    return places.demo.read_text().strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
