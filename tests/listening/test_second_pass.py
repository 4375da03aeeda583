"""A larger model hears doubtful turns again, is loaded only for them, and is the one that this release was tested with."""

from pathlib import Path

import numpy as np
import pytest

from ai.listening import model_files, self_test
from ai.listening.audio import decode_mulaw, samples_of
from ai.listening.engines.whisper import WhisperTranscriber
from ai.listening.model_files import second_pass_files, whisper_folder
from ai.listening.second_pass import SecondPass
from ai.listening.transcriber import ModelUnusable, Transcriber

SENTENCE = decode_mulaw(self_test.CLIP.read_bytes())


def _in_noise(pcm: bytes) -> bytes:
    noisy = samples_of(pcm) + np.random.default_rng(1).normal(0, 0.09, len(pcm) // 2)
    return (np.clip(noisy, -1, 1) * 32_767).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def first() -> Transcriber:
    return WhisperTranscriber(whisper_folder(""))


def _never() -> Transcriber:
    raise AssertionError("the larger model was loaded")


def test_a_clear_turn_and_one_in_a_hurry_need_no_larger_model(first: Transcriber) -> None:
    hears = SecondPass(first, _never)
    assert "too expensive" in hears.transcribe(SENTENCE, "").text
    assert hears.transcribe(_in_noise(SENTENCE), "", thrifty=True) == first.transcribe(_in_noise(SENTENCE), "")


def test_a_doubtful_turn_gets_the_more_confident_of_two_answers(first: Transcriber) -> None:
    files = second_pass_files("")
    larger = WhisperTranscriber(files.folder, files.parts)
    self_test.check("base", larger, limit_s=10)
    answers = [engine.transcribe(_in_noise(SENTENCE), "") for engine in (first, larger)]
    heard = SecondPass(first, lambda: larger).transcribe(_in_noise(SENTENCE), "")
    assert heard == max(answers, key=lambda one: one.confidence)
    assert answers[0].confidence < 0.75


def test_an_altered_part_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package, name in (("part1", "model.bin.part1"), ("part2", "model.bin.part2")):
        (tmp_path / package).mkdir()
        (tmp_path / package / name).write_bytes(b"something else")
    for file in second_pass_files("").folder.glob("*.[jt]*"):
        (tmp_path / "part1" / file.name).symlink_to(file)
    monkeypatch.setattr(model_files, "_packaged", lambda package, folder: tmp_path / package.rsplit("_", 1)[1])
    with pytest.raises(ModelUnusable, match="altered"):
        second_pass_files("")
