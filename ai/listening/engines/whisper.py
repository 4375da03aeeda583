"""Whisper on CTranslate2: the engine of final text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from tokenizers import Tokenizer

from ai.listening.audio import SAMPLES_PER_MS, for_recognition
from ai.listening.engines.invented import DOUBTFUL, collapse_repeats, is_invented, within_the_speech
from ai.listening.engines.mel import FRAMES_PER_S, log_mel
from ai.listening.transcriber import MAX_SPEECH_S, NOTHING, ModelUnusable, Recognition, Word

# Below 10 s Whisper repeats itself (51% of words wrong at 3 s); above, each second only costs.
SHORTEST_WINDOW_S = 10.0
MARGIN_S = 1.0
# A turn that is heard again shall be heard well; a final shall come soon.
WIDE_BEAM = 5
FINAL_BEAM = 3
MAX_CONTEXT_TOKENS = 64
TINY_WIDTH = 384
# The alignment's step: the encoder halves the 100 frames a second.
MS_PER_POSITION = 20


class WhisperTranscriber:
    """A Whisper model that CTranslate2 can load, on one thread, in 8-bit arithmetic.

    :raises ModelUnusable: when the folder holds something else.
    """

    def __init__(self, folder: Path, parts: Sequence[Path] = ()) -> None:
        """parts: of model.bin, where that is not in the folder."""
        try:
            self._model = ctranslate2.models.Whisper(
                str(folder),
                device="cpu",
                compute_type="int8",
                inter_threads=1,
                intra_threads=1,
                files=_in_memory(folder, parts) if parts else None,
            )
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # Tokenizer raises bare Exception, CTranslate2 RuntimeError and ValueError
            raise ModelUnusable(f"No Whisper model can be loaded from {folder}: {error}") from error
        self._beam_size = WIDE_BEAM
        self._start = self._tokens("<|startoftranscript|>")
        if self._model.is_multilingual:
            self._start += self._tokens("<|en|>", "<|transcribe|>")
        self._without_times = self._tokens("<|notimestamps|>")
        self._before = self._tokens("<|startofprev|>")
        # Everything from the end-of-text token on is a mark, not text.
        self._first_mark = self._tokens("<|endoftext|>")[0]

    @property
    def width(self) -> int:
        """Into how many numbers it puts each moment: TINY_WIDTH, 512 in base, more in larger ones. Runs the encoder."""
        moment = np.zeros((1, self._model.n_mels, 2), dtype=np.float32)
        return int(self._model.encode(ctranslate2.StorageView.from_array(moment)).shape[-1])

    def with_beam(self, size: int) -> WhisperTranscriber:
        """The same model in the same memory, that considers so many ways to go on at each word."""
        other = copy(self)
        other._beam_size = size
        return other

    def transcribe(self, pcm: bytes, context: str, *, thrifty: bool = False) -> Recognition:
        """Recognise one stretch of 8 kHz speech; see Transcriber.transcribe."""
        duration_s = len(pcm) / (2_000 * SAMPLES_PER_MS)
        if duration_s == 0:
            return NOTHING
        window_s = min(float(MAX_SPEECH_S), max(SHORTEST_WINDOW_S, duration_s + MARGIN_S))
        mel = log_mel(for_recognition(pcm), window_s, self._model.n_mels)
        heard = self._model.encode(ctranslate2.StorageView.from_array(mel[None]))
        prompt = [*self._context(context), *self._start, *self._without_times]
        result = self._model.generate(
            heard,
            [prompt],
            beam_size=1 if thrifty else self._beam_size,
            max_length=min(448, len(prompt) + int(20 + 12 * duration_s)),
            return_scores=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._first_mark]
        if not tokens:
            return NOTHING
        confidence = math.exp(min(0.0, result.scores[0]))
        words = collapse_repeats(within_the_speech(self._words(heard, tokens, duration_s, confidence)))
        recognition = Recognition(
            text=" ".join(word.text for word in words), words=tuple(words), confidence=round(confidence, 3)
        )
        no_speech = self._no_speech_probability(heard, prompt) if recognition.confidence < DOUBTFUL else 0.0
        return NOTHING if is_invented(recognition, pcm, no_speech) else recognition

    def _no_speech_probability(self, heard: Any, prompt: list[int]) -> float:
        """[0, 1]. A run of the decoder of its own, so it is asked in doubt only, where it counts."""
        answer = self._model.generate(
            heard, [prompt], beam_size=1, max_length=len(prompt) + 1, return_no_speech_prob=True
        )[0]
        return float(answer.no_speech_prob)

    def _context(self, context: str) -> list[int]:
        if not context.strip():
            return []
        tokens: list[int] = self._tokenizer.encode(f" {context.strip()}", add_special_tokens=False).ids
        return self._before + tokens[:MAX_CONTEXT_TOKENS]

    def _words(self, heard: Any, tokens: list[int], duration_s: float, confidence: float) -> list[Word]:
        """The tokens as words, with the times and probabilities that the model's own attention gives."""
        aligned = self._model.align(heard, self._start, [tokens], int(duration_s * FRAMES_PER_S))[0]
        begins_ms: dict[int, int] = {}
        for token_index, position in aligned.alignments:
            begins_ms.setdefault(token_index, position * MS_PER_POSITION)
        end_ms = int(duration_s * 1_000)
        words: list[Word] = []
        for first, after in self._word_spans(tokens):
            text = self._tokenizer.decode(tokens[first:after]).strip()
            if not text:
                continue
            probabilities = aligned.text_token_probs[first:after] or [confidence]
            starts_ms = begins_ms.get(first, words[-1].end_ms if words else 0)
            words.append(
                Word(
                    text=text,
                    start_ms=min(starts_ms, end_ms),
                    end_ms=min(max(begins_ms.get(after, end_ms), starts_ms), end_ms),
                    confidence=round(min(probabilities), 3),
                )
            )
        return words

    def _word_spans(self, tokens: list[int]) -> list[tuple[int, int]]:
        """Where each word begins and ends: a token that starts with a space begins a word ("Ġ" is its spelling)."""
        starts = [
            index
            for index, token in enumerate(tokens)
            if index == 0 or str(self._tokenizer.id_to_token(token)).startswith("Ġ")
        ]
        return list(zip(starts, [*starts[1:], len(tokens)], strict=True))

    def _tokens(self, *names: str) -> list[int]:
        tokens = [token for name in names if (token := self._tokenizer.token_to_id(name)) is not None]
        if len(tokens) < len(names):
            raise ModelUnusable(f"The tokenizer lacks one of {', '.join(names)}: this is no Whisper tokenizer.")
        return tokens


def _in_memory(folder: Path, parts: Sequence[Path]) -> dict[str, bytes]:
    """The model's files with its parts put together; the loaded model keeps none of them."""
    whole = b"".join(part.read_bytes() for part in parts)
    return {"model.bin": whole, **{name: (folder / name).read_bytes() for name in ("config.json", "vocabulary.txt")}}
