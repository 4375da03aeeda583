"""What is not speech never becomes text."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ai.listening.audio import decode_mulaw
from ai.listening.client import TranscriberClient
from tests.listening.speech import listen

RATE_HZ = 8_000
SECONDS = np.arange(10 * RATE_HZ) / RATE_HZ


def _tones(*hz: float) -> NDArray[np.float64]:
    return np.asarray(0.2 * np.sum([np.sin(2 * np.pi * one * SECONDS) for one in hz], axis=0))


def _noise(level: float) -> NDArray[np.float64]:
    return np.random.default_rng(3).normal(0, level, len(SECONDS))


def _mulaw(audio: NDArray[np.float64]) -> bytes:
    """The nearest mu-law code of each sample, looked up in the table that is under test elsewhere."""
    codes = np.arange(256, dtype=np.uint8)
    values = np.frombuffer(decode_mulaw(codes.tobytes()), dtype="<i2").astype(np.int32)
    order = np.argsort(values)
    pcm = np.clip(audio * 32_767, -32_124, 32_124)
    return codes[order][np.searchsorted(values[order], pcm)].tobytes()


SOUNDS = {
    "silence": np.zeros(len(SECONDS)),
    "a quiet line": _noise(0.001),
    "noise": _noise(0.05),
    "loud noise": _noise(0.3),
    "ringing": _tones(440, 480) * (SECONDS % 6 < 2),
    "ringing over noise": _tones(440, 480) * (SECONDS % 6 < 2) + _noise(0.01),
    "a busy tone": _tones(480, 620) * (SECONDS % 1 < 0.5),
    "a melody": 0.3 * np.sin(2 * np.pi * 330 * 2 ** (np.floor(SECONDS * 2) % 7 / 12) * SECONDS),
    "key presses": _tones(770, 1336) * (SECONDS % 0.7 < 0.1),
    "mains hum": _tones(120, 240),
}


@pytest.mark.parametrize("sound", SOUNDS)
async def test_no_words_come_of(client: TranscriberClient, sound: str) -> None:
    heard = await listen(client, _mulaw(SOUNDS[sound]), pace=20)
    assert heard.finals == []
    assert heard.interims == []
    assert heard.gaps == []


async def test_even_when_noise_is_sent_straight_to_the_engines(client: TranscriberClient) -> None:
    for level in (0.0, 0.001, 0.01, 0.1):
        pcm = (_noise(level)[: 3 * RATE_HZ] * 32_767).astype("<i2").tobytes()
        assert (await client.transcribe(pcm, "final", "David Miller")).text == ""
