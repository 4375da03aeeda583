"""Whisper's log-mel spectrogram in numpy, so that nothing larger has to be installed for it."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ai.listening.audio import RECOGNITION_RATE_HZ

WINDOW = 400
HOP = 160
FLOOR = 1e-10
FRAMES_PER_S = RECOGNITION_RATE_HZ // HOP


def log_mel(audio: NDArray[np.float32], window_s: float, n_mels: int) -> NDArray[np.float32]:
    """The features of 16 kHz audio, padded with silence to window_s: shape (n_mels, 100 * window_s).

    Same arithmetic as openai/whisper's log_mel_spectrogram: a periodic Hann window of 25 ms every 10 ms, reflected
    edges, Slaney mel filters, a floor 80 dB below the loudest bin.
    """
    frames = int(window_s * FRAMES_PER_S)
    padded = np.zeros(frames * HOP, dtype=np.float32)
    kept = audio[: len(padded)]
    padded[: len(kept)] = kept
    reflected = np.pad(padded, WINDOW // 2, mode="reflect")
    # Behind the sound there is nothing but the floor, which needs no arithmetic.
    sounding = min(frames, (len(kept) + WINDOW // 2) // HOP + 1)
    windows = np.lib.stride_tricks.sliding_window_view(reflected, WINDOW)[::HOP][:sounding]
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    mel = _filters(n_mels) @ power.T.astype(np.float32)
    logged = np.full((n_mels, frames), np.log10(FLOOR))
    logged[:, :sounding] = np.log10(np.maximum(mel, FLOOR))
    floored = np.maximum(logged, logged.max() - 8.0)
    return np.ascontiguousarray((floored + 4.0) / 4.0, dtype=np.float32)


@cache
def _hann() -> NDArray[np.float32]:
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


@cache
def _filters(n_mels: int) -> NDArray[np.float32]:
    """Slaney's triangular filters, each of equal area: shape (n_mels, 201)."""
    bins_hz = np.fft.rfftfreq(WINDOW, 1 / RECOGNITION_RATE_HZ)
    highest = _mel_of(np.array([RECOGNITION_RATE_HZ / 2]))[0]
    edges_hz = _hz_of(np.linspace(0.0, highest, n_mels + 2))
    ramps = edges_hz[:, None] - bins_hz[None, :]
    widths = np.diff(edges_hz)
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    area = 2.0 / (edges_hz[2:] - edges_hz[:-2])
    return (triangles * area[:, None]).astype(np.float32)


def _mel_of(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = hz / (200 / 3)
    return np.where(hz >= 1_000, 15 + np.log(np.maximum(hz, 1e-9) / 1_000) / (np.log(6.4) / 27), linear)


def _hz_of(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel >= 15, 1_000 * np.exp((np.log(6.4) / 27) * (mel - 15)), mel * (200 / 3))
