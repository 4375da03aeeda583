"""A media server under measurement: what it makes of the calls that bench/native/caller.c sends it."""

import json
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import CLIENT_CORES, Started
from bench.report import say

# On a rung of the ladder, each of so many seconds of sound.
ATTEMPTS = 2
RUNG_S = 5
DELAY_MS_MAX = 20.0
STATS_LIMIT_S = 20.0
# Of one core, below which a server has nothing left to work off.
IDLE_SHARE = 0.05
LOOK_EVERY_S = 0.25


@dataclass(slots=True)
class Turn:
    """What came of one sending.

    cpu_us: of the server for each frame, while the sound lasts. opening_cpu_ms: for each call's opening and closing. held_kb: in its
    memory when all had come, before any call closed.
    """

    calls: int
    sent: int
    frames: int
    gaps: int
    cpu_us: float
    opening_cpu_ms: float
    delay_ms_p99: float
    sender_late_ms_p99: float
    full: bool
    held_kb: int

    @property
    def lost(self) -> int:
        """Frames that did not come, or came out of their place."""
        return self.sent - self.frames + self.gaps

    @property
    def sustained(self) -> bool:
        return not self.full and self.lost == 0 and self.delay_ms_p99 < DELAY_MS_MAX


@dataclass(slots=True)
class Receiver:
    name: str
    server: Started
    port: int
    stats: Path
    caller: Path
    headers: str = ""
    turns: list[Turn] = field(default_factory=list)
    ladder: list[Turn] = field(default_factory=list)

    def send(self, calls: int, frames: int, pace: float = 1.0) -> Turn:
        """All calls of one sending, and what the server says of them."""
        self.stats.unlink(missing_ok=True)
        began_s = self.server.cpu_s()
        with self.calling(calls, frames, pace, stdin=subprocess.PIPE) as caller:
            self._said_by(caller)
            opened_s = self._cpu_then_go_on(caller)
            sent = json.loads(self._said_by(caller))
            self._wait_until_heard()
            held_kb = self.rss_kb()
            heard_s = self._cpu_then_go_on(caller)
        got = self._stats()
        return Turn(
            calls=calls,
            sent=sent["sent"],
            frames=got["frames"],
            gaps=got["gaps"] + got["dropped"],
            cpu_us=(heard_s - opened_s) * 1e6 / max(1, got["frames"]),
            opening_cpu_ms=(opened_s - began_s + self.server.cpu_s() - heard_s) * 1e3 / calls,
            delay_ms_p99=got["delay_ms_p99"],
            sender_late_ms_p99=sent["late_ms_p99"],
            full=sent["full"],
            held_kb=held_kb,
        )

    def hear(self, calls: int, frames: int) -> int:
        """kB in the memory of a server that says nothing of what it got, when all frames of these calls have come."""
        with self.calling(calls, frames, 1.0, stdin=subprocess.PIPE) as caller:
            self._said_by(caller)
            self._cpu_then_go_on(caller)
            self._said_by(caller)
            self._wait_until_heard()
            held_kb = self.rss_kb()
            self._cpu_then_go_on(caller)
        return held_kb

    def calling(self, calls: int, frames: int, pace: float, stdin: int) -> "subprocess.Popen[str]":
        """The carrier's side; bench/native/caller.c says what it waits for on its input."""
        command = ["taskset", "-c", _cores(CLIENT_CORES), str(self.caller), str(self.port), str(calls), str(frames)]
        return subprocess.Popen(
            [*command, str(pace), self.headers],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _said_by(self, caller: "subprocess.Popen[str]") -> str:
        assert caller.stdout is not None
        if line := caller.stdout.readline():
            return line
        _, errors = caller.communicate()
        raise RuntimeError(f"{self.name}: {errors}\n{self.server.log.read_text(errors='replace')[-2000:]}")

    def _cpu_then_go_on(self, caller: "subprocess.Popen[str]") -> float:
        assert caller.stdin is not None
        cpu_s = self.server.cpu_s()
        caller.stdin.write("\n")
        caller.stdin.flush()
        return cpu_s

    def _wait_until_heard(self) -> None:
        """A server that is behind has still to pay for what it was sent."""
        limit = time.monotonic() + STATS_LIMIT_S
        cpu_s, before_s = self.server.cpu_s(), 0.0
        while cpu_s - before_s > IDLE_SHARE * LOOK_EVERY_S and time.monotonic() < limit:
            time.sleep(LOOK_EVERY_S)
            cpu_s, before_s = self.server.cpu_s(), cpu_s

    def _stats(self) -> dict[str, Any]:
        limit = time.monotonic() + STATS_LIMIT_S
        while not self.stats.exists():
            if time.monotonic() > limit:
                raise RuntimeError(f"{self.name} did not say what it received")
            time.sleep(0.05)
        got: dict[str, Any] = json.loads(self.stats.read_text())
        return got

    def climb(self, ladder: tuple[int, ...]) -> None:
        """More and more calls, until they are too many; another program's moment on this machine must not decide."""
        for calls in ladder:
            if not any(self._tried(calls) for _ in range(ATTEMPTS)):
                return

    def _tried(self, calls: int) -> bool:
        turn = self.send(calls, RUNG_S * 50)
        self.ladder.append(turn)
        say(f"media: {self.name}, {calls} calls: p99 {turn.delay_ms_p99} ms, {turn.cpu_us:.1f} us a frame")
        return turn.sustained

    @property
    def sustained_calls(self) -> int:
        return max((turn.calls for turn in self.ladder if turn.sustained), default=0)

    @property
    def lost(self) -> int:
        """Of the turns that are compared, and of every try with as many calls as it sustains or fewer."""
        tried = [turn for turn in self.ladder if turn.calls <= self.sustained_calls]
        return sum(turn.lost for turn in (*self.turns, *tried))

    @property
    def cpu_us(self) -> float:
        return median(turn.cpu_us for turn in self.turns)

    def rss_kb(self) -> int:
        status = Path(f"/proc/{self.server.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def as_json(self) -> dict[str, Any]:
        return {
            "cpu_us_per_frame": round(self.cpu_us, 2),
            "opening_cpu_ms_per_call": round(median(turn.opening_cpu_ms for turn in self.turns), 2),
            "frames_per_cpu_s": round(1e6 / self.cpu_us),
            "delay_ms_p99": max(turn.delay_ms_p99 for turn in self.turns),
            "gaps": sum(turn.lost for turn in self.turns),
            "calls_sustained": self.sustained_calls,
            "ladder": [
                {
                    "calls": turn.calls,
                    "cpu_us_per_frame": round(turn.cpu_us, 2),
                    "delay_ms_p99": turn.delay_ms_p99,
                    "sender_late_ms_p99": turn.sender_late_ms_p99,
                    "lost": turn.lost,
                    "sockets_full": turn.full,
                }
                for turn in self.ladder
            ],
            "errors_logged": self.server.errors(),
        }


def _cores(cores: set[int]) -> str:
    return ",".join(str(core) for core in sorted(cores))
