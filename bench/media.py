"""Twilio's media sockets in: the product's reception, Channels' usual one on three servers, and the limit.

Each server runs on one core, the carrier's side (a C program that sends each frame in a packet of its own, at true pace) on
the other; they take turns. All decode JSON, base64 and the field names, keep bounded audio per track and drop it every
64 ms. Processor time is the server's own, from the scheduler. A server sustains so many calls when no frame is lost and
frames are in their track's audio within 20 ms at the 99th percentile; the delay is from the sender's clock to there.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from statistics import median
from typing import Any

from twilio.request_validator import RequestValidator

from bench import services
from bench.machine import CLIENT_CORES, SERVER_CORES, Started, free_port, listens, start
from bench.native.build import compiled
from bench.report import Report, environment, say

# Two-track calls at which all are compared, below what the slowest sustains; each turn lasts so many seconds of sound.
CALLS = 60
TURNS = 3
TURN_S = 6
# On a rung of the ladder, each of so many seconds of sound.
ATTEMPTS = 2
RUNG_S = 5
DELAY_MS_MAX = 20.0
CHANNELS_LADDER = (40, 50, 60, 70, 80, 100, 125, 150, 200, 250)
OURS_LADDER = (400, 600, 700, 800, 1_000, 1_200)
HOUR_FRAMES = 180_000
HOUR_CALLS = 4
IDLE_CALLS = 500
STATS_LIMIT_S = 20.0


@dataclass(slots=True)
class Turn:
    """What came of one sending.

    cpu_us: of the server for each frame, while the sound lasts. opening_cpu_ms: for each call's opening and closing.
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

    @property
    def sustained(self) -> bool:
        lost = self.sent - self.frames + self.gaps
        return not self.full and lost == 0 and self.delay_ms_p99 < DELAY_MS_MAX


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
        )

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
            "gaps": sum(turn.gaps + turn.sent - turn.frames for turn in self.turns),
            "calls_sustained": self.sustained_calls,
            "ladder": [
                {
                    "calls": turn.calls,
                    "cpu_us_per_frame": round(turn.cpu_us, 2),
                    "delay_ms_p99": turn.delay_ms_p99,
                    "sender_late_ms_p99": turn.sender_late_ms_p99,
                    "lost": turn.sent - turn.frames + turn.gaps,
                    "sockets_full": turn.full,
                }
                for turn in self.ladder
            ],
            "errors_logged": self.server.errors(),
        }


def run() -> Report:
    say("media: starting PostgreSQL and Valkey")
    with services.running() as folder, ExitStack() as undo:
        from django.conf import settings

        # The limit is given the same, and none as well.
        gather_ms: int = settings.MEDIA_GATHER_MS
        caller = compiled("caller", folder)
        ours = _ours(gather_ms, folder, caller, undo)
        peers = [_peer(name, folder, caller, undo) for name in ("daphne", "uvicorn", "granian")]
        limit = _limit("limit", gather_ms, folder, caller, undo)
        eager = _limit("eager", 0, folder, caller, undo)
        everyone = [ours, *peers, limit, eager]
        for turn in range(TURNS):
            say(f"media: {CALLS} calls, turn {turn + 1} of {TURNS}")
            for one in everyone:
                one.turns.append(one.send(CALLS, TURN_S * 50))
        for one in peers:
            one.climb(CHANNELS_LADDER)
        ours.climb(OURS_LADDER)
        # That the carrier's side can send so much.
        limit.climb(OURS_LADDER[-1:])
        memory = _memory(ours)
        return _report(ours, peers, limit, eager, memory)


