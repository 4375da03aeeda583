"""A whole stack as a Python object: for the tests, the smoke run and the benchmarks."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from config.embedded import environment, folders, ports, secrets
from config.embedded.children import die_with_parent
from config.embedded.ports import Ports

_START_LIMIT_S = 240.0
_STOP_LIMIT_S = 60.0
_POLL_S = 0.05


class StackFailed(RuntimeError):
    """The stack did not do what was asked; the message ends with what it printed."""


@dataclass(frozen=True, slots=True)
class Running:
    """One process as the supervisor knows it. restarts: how often it was started again."""

    pid: int | None
    ready: bool
    restarts: int


class Stack:
    """`make run` in a folder of its own and on free ports, so that stacks stand side by side.

        with Stack(tmp_path) as stack:
            stack.kill("web")
            stack.wait_ready()

    The folder outlives the stack: a second one on the same folder finds the data. Start it from a thread that
    lives on, since the stack stops when that thread ends.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        ports: Ports | None = None,
        demo: bool = False,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """demo: whether to build the demo workspace. settings: further ones, e.g. SANDBOX_TIME_SCALE."""
        self.data_dir = data_dir
        self.ports = ports or free_ports()
        self._demo = demo
        self._settings = dict(settings or {})
        self._output = data_dir / "stack.out"
        self._supervisor: subprocess.Popen[bytes] | None = None

    @property
    def env(self) -> dict[str, str]:
        """Every setting that the stack gives to its processes; enough for Django in the caller's process."""
        places = folders.make(self.data_dir)
        known = secrets.load_or_create(places.secrets)
        return environment.supplied(places, known, self.ports) | self._settings

    @property
    def url(self) -> str:
        return f"http://localhost:{self.ports.web}"

    @property
    def media_url(self) -> str:
        return f"ws://localhost:{self.ports.media}"

    @property
    def sandbox_url(self) -> str:
        return f"http://localhost:{self.ports.sandbox}"

    @property
    def output(self) -> str:
        """What the supervisor printed so far."""
        return self._output.read_text() if self._output.exists() else ""

    @property
    def supervisor_pid(self) -> int:
        assert self._supervisor is not None, "the stack was not started"
        return self._supervisor.pid

    def start(self, *, limit_s: float = _START_LIMIT_S) -> None:
        """Start everything and return when it is ready. Raises StackFailed."""
        self.launch()
        self.wait_ready(limit_s=limit_s)

    def launch(self) -> None:
        """Start without waiting."""
        folders.make(self.data_dir)
        command = [sys.executable, "-m", "config.embedded.stack", *([] if self._demo else ["--no-demo"])]
        given = {"DATA_DIR": str(self.data_dir), **ports.to_environment(self.ports), **self._settings}
        with self._output.open("wb") as output:
            self._supervisor = subprocess.Popen(
                command,
                cwd=environment.PROJECT,
                env={**os.environ, **given},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )

    def state(self) -> dict[str, Any]:
        """The supervisor's state file; empty while there is none."""
        try:
            state: dict[str, Any] = json.loads((self.data_dir / "stack.json").read_text())
        except FileNotFoundError:
            return {}
        return state

    def processes(self) -> dict[str, Running]:
        return {name: Running(**facts) for name, facts in self.state().get("processes", {}).items()}

    def wait_ready(self, *, limit_s: float = _START_LIMIT_S) -> None:
        """Wait until every process can do its work. Raises StackFailed when it ends or takes too long."""
        limit = time.monotonic() + limit_s
        while not self.is_ready():
            ended = self._supervisor is None or self._supervisor.poll() is not None
            if ended or time.monotonic() > limit:
                what = "ended" if ended else f"was not ready after {limit_s:.0f} s"
                raise StackFailed(f"The stack {what}:\n{self.output}")
            time.sleep(_POLL_S)

    def is_ready(self) -> bool:
        state = self.state()
        # A state file may be left over from a stack that was killed.
        ours = self._supervisor is not None and state.get("pid") == self._supervisor.pid
        return ours and bool(state.get("ready")) and all(one.ready for one in self.processes().values())

    def pid(self, name: str) -> int:
        """The process id of one process. Raises StackFailed when it is not running now."""
        running = self.processes().get(name)
        if running is None or running.pid is None:
            raise StackFailed(f"{name} is not running.")
        return running.pid

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL, *, limit_s: float = 30.0) -> None:
        """Kill one process, return when the supervisor saw it; `wait_ready` waits for its next life."""
        pid = self.pid(name)
        os.kill(pid, number)
        limit = time.monotonic() + limit_s
        while self.processes()[name].pid == pid:
            if time.monotonic() > limit:
                raise StackFailed(f"{name} lives on after {number.name}.")
            time.sleep(_POLL_S)

    def kill_supervisor(self) -> None:
        """End the supervisor as kill -9 does; the kernel ends the rest."""
        assert self._supervisor is not None
        self._supervisor.kill()
        self._supervisor.wait()

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop everything as Ctrl-C does; returns the exit code. Raises StackFailed when it does not."""
        if self._supervisor is None:
            return 0
        if self._supervisor.poll() is None:
            self._supervisor.send_signal(number)
        try:
            return self._supervisor.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._supervisor.kill()
            raise StackFailed(f"The stack did not stop within {_STOP_LIMIT_S:.0f} s:\n{self.output}") from None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def free_ports() -> Ports:
    """Ports that nothing listens on now."""
    return ports.free()
