"""What the benchmark of listening plays: every speech that the project has, under four conditions of a line.

A set is one call with two tracks. The dialogues are those of `sandbox/speech`; the paused set is read aloud by people with
pauses inside of sentences: the opening of "A Tale of Two Cities" (in the Moonshine package) and "Sense and Sensibility"
(LibriVox, in Debian's pocketsphinx-testdata; kept in `.cache`, left out where apt cannot fetch it).
"""

import json
import re
import subprocess
import wave
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ai.listening.audio import TELEPHONE_RATE_HZ, decode_mulaw
from bench.machine import PROJECT
from bench.report import say

Audio = NDArray[np.float32]

SPEECH = PROJECT / "sandbox" / "speech"
TESTDATA = PROJECT / ".cache" / "pocketsphinx-testdata"
FRAME_BYTES = 160
CONDITIONS = ("clean", "noise_15db", "babble_10db", "loss_5pct")
PAUSED = "paused"
PAUSE_S = 0.9
BABBLERS = 16
TWO_CITIES = """It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness,
it was the epoch of belief, it was the epoch of incredulity, it was the season of light, it was the season of darkness, it was
the spring of hope, it was the winter of despair, we had everything before us, we had nothing before us, we were all going
direct to heaven, we were all going direct the other way. In short, the period was so far like the present period that some
of its noisiest authorities insisted on its being received, for good or for evil, in the superlative degree of comparison
only."""


@dataclass(frozen=True, slots=True)
class Turn:
    """start_ms, end_ms: where it is spoken, -1 where nobody has noted it."""

    text: str
    start_ms: int = -1
    end_ms: int = -1


@dataclass(frozen=True, slots=True)
class Track:
    """mulaw: 8 kHz. lost: numbers of the frames that never arrive."""

    mulaw: bytes
    turns: tuple[Turn, ...]
    lost: frozenset[int] = frozenset()

    @property
    def text(self) -> str:
        return " ".join(turn.text for turn in self.turns)

    @property
    def duration_s(self) -> float:
        return len(self.mulaw) / TELEPHONE_RATE_HZ


@dataclass(frozen=True, slots=True)
class Speech:
    """One call. names: what the recogniser is told to expect."""

    name: str
    agent: Track
    callee: Track
    names: tuple[str, ...] = ()

    def tracks(self) -> dict[str, Track]:
        return {"agent": self.agent, "callee": self.callee}


def sets() -> list[Speech]:
    return [*_dialogues(), _paused()]


def under(condition: str, speech: Speech, others: list[Speech]) -> Speech:
    """The same call on a worse line. others: whose voices are the babble."""
    seed = CONDITIONS.index(condition) * 100 + len(speech.name)
    voices = [_heard(track) for other in others if other.name != speech.name for track in other.tracks().values()]
    agent = _spoilt(condition, speech.agent, voices, np.random.default_rng(seed))
    callee = _spoilt(condition, speech.callee, voices, np.random.default_rng(seed + 1))
    return Speech(speech.name, agent, callee, speech.names)


def encoded(audio: Audio) -> bytes:
    """The nearest mu-law code of each sample in [-1, 1]."""
    codes = np.arange(256, dtype=np.uint8)
    values = np.frombuffer(decode_mulaw(codes.tobytes()), dtype="<i2").astype(np.int32)
    order = np.argsort(values, kind="stable")
    middles = (values[order][1:] + values[order][:-1]) / 2
    return bytes(codes[order][np.searchsorted(middles, np.clip(audio, -1, 1) * 32_767)])


def _heard(track: Track) -> Audio:
    return _samples(decode_mulaw(track.mulaw))


def _samples(pcm: bytes) -> Audio:
    return np.asarray(np.frombuffer(pcm, dtype="<i2") / 32_768, dtype=np.float32)


