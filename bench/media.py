"""Twilio's media sockets in: the product's reception, Channels' usual one on three servers, and the limit.

Each server runs on one core, the carrier's side (a C program that sends each frame in a packet of its own, at true pace) on
the other; they take turns. All decode JSON, base64 and the field names, keep bounded audio per track and drop it every
64 ms. Processor time is the server's own, from the scheduler. A server sustains so many calls when no frame is lost and
frames are in their track's audio within 20 ms at the 99th percentile; the delay is from the sender's clock to there. Ours keeps a track's
audio in its compiled reader until the tick takes it, and that reader says when a frame was read.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from math import inf
from pathlib import Path
from statistics import median

from twilio.request_validator import RequestValidator

from bench import services
from bench.machine import SERVER_CORES, free_port, listens, start
from bench.media_receiver import Receiver
from bench.native.build import compiled
from bench.report import Report, environment, say

# Two-track calls at which all are compared, below what the slowest sustains; each turn lasts so many seconds of sound.
CALLS = 60
TURNS = 5
TURN_S = 6
# Of the others only the limit sustains so many. The beginning of a turn is shared by more frames then.
FULL_CALLS = 600
CHANNELS_LADDER = (40, 50, 60, 70, 80, 100, 125, 150, 200, 250)
OURS_LADDER = (400, 600, 700, 800, 1_000, 1_200)
# Four hours' worth of one call's frames, sent by more calls five times faster than true pace.
HOURS_FRAMES = 5_625
HOURS_CALLS = 128
HOURS_PACE = 0.2
IDLE_CALLS = 500
# With recognition's own state: up to as many as one core can listen to, for twelve seconds, which is longer than a listener looks back
# on its track (ai.listening.foreground.Standing.floor_windows, of 32 ms each).
HEARD_CALLS = (20, 120)
HEARD_FRAMES = 600


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
        # Before other calls leave memory behind that these would use.
        idle_call_kb = _idle_call_kb(ours)
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
        full: dict[str, list[float]] = {"ours": [], "limit": []}
        for turn in range(TURNS):
            say(f"media: {FULL_CALLS} calls, turn {turn + 1} of {TURNS}")
            for name, one in (("ours", ours), ("limit", limit)):
                full[name].append(one.send(FULL_CALLS, TURN_S * 50).cpu_us)
        heard_call_kb = _heard_call_kb(_ours(gather_ms, folder, caller, undo, name="listening"))
        memory = {"idle_call_kb": idle_call_kb, "heard_call_kb": heard_call_kb, **_hours(ours)}
        return _report(ours, peers, limit, eager, memory, {name: median(found) for name, found in full.items()})


def _idle_call_kb(ours: Receiver) -> float:
    """What a silent call keeps, beyond what the first one ever made."""
    ours.send(1, 1)
    before_kb = ours.rss_kb()
    with ours.calling(IDLE_CALLS, 1, 1_000, stdin=subprocess.DEVNULL) as sending:
        time.sleep(4)
        idle_kb = ours.rss_kb() - before_kb
        sending.terminate()
    time.sleep(1)
    return round(idle_kb / IDLE_CALLS, 1)


def _heard_call_kb(listening: Receiver) -> float:
    """What each further call keeps with its pipeline, both tracks' detectors and what they look back on, while nobody speaks."""
    few, many = HEARD_CALLS
    few_kb = listening.hear(few, HEARD_FRAMES)
    return round((listening.hear(many, HEARD_FRAMES) - few_kb) / (many - few), 1)


def _hours(ours: Receiver) -> dict[str, float]:
    """Four hours' worth of a call's frames through reception alone: parser, session, tick. The sink behind it keeps nothing."""
    say(f"media: {2 * HOURS_CALLS * HOURS_FRAMES:,} frames of {HOURS_CALLS} calls")
    early = ours.send(HOURS_CALLS, HOURS_FRAMES // 10, pace=HOURS_PACE)
    early_kb = ours.rss_kb()
    hour = ours.send(HOURS_CALLS, HOURS_FRAMES, pace=HOURS_PACE)
    return {
        "rss_kb_before_the_hours": early_kb,
        "rss_kb_after_the_hours": ours.rss_kb(),
        "rss_kb_with_calls_open_early": early.held_kb,
        "rss_kb_with_calls_open_late": hour.held_kb,
        "hours_frames": hour.frames,
        "hours_lost": hour.lost,
        "hours_cpu_us_per_frame": round(hour.cpu_us, 2),
    }


def _report(
    ours: Receiver,
    peers: list[Receiver],
    limit: Receiver,
    eager: Receiver,
    memory: dict[str, float],
    full_us: dict[str, float],
) -> Report:
    """full_us: of a frame, at FULL_CALLS."""
    from django.conf import settings

    daphne = peers[0]
    best = min(peers, key=lambda one: one.cpu_us)
    return Report(
        name="media",
        ours={
            **ours.as_json(),
            "cpu_us_per_frame_600": round(full_us["ours"], 2),
            "memory": memory,
            "gather_ms": settings.MEDIA_GATHER_MS,
        },
        peers={f"channels_{one.name}": one.as_json() for one in peers},
        limit={
            "program": "C, epoll",
            **limit.as_json(),
            "cpu_us_per_frame_600": round(full_us["limit"], 2),
            "without_gathering": eager.as_json(),
        },
        ratios={
            "cpu_vs_daphne_channels": round(daphne.cpu_us / ours.cpu_us, 2),
            "cpu_vs_best_channels": round(best.cpu_us / ours.cpu_us, 2),
            "cpu_vs_native": round(limit.cpu_us / ours.cpu_us, 2),
            "cpu_vs_native_600": round(full_us["limit"] / full_us["ours"], 2),
            "calls_vs_daphne_channels": round(ours.sustained_calls / (daphne.sustained_calls or inf), 1),
            "gaps": ours.lost + memory["hours_lost"],
        },
        environment=environment("picows", "daphne", "uvicorn", "granian", "channels", "msgspec", "Twisted"),
    )


def _ours(gather_ms: int, folder: Path, caller: Path, undo: ExitStack, name: str = "ours") -> Receiver:
    """name: `listening` for one whose calls are listened to as well."""
    from django.conf import settings

    address = settings.MEDIA_SOCKET_URL + "/twilio/media/"
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(address, {})

    def command(port: int) -> list[str]:
        return [sys.executable, "-m", "bench.peers.media_ours", str(port), str(gather_ms), name]

    return _receiver(name, command, folder, caller, undo, headers=f"X-Twilio-Signature: {signature}")


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
