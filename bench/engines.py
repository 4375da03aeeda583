"""Each recogniser alone on the same utterances: its words and its processor time, beside faster-whisper as it comes.

`python -m bench.engines ENGINE UTTERANCES OUTPUT` measures one of ours in a process of its own; the peer has its own
environment (`bench/peers/stock_whisper.txt`), made in `.cache` the first time.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ai.listening.audio import decode_mulaw, for_recognition
from ai.listening.segmenter import Segmenter, SpeechEnded, SpeechPaused
from ai.listening.transcriber import Transcriber
from ai.listening.turns import TurnEnded
from ai.listening.vad import SileroDetector
from ai.listening.wer import word_error_rate
from bench.apart import python_with
from bench.machine import PROJECT
from bench.report import say
from bench.speech import FRAME_BYTES, Speech, Track

STOCK_PACKAGES = PROJECT / "bench" / "peers" / "stock_whisper.txt"
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
BATCH_BYTES = 1_600
TURNS = 4


@dataclass(slots=True)
class Unit:
    """One stretch that an engine hears at once.

    kind: utterance; early (what was taken for an utterance in a pause, wrongly); turn (several utterances, heard again as one);
    alone (an utterance that no turn takes up); or track.
    """

    kind: str
    condition: str
    speech: str
    speaker: str
    end_ms: int
    pcm: bytes
    names: str

    @property
    def name(self) -> str:
        return f"{self.kind}|{self.condition}|{self.speech}|{self.speaker}|{self.end_ms:08d}"


@dataclass(slots=True)
class Measured:
    """One engine's answers, by the name of the unit."""

    engine: str
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)

    def wer(self, kinds: tuple[str, ...], speeches: dict[tuple[str, str], Speech]) -> dict[str, float]:
        """Word error rate in per cent by condition, and of all together; of what it was given of these kinds."""
        pairs: dict[str, list[tuple[str, str]]] = {}
        for (condition, name), speech in speeches.items():
            for speaker, track in speech.tracks().items():
                prefixes = tuple(f"{kind}|{condition}|{name}|{speaker}|" for kind in kinds)
                found = sorted((one for one in self.answers if one.startswith(prefixes)), key=_end_ms)
                texts = [self.answers[one]["text"] for one in found]
                if texts and track.turns:
                    pairs.setdefault(condition, []).append((track.text, " ".join(texts)))
        rates = {condition: round(100 * word_error_rate(some), 2) for condition, some in pairs.items()}
        return {**rates, "all": round(100 * word_error_rate([pair for some in pairs.values() for pair in some]), 2)}

    def cpu_s(self, kind: str) -> float:
        return sum(float(one["cpu_s"]) for name, one in self.answers.items() if name.startswith(f"{kind}|"))


def _end_ms(name: str) -> int:
    return int(name.rsplit("|", 1)[1])


