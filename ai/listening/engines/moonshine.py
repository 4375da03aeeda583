"""Moonshine on ONNX Runtime: the engine of interim text, whose cost follows the length of the speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from ai.listening.audio import SAMPLES_PER_MS, for_recognition
from ai.listening.engines.invented import is_invented
from ai.listening.transcriber import NOTHING, ModelUnusable, Recognition

SHORTEST_SPEECH_MS = 250
# English speech stays below this; more is the decoder running in a circle.
TOKENS_PER_S = 6.5
START_TOKEN = 1
END_TOKEN = 2
FIRST_TEXT_TOKEN = 3
# The decoder takes its mask in samples, and thins it out to the encoder's positions itself.
SAMPLES_PER_POSITION = 384


class MoonshineTranscriber:
    """A Moonshine model in ONNX Runtime's own format, on one thread.

    :raises ModelUnusable: when the folder holds something else.
    """

    def __init__(self, folder: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            self._encoder = onnxruntime.InferenceSession(str(folder / "encoder_model.ort"), options)
            self._decoder = onnxruntime.InferenceSession(str(folder / "decoder_model_merged.ort"), options)
            self._vocabulary = _vocabulary((folder / "tokenizer.bin").read_bytes())
        except Exception as error:  # ONNX Runtime's exceptions share no base below Exception
            raise ModelUnusable(f"No Moonshine model can be loaded from {folder}: {error}") from error
        self._shapes = {
            entry.name: (entry.shape[1], entry.shape[3])
            for entry in self._decoder.get_inputs()
            if entry.name.startswith("past_key_values")
        }
        self._outputs = [entry.name for entry in self._decoder.get_outputs()]

    def transcribe(self, pcm: bytes, context: str, *, thrifty: bool = False) -> Recognition:
        """Recognise one stretch of 8 kHz speech; see Transcriber.transcribe. Uses no context, gives no word times."""
        del context, thrifty
        duration_ms = len(pcm) // (2 * SAMPLES_PER_MS)
        if duration_ms < SHORTEST_SPEECH_MS:
            return NOTHING
        audio = for_recognition(pcm)[None]
        feed = {"input_values": audio, "attention_mask": np.ones(audio.shape, dtype=np.int64)}
        heard = self._encoder.run(None, feed)[0]
        tokens, probability = self._decoded(heard, max(4, int(TOKENS_PER_S * duration_ms / 1_000)))
        text = b"".join(self._vocabulary[token] for token in tokens if token >= FIRST_TEXT_TOKEN)
        spoken = " ".join(text.decode("utf-8", errors="replace").replace("▁", " ").split())
        recognition = Recognition(text=spoken, words=(), confidence=round(probability, 3))
        return NOTHING if is_invented(recognition, pcm, no_speech_probability=0.0) else recognition

    def _decoded(self, heard: NDArray[np.float32], most_tokens: int) -> tuple[list[int], float]:
        """The likeliest next token, over and over; and the geometric mean of their probabilities."""
        past = {name: np.zeros((1, heads, 0, size), np.float32) for name, (heads, size) in self._shapes.items()}
        mask = np.ones((1, heard.shape[1] * SAMPLES_PER_POSITION), dtype=np.int64)
        tokens: list[int] = []
        log_probability = 0.0
        last = START_TOKEN
        for step in range(most_tokens):
            feed = {
                "encoder_attention_mask": mask,
                "input_ids": np.array([[last]], dtype=np.int64),
                "encoder_hidden_states": heard,
                "use_cache_branch": np.array([step > 0]),
                **past,
            }
            answer = dict(zip(self._outputs, self._decoder.run(None, feed), strict=True))
            logits = answer["logits"][0, -1]
            last = int(np.argmax(logits))
            log_probability -= float(np.log(np.sum(np.exp(logits - logits[last]))))
            if last == END_TOKEN:
                break
            tokens.append(last)
            for name in past:
                # The encoder's keys are computed once, in the first step; later steps return them empty.
                if step == 0 or ".decoder." in name:
                    past[name] = answer[name.replace("past_key_values", "present")]
        return tokens, float(np.exp(log_probability / (len(tokens) + 1)))


def _vocabulary(packed: bytes) -> list[bytes]:
    """Moonshine's packed tokens: each is its length (one byte, or two from 128 on) and its bytes."""
    tokens: list[bytes] = []
    at = 0
    while at < len(packed):
        length = packed[at]
        at += 1
        if length >= 128:
            length = packed[at] * 128 + length - 128
            at += 1
        tokens.append(packed[at : at + length])
        at += length
    return tokens