def _spoilt(condition: str, track: Track, voices: list[Audio], random: np.random.Generator) -> Track:
    audio = _heard(track)
    if condition == "clean":
        return track
    if condition == "loss_5pct":
        frames = len(track.mulaw) // FRAME_BYTES
        lost = frozenset(np.flatnonzero(random.random(frames) < 0.05).tolist())
        return Track(track.mulaw, track.turns, lost)
    if condition == "noise_15db":
        disturbance, below_db = random.normal(0, 1, len(audio)).astype(np.float32), 15
    else:
        # As many as make a murmur: single words of it must not be understood.
        chosen = random.choice(len(voices), BABBLERS)
        rolled = [np.resize(np.roll(voices[one], int(random.integers(80_000))), len(audio)) for one in chosen]
        disturbance, below_db = np.sum(rolled, axis=0), 10
    level = _speech_rms(audio) / _speech_rms(disturbance) * 10 ** (-below_db / 20)
    return Track(encoded(audio + level * disturbance), track.turns)


def _speech_rms(audio: Audio) -> float:
    """Of the louder half of the stretches of 20 ms: pauses say nothing about how loud somebody speaks."""
    power = np.mean(audio[: len(audio) // 160 * 160].reshape(-1, 160) ** 2, axis=1)
    return float(np.sqrt(np.mean(power[power >= max(np.median(power), 1e-6)])))


def _dialogues() -> list[Speech]:
    found = []
    for entry in json.loads((SPEECH / "dialogues.json").read_text())["dialogues"]:
        turns = json.loads((SPEECH / entry["turns_file"]).read_text())["turns"]
        agent, callee = (_dialogue_track(entry, turns, speaker) for speaker in ("agent", "callee"))
        found.append(Speech(entry["id"], agent, callee, tuple(entry.get("names", ()))))
    return found


def _dialogue_track(entry: dict[str, Any], turns: list[dict[str, Any]], speaker: str) -> Track:
    spoken = tuple(Turn(turn["text"], turn["start_ms"], turn["end_ms"]) for turn in turns if turn["speaker"] == speaker)
    return Track((SPEECH / entry["tracks"][speaker]).read_bytes(), spoken)


def _paused() -> Speech:
    package = find_spec("moonshine_voice")
    assert package is not None and package.submodule_search_locations
    two_cities = _wave(Path(package.submodule_search_locations[0]) / "assets" / "two_cities.wav")
    quiet = np.zeros(TELEPHONE_RATE_HZ, dtype=np.float32)
    agent = Track(encoded(np.concatenate([two_cities, quiet])), (Turn(" ".join(TWO_CITIES.split())),))
    return Speech(PAUSED, agent, _librivox())


def _librivox() -> Track:
    """Five readings one after the other, with a pause between them."""
    folder = _testdata() / "usr/share/pocketsphinx/test/data/librivox"
    if not folder.exists():
        say("listening: pocketsphinx-testdata is not to be had; the paused set is shorter")
        return Track(b"\xff" * TELEPHONE_RATE_HZ, ())
    pause = np.zeros(int(PAUSE_S * TELEPHONE_RATE_HZ), dtype=np.float32)
    audio: list[Audio] = []
    turns = []
    for line in (folder / "transcription").read_text().splitlines():
        match = re.fullmatch(r"<s> (.*) </s> \((.*)\)", line.strip())
        assert match is not None
        # The reader says "a more amiable"; the file's transcription repeats the "a".
        turns.append(Turn(match[1].replace("a more a amiable", "a more amiable")))
        audio += [_wave(folder / f"{match[2]}.wav"), pause]
    return Track(encoded(np.concatenate(audio)), tuple(turns))


def _testdata() -> Path:
    if not TESTDATA.exists():
        fetched = TESTDATA.with_suffix(".deb")
        fetched.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["apt-get", "download", "-qq", "pocketsphinx-testdata"], cwd=fetched, capture_output=True, check=False
        )
        for package in fetched.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(package), str(TESTDATA)], check=True)
    return TESTDATA


def _wave(path: Path) -> Audio:
    with wave.open(str(path)) as file:
        rate_hz = file.getframerate()
        samples = _samples(file.readframes(file.getnframes()))
    return np.asarray(soxr.resample(samples, rate_hz, TELEPHONE_RATE_HZ), dtype=np.float32)
