"""One supervised process over all its lives."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from config.embedded.children import die_with_parent
from config.embedded.logfile import LogFile
from config.embedded.processes import Process

PROBE_INTERVAL_S = 0.1
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 10.0
# Whoever ran this long is taken for healthy, and its earlier failures are forgotten.
_HEALTHY_S = 60.0


class Child:
    """A process that is running, or will be started again at `restart_at` (seconds of time.monotonic).

    failures: how often in a row it died without a healthy life in between; they lengthen the pause.
    exit_reason, explained: how it ended, and what it says was wrong with what it was given to work with; empty for nothing.
    pipe, way: our ends of what it writes, and of what it says when it makes way for its successor; -1 for none.
    """

    def __init__(self, process: Process, log: LogFile, listening: socket.socket | None = None) -> None:
        self.process = process
        self.log = log
        self.listening = listening
        self.ready = False
        self.was_ready = False
        self.failures = 0
        self.restarts = -1
        self.first_started_at = time.monotonic()
        self.restart_at = 0.0
        self.probe_at = 0.0
        self.exit_reason = self.explained = ""
        self.pipe = self.way = -1
        self._started_at = 0.0
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def running(self) -> bool:
        return self._popen is not None

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen else None

    @property
    def exited(self) -> bool:
        return self._popen is not None and self._popen.poll() is not None

    @property
    def next_due_at(self) -> float | None:
        """When it needs attention next; None while it simply runs."""
        if not self.running:
            return self.restart_at
        return None if self.ready else self.probe_at

    def launch(self, environ: Mapping[str, str], cwd: Path) -> int:
        """Start it; returns the pipe's end that holds what it writes."""
        self.log.reason = ""
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        os.set_blocking(writing, True)
        command, given = self.process.command, list[int]()
        if self.listening is not None:
            self.way, told = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
            given = [self.listening.fileno(), told]
            command = (*command, "--socket", str(given[0]), "--way", str(told))
        try:
            self._popen = subprocess.Popen(
                command,
                cwd=cwd,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                preexec_fn=die_with_parent(self.process.death_signal),
                pass_fds=given,
            )
        finally:
            os.close(writing)
            for told in given[1:]:
                os.close(told)
        self.pipe = reading
        self.ready = False
        self.restarts += 1
        self._started_at = self.probe_at = time.monotonic()
        return reading

    def pump(self) -> bool:
        """Move what it wrote into the log; False when nothing will come any more."""
        with suppress(BlockingIOError):
            block = os.read(self.pipe, 65_536)
            self.log.feed(block)
            return bool(block)
        return True

    def successor(self) -> "Child":
        """The same process once more, not started yet; both write into one log."""
        other = Child(self.process, self.log, self.listening)
        other.restarts = self.restarts
        other.was_ready = self.was_ready
        return other

    def probe(self, now: float) -> bool:
        """Look whether it is ready by now."""
        self.probe_at = now + PROBE_INTERVAL_S
        self.ready = self.process.ready()
        self.was_ready = self.was_ready or self.ready
        return self.ready

    def note_exit(self, now: float) -> float:
        """Clean up after it died; returns the pause before its next life, in seconds."""
        assert self._popen is not None
        code = self._popen.returncode
        self.exit_reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        self._drain()
        self.explained = self.log.reason if code == os.EX_CONFIG else ""
        self.close_way()
        # Its own children go with it: a second life beside them would do their work twice.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen = None
        self.failures = 1 if now - self._started_at > _HEALTHY_S else self.failures + 1
        self.ready = False
        pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** (self.failures - 1))
        self.restart_at = now + pause_s
        return pause_s

    def close_way(self) -> None:
        if self.way >= 0:
            os.close(self.way)
            self.way = -1

    def _drain(self) -> None:
        while self.pipe >= 0:
            try:
                block = os.read(self.pipe, 65_536)
            except BlockingIOError:
                block = b""
            if not block:
                os.close(self.pipe)
                self.pipe = -1
            else:
                self.log.feed(block)

    def signal(self, number: signal.Signals) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)

    def kill(self) -> None:
        """End it at once, with the children that share its group."""
        if self._popen is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._popen.pid, signal.SIGKILL)

    def wait(self, limit_s: float) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        assert self._popen is not None
        return self._popen.wait(limit_s)

    def close(self) -> None:
        self._drain()
        self.log.close()
