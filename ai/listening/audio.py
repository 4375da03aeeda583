"""A telephone's audio as numbers: mu-law decoding and the rate that the recognisers want."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

TELEPHONE_RATE_HZ = 8_000
RECOGNITION_RATE_HZ = 16_000
SAMPLES_PER_MS = TELEPHONE_RATE_HZ // 1_000
BYTES_PER_SAMPLE = 2


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A stretch of one track's audio.

    pcm: signed 16-bit little-endian mono; length is 2 * samples bytes.
    sample_rate_hz: 8000 as the carrier sends it, 16000 for recognition.
    start_ms: milliseconds since the stream's start message.
    """

    pcm: bytes
    sample_rate_hz: int
    start_ms: int

    @property
    def duration_ms(self) -> int:
        return len(self.pcm) * 1_000 // (BYTES_PER_SAMPLE * self.sample_rate_hz)


def _mulaw_table() -> NDArray[np.int16]:
    """ITU-T G.711: every mu-law byte's linear value."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 132) << ((code & 0x70) >> 4)) - 132
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


_MULAW = _mulaw_table()


def decode_mulaw(payload: bytes) -> bytes:
    """Signed 16-bit little-endian samples of mu-law bytes, one sample a byte."""
    return _MULAW[np.frombuffer(payload, dtype=np.uint8)].tobytes()


def samples_of(pcm: bytes) -> NDArray[np.float32]:
    """Samples in [-1, 1] of signed 16-bit little-endian audio.

    :raises ValueError: when the length is not a whole number of samples.
    """
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(32_768)


def for_recognition(pcm: bytes) -> NDArray[np.float32]:
    """A whole stretch of 8 kHz audio at 16 kHz, in [-1, 1]. Resampling frame by frame would cost ten times as much."""
    speech = soxr.resample(samples_of(pcm), TELEPHONE_RATE_HZ, RECOGNITION_RATE_HZ)
    return np.asarray(speech, dtype=np.float32)


def loudness_dbfs(pcm: bytes) -> float:
    """Level of the loudest 100 ms, in dB below full scale; -120 for digital silence or nothing."""
    samples = samples_of(pcm)
    window = 100 * SAMPLES_PER_MS
    if len(samples) < window:
        power = float(np.mean(samples**2)) if len(samples) else 0.0
    else:
        whole = samples[: len(samples) // window * window].reshape(-1, window)
        power = float(np.max(np.mean(whole**2, axis=1)))
    return float(10 * np.log10(power)) if power > 1e-12 else -120.0