def units(condition: str, speech: Speech) -> list[Unit]:
    """What the product's own segmenter makes of a call, and its whole tracks."""
    found = []
    for speaker, track in speech.tracks().items():
        if not track.turns:
            continue
        pcm = _received(track)
        segmenter = Segmenter(SileroDetector())
        events = [
            event
            for at in range(0, len(pcm), BATCH_BYTES * 2)
            for event in segmenter.feed(pcm[at : at + BATCH_BYTES * 2], at // 16)
        ] + segmenter.finish()
        utterances = [event for event in events if isinstance(event, SpeechEnded)]
        turns = [event for event in events if isinstance(event, TurnEnded)]
        alone = [one for one in utterances if not any(turn.start_ms <= one.start_ms < turn.end_ms for turn in turns)]
        whole = {one.pcm for one in utterances}
        early = [event for event in events if isinstance(event, SpeechPaused) and event.pcm not in whole]
        names = ", ".join(speech.names)
        kinds: dict[str, list[SpeechEnded | SpeechPaused | TurnEnded]] = {
            "utterance": [*utterances],
            "early": [*early],
            "turn": [*turns],
            "alone": [*alone],
        }
        for kind, stretches in kinds.items():
            found += [Unit(kind, condition, speech.name, speaker, one.end_ms, one.pcm, names) for one in stretches]
        found.append(Unit("track", condition, speech.name, speaker, 0, pcm, names))
    return found


def measured(
    engines: list[str], found: list[Unit], folder: Path, *, kinds: dict[str, tuple[str, ...]]
) -> list[Measured]:
    """Every engine on its kinds of units, two processes at a time, each on one thread."""
    commands: dict[str, tuple[list[str], Path]] = {}
    for engine in engines:
        wanted = [unit for unit in found if unit.kind in kinds[engine]]
        utterances, output = folder / f"{engine}.npz", folder / f"{engine}.json"
        if engine.startswith("stock"):
            audio = {unit.name: for_recognition(unit.pcm) for unit in wanted}
            program = [
                str(python_with("stock-whisper", STOCK_PACKAGES, "faster-whisper")),
                str(PROJECT / "bench" / "peers" / "stock_whisper.py"),
                _tiny_en(),
            ]
        else:
            audio = {unit.name: np.frombuffer(unit.pcm, dtype="<i2") for unit in wanted}
            (folder / f"{engine}.names").write_text(json.dumps({unit.name: unit.names for unit in wanted}))
            program = [sys.executable, "-m", "bench.engines", engine]
        np.savez(utterances, **audio)  # type: ignore[arg-type]
        commands[engine] = ([*program, str(utterances), str(output)], output)
    _run_in_pairs({engine: command for engine, (command, _) in commands.items()})
    return [Measured(engine, json.loads(output.read_text())) for engine, (_, output) in commands.items()]


def in_turns(
    engines: list[str], found: list[Unit], folder: Path, *, kinds: dict[str, tuple[str, ...]]
) -> list[Measured]:
    """As `measured`, but each engine alone and again and again on a part, so that all meet the same minutes of the machine."""
    together = {engine: Measured(engine) for engine in engines}
    for part in range(TURNS):
        for engine in engines:
            (one,) = measured([engine], found[part::TURNS], folder, kinds=kinds)
            together[engine].answers |= one.answers
    return list(together.values())


def _run_in_pairs(commands: dict[str, list[str]]) -> None:
    waiting = list(commands.items())
    running: list[tuple[str, subprocess.Popen[bytes]]] = []
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            engine, command = waiting.pop(0)
            say(f"listening: {engine} alone")
            environment = {**os.environ, **SINGLE_THREADED}
            running.append((engine, subprocess.Popen(command, cwd=PROJECT, env=environment)))
        engine, process = running.pop(0)
        if process.wait() != 0:
            raise RuntimeError(f"The engine {engine} failed; it said why above.")


def _received(track: Track) -> bytes:
    """The track as it arrives: a lost frame is silence."""
    mulaw = bytearray(track.mulaw)
    for number in track.lost:
        mulaw[number * FRAME_BYTES : (number + 1) * FRAME_BYTES] = b"\xff" * FRAME_BYTES
    return decode_mulaw(bytes(mulaw))


def _tiny_en() -> str:
    from ai.listening.model_files import whisper_folder

    return str(whisper_folder(""))


def _ours(engine: str) -> Callable[[str], Transcriber]:
    """What the product hears a unit with, by the unit's name."""
    from ai.listening.engines.moonshine import MoonshineTranscriber
    from ai.listening.engines.whisper import FINAL_BEAM, WhisperTranscriber
    from ai.listening.model_files import moonshine_folder, second_pass_files, whisper_folder

    if engine == "moonshine":
        moonshine = MoonshineTranscriber(moonshine_folder(""))
        return lambda _: moonshine
    if engine == "base":
        files = second_pass_files("")
        base = WhisperTranscriber(files.folder, files.parts)
        return lambda _: base
    whisper = WhisperTranscriber(whisper_folder(""))
    final = whisper.with_beam(FINAL_BEAM)
    return lambda name: whisper if name.startswith("turn|") else final


def main(engine: str, utterances: str, output: str) -> None:
    of = _ours(engine)
    of("").transcribe(bytes(16_000), "")
    heard: dict[str, Any] = {}
    names = json.loads(Path(utterances).with_suffix(".names").read_text())
    with np.load(utterances) as audio:
        for name in audio.files:
            before_s = time.process_time()
            text = of(name).transcribe(audio[name].tobytes(), names[name]).text
            heard[name] = {"text": text, "cpu_s": time.process_time() - before_s}
    Path(output).write_text(json.dumps(heard))


if __name__ == "__main__":
    main(*sys.argv[1:])
