"""Processes under measurement: pinned, awaited, and asked for the processor time that they used."""

import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from config.embedded.children import die_with_parent

START_LIMIT_S = 60.0
STOP_LIMIT_S = 10.0
# Servers on one core, clients and everything else on the other; on a machine with one core both are the same.
_CORES = sorted(os.sched_getaffinity(0))
SERVER_CORES = {_CORES[0]}
CLIENT_CORES = set(_CORES[1:]) or SERVER_CORES
PROJECT = Path(__file__).resolve().parent.parent


class NotStarted(RuntimeError):
    """A process of the benchmark did not start; its log is in the message."""


@dataclass(slots=True)
class Started:
    """A running process. log: where both of its outputs go."""

    process: subprocess.Popen[bytes]
    log: Path

    def cpu_s(self) -> float:
        """Processor time so far of it and of its children, of threads that have ended too, in the scheduler's nanoseconds."""
        family = psutil.Process(self.process.pid)
        return sum(time.clock_gettime(_clock_of(one.pid)) for one in (family, *family.children(recursive=True)))

    def errors(self) -> int:
        """Lines of its log that tell of an exception or an error."""
        words = ("Traceback", "ERROR", "CRITICAL")
        return sum(any(word in line for word in words) for line in self.log.read_text(errors="replace").splitlines())

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(stop_signal)
        try:
            self.process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _clock_of(pid: int) -> int:
    """A process' own clock, as glibc's clock_getcpuclockid numbers it."""
    return (~pid << 3) | 2


def start(
    command: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    cores: set[int],
    stop_signal: signal.Signals = signal.SIGTERM,
) -> Started:
    """Starts a process on these cores and waits until it is ready; it dies with this one."""
    die = die_with_parent(stop_signal)

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        die()

    with log.open("wb") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=PROJECT, preexec_fn=prepare
        )
    started = Started(process, log)
    limit = time.monotonic() + START_LIMIT_S
    while not ready():
        if process.poll() is not None or time.monotonic() > limit:
            started.stop(signal.SIGKILL)
            raise NotStarted(f"{' '.join(command)} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return started


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def memory_mib(pid: int, name: str) -> float:
    """What a process holds (VmRSS), or held at most since its peak was forgotten (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1_024 for line in lines if line.startswith(f"{name}:"))


def forget_peak(pid: int) -> None:
    """From now on VmHWM counts anew."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
