"""Keeps processes running: starts them, restarts those that die, keeps their logs, stops all of them.

One thread and one selector: idle, it sleeps until a child writes or dies or a signal comes.
"""

import json
import os
import resource
import selectors
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from config.embedded.child import PROBE_INTERVAL_S, Child
from config.embedded.console import Console
from config.embedded.logfile import LogFile
from config.embedded.processes import Process
from processors import guard

# After a kill -9 PostgreSQL refuses to start for some seconds, until what it left behind is gone.
_START_ATTEMPTS = 6
_START_LIMIT_S = 180.0
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StartFailed(RuntimeError):
    """A process did not become ready; the message names it and ends with its reason, or else with the last lines of its log."""


class StopRequested(Exception):
    """Ctrl-C or SIGTERM came while something was being waited for."""


def _allow_many_files() -> None:
    """Each browser is an open file of the web process; the usual soft limit of 1,024 would be the limit of browsers."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Supervisor:
    """Runs processes until asked to stop. `stop` is called at the end, whatever happened before.

    state: a file that always says what runs, as JSON; facts: what it says besides.
    """

    def __init__(
        self, *, logs: Path, state: Path, facts: Mapping[str, object], environ: Mapping[str, str], cwd: Path
    ) -> None:
        self.console = Console()
        self._logs = logs
        self._state = state
        self._facts = dict(facts)
        self._environ = dict(environ)
        self._cwd = cwd
        self._children: dict[str, Child] = {}
        # Those that made way, until they have ended what they had begun.
        self._leaving: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._stop_requested = False
        self._stopping = False
        _allow_many_files()
        guard.keep_memory_off_disk()
        self._listen_for_signals()

    def _listen_for_signals(self) -> None:
        """Signals only set a flag and wake the selector, so that nothing is interrupted half-way."""
        wake, waker = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        self._wake, self._waker = wake, waker
        self._selector.register(wake, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        for number in _STOP_SIGNALS:
            signal.signal(number, self._note_stop)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)

    def _note_stop(self, _number: int, _frame: object) -> None:
        self._stop_requested = True

    def start(self, processes: Sequence[Process]) -> None:
        """Start processes side by side and return when all are ready. Raises StartFailed, StopRequested."""
        children = [self._adopt(process) for process in processes]
        limit = time.monotonic() + _START_LIMIT_S
        shown: set[str] = set()
        while len(shown) < len(children):
            self._turn()
            for child in children:
                if child.ready and child.name not in shown:
                    shown.add(child.name)
                    self.console.step(child.name, f"ready after {time.monotonic() - child.first_started_at:.1f} s")
                if child.explained:
                    raise StartFailed(f"{child.name} cannot start. {child.explained}")
                if child.failures >= _START_ATTEMPTS or (not child.ready and time.monotonic() > limit):
                    raise StartFailed(f"{child.name} does not start. Its log ends so:\n{child.log.tail()}")

    def _adopt(self, process: Process) -> Child:
        def on_error(line: str) -> None:
            # While it starts, a process complains of what is not up yet; a failed start shows its log.
            if child.ready and not self._stopping:
                self.console.error(process.name, line)

        listening = _bound(*process.listens_on) if process.listens_on else None
        child = Child(process, LogFile(self._logs / f"{process.name}.log", on_error), listening)
        self._children[process.name] = child
        self._launch(child)
        return child

    def _launch(self, child: Child) -> None:
        pipe = child.launch(self._environ, self._cwd)
        self._selector.register(pipe, selectors.EVENT_READ, child)
        if child.way >= 0:
            self._selector.register(child.way, selectors.EVENT_READ, child)
        self.write_state()

    def run(self, name: str, command: Sequence[str], *, limit_s: float = 600.0) -> str:
        """Run a command to its end; returns its output, which goes into `name`.log too.

        Raises StartFailed, StopRequested.
        """
        child = Child(
            Process(name, tuple(command), lambda: False, phase=2),
            LogFile(self._logs / f"{name}.log", _leave_to_caller),
        )
        said: list[bytes] = []
        pipe = child.launch(self._environ, self._cwd)
        limit = time.monotonic() + limit_s
        try:
            with selectors.DefaultSelector() as waiting:
                waiting.register(pipe, selectors.EVENT_READ)
                while (block := self._block(pipe, waiting)) != b"":
                    if time.monotonic() > limit:
                        raise StartFailed(
                            f"{name} took more than {limit_s:.0f} s. Its log ends so:\n{child.log.tail()}"
                        )
                    if block:
                        said.append(block)
                        child.log.feed(block)
                    self._turn(wait_s=0.0)
            if child.wait(limit_s) != 0:
                raise StartFailed(f"{name} failed. Its log ends so:\n{child.log.tail()}")
        finally:
            child.kill()
            child.close()
        return b"".join(said).decode(errors="replace")

    @staticmethod
    def _block(pipe: int, waiting: selectors.BaseSelector) -> bytes | None:
        """What the pipe holds; None when nothing came for a while, b"" at its end."""
        return os.read(pipe, 65_536) if waiting.select(0.1) else None

    def watch(self) -> None:
        """Keep everything running until a signal asks to stop."""
        with suppress(StopRequested):
            while True:
                self._turn()

    def _turn(self, wait_s: float | None = None) -> None:
        """Wait for the next thing to happen, at most `wait_s`, and deal with it."""
        if self._stop_requested and not self._stopping:
            raise StopRequested
        due = [moment for child in self._children.values() if (moment := child.next_due_at) is not None]
        if due and wait_s is None:
            wait_s = max(0.0, min(due) - time.monotonic())
        for key, _ in self._selector.select(wait_s):
            if key.data is None:
                with suppress(BlockingIOError):
                    self._wake.recv(4096)
            elif key.fd == key.data.way:
                self._make_way(key.data)
            elif not key.data.pump():
                self._selector.unregister(key.fileobj)
        for child in self._children.values():
            self._attend(child)
        for child in [one for one in self._leaving if one.exited]:
            self._forget_pipes(child)
            child.note_exit(time.monotonic())
            self._leaving.remove(child)
            self.write_state()

    def _make_way(self, child: Child) -> None:
        """It said that it takes nothing new any more, or it died without saying so, which `_attend` deals with."""
        said = os.read(child.way, 1)
        self._selector.unregister(child.way)
        child.close_way()
        if said and child.was_ready and not self._stopping:
            self.console.step(child.name, "goes on with what it has begun; the next one is started beside it")
            self._leaving.append(child)
            self._children[child.name] = child.successor()
            self._launch(self._children[child.name])

    def _attend(self, child: Child) -> None:
        now = time.monotonic()
        if child.running and child.exited:
            self._forget_pipes(child)
            died = "died" if child.ready else "died before it was ready again"
            wait_s = child.note_exit(now)
            if child.was_ready and not self._stopping:
                said = f"{died} ({child.exit_reason}); starting it again in {wait_s:.1f} s."
                self.console.error(child.name, f"{said} {child.explained or f'Its log is {child.log.path}.'}")
            self.write_state()
        elif not child.running and not self._stopping and child.restart_at <= now:
            self._launch(child)
        elif child.running and not child.ready and not self._stopping and child.probe_at <= now:
            lived_before = child.was_ready
            if child.probe(now):
                if lived_before:
                    self.console.error(child.name, "runs again")
                self.write_state()

    def _forget_pipes(self, child: Child) -> None:
        for pipe in (child.pipe, child.way):
            with suppress(KeyError, ValueError):
                self._selector.unregister(pipe)

    def stop(self) -> None:
        """Stop everything, last phase first; what does not stop in its time is killed."""
        self._stopping = True
        for phase in sorted({child.process.phase for child in self._children.values()}, reverse=True):
            everybody = [*self._children.values(), *self._leaving]
            group = [child for child in everybody if child.process.phase == phase and child.running]
            for child in group:
                child.signal(child.process.stop_signal)
            self._await_end(group)
        for child in self._children.values():
            child.close()
            if child.listening is not None:
                child.listening.close()
        self._state.unlink(missing_ok=True)
        signal.set_wakeup_fd(-1)
        self._wake.close()
        self._waker.close()

    def _await_end(self, group: Sequence[Child]) -> None:
        limits = {child.name: time.monotonic() + child.process.stop_limit_s for child in group}
        while waiting := [child for child in group if child.running]:
            self._turn(wait_s=PROBE_INTERVAL_S)
            for child in waiting:
                if child.running and time.monotonic() > limits[child.name]:
                    self.console.error(child.name, "does not stop; killed")
                    child.kill()

    def write_state(self, **facts: object) -> None:
        """Say in the state file what runs now; a reader never sees half of it. On a full disk the older one stays."""
        self._facts |= facts
        processes = {
            child.name: {"pid": child.pid, "ready": child.ready, "restarts": child.restarts}
            for child in self._children.values()
        }
        new = self._state.with_name(self._state.name + ".new")
        try:
            leaving = [{"name": child.name, "pid": child.pid} for child in self._leaving]
            said = {"pid": os.getpid(), **self._facts, "processes": processes, "leaving": leaving}
            new.write_text(json.dumps(said, indent=2))
            new.replace(self._state)
        except OSError as error:
            self.console.problem(f"The state of the processes cannot be written: {error.strerror}")


def _bound(host: str, port: int) -> socket.socket:
    """Refuses connections until a process begins to listen on it."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    one = socket.socket(family, kind, protocol)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind(address)
    except OSError:
        one.close()
        raise
    return one


def _leave_to_caller(_line: str) -> None:
    """The errors of a command that runs to its end: its exit code and the tail of its log tell them."""