def _memory(ours: Receiver) -> dict[str, float]:
    """Of a call that is silent, and over an hour of frames, sent as fast as they are taken."""
    before_kb = ours.rss_kb()
    with ours.calling(IDLE_CALLS, 1, 1_000, stdin=subprocess.DEVNULL) as sending:
        time.sleep(4)
        idle_kb = ours.rss_kb() - before_kb
        sending.terminate()
    time.sleep(1)
    say(f"media: an hour's frames of {HOUR_CALLS} calls")
    ours.send(HOUR_CALLS, 10_000, pace=0)
    early_kb = ours.rss_kb()
    hour = ours.send(HOUR_CALLS, HOUR_FRAMES, pace=0)
    return {
        "idle_call_kb": round(idle_kb / IDLE_CALLS, 1),
        "rss_kb_before_the_hour": early_kb,
        "rss_kb_after_the_hour": ours.rss_kb(),
        "hour_frames": hour.frames,
        "hour_lost": hour.sent - hour.frames + hour.gaps,
        "hour_cpu_us_per_frame": round(hour.cpu_us, 2),
    }


def _report(
    ours: Receiver, peers: list[Receiver], limit: Receiver, eager: Receiver, memory: dict[str, float]
) -> Report:
    from django.conf import settings

    daphne = peers[0]
    best = min(peers, key=lambda one: one.cpu_us)
    return Report(
        name="media",
        ours={**ours.as_json(), "memory": memory, "gather_ms": settings.MEDIA_GATHER_MS},
        peers={f"channels_{one.name}": one.as_json() for one in peers},
        limit={"program": "C, epoll", **limit.as_json(), "without_gathering": eager.as_json()},
        ratios={
            "cpu_vs_daphne_channels": round(daphne.cpu_us / ours.cpu_us, 2),
            "cpu_vs_best_channels": round(best.cpu_us / ours.cpu_us, 2),
            "cpu_vs_native": round(limit.cpu_us / ours.cpu_us, 2),
            "calls_vs_daphne_channels": round(ours.sustained_calls / (daphne.sustained_calls or inf), 1),
            "gaps": sum(turn.gaps + turn.sent - turn.frames for turn in ours.turns),
        },
        environment=environment("picows", "daphne", "uvicorn", "granian", "channels", "msgspec", "Twisted"),
    )


def _ours(gather_ms: int, folder: Path, caller: Path, undo: ExitStack) -> Receiver:
    from django.conf import settings

    address = settings.MEDIA_SOCKET_URL + "/twilio/media/"
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(address, {})

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "bench.peers.media_ours", str(port), str(gather_ms)]

    return _receiver("ours", command, folder, caller, undo, headers=f"X-Twilio-Signature: {signature}")


def _peer(name: str, folder: Path, caller: Path, undo: ExitStack) -> Receiver:
    application = "bench.peers.media_channels_app:application"

    def command(port: int) -> list[str]:
        listening = {
            "daphne": ["daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", application],
            "uvicorn": ["uvicorn", "--port", str(port), "--log-level", "warning", application],
            "granian": ["granian", "--interface", "asgi", "--port", str(port), "--log-level", "warning", application],
        }
        return [sys.executable, "-m", *listening[name]]

    return _receiver(name, command, folder, caller, undo)


def _limit(name: str, gather_ms: int, folder: Path, caller: Path, undo: ExitStack) -> Receiver:
    program = compiled("media", folder)
    stats = folder / f"{name}.json"

    def command(port: int) -> list[str]:
        return [str(program), str(port), str(gather_ms), str(stats)]

    return _receiver(name, command, folder, caller, undo)


def _receiver(
    name: str,
    command: Callable[[int], list[str]],
    folder: Path,
    caller: Path,
    undo: ExitStack,
    headers: str = "",
) -> Receiver:
    say(f"media: starting {name}")
    port = free_port()
    stats = folder / f"{name}.json"
    os.environ["MEDIA_STATS"] = str(stats)
    log = folder / f"{name}.log"
    server = start(command(port), log=log, ready=lambda: listens(port), cores=SERVER_CORES)
    undo.callback(server.stop)
    # Some servers answer before their application is loaded.
    time.sleep(1)
    return Receiver(name, server, port, stats, caller, headers)


def _cores(cores: set[int]) -> str:
    return ",".join(str(core) for core in sorted(cores))
