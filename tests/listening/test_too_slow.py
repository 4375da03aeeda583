"""A model that would not finish the longest speech before it is taken for one that hangs does not begin.

Planted bugs that this catches: a model that is only asked whether it understands; one that is fast enough for a sentence, and believed.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ai.listening import self_test, worker
from ai.listening.model_files import whisper_folder
from ai.listening.segmenter import Tuning
from ai.listening.transcriber import ModelUnusable, Recognition

ROOT = Path(__file__).parents[2]
# A recogniser that is killed much sooner than the product's.
BEGIN = "import sys; from ai.listening import worker; worker.LIMIT_S |= {limits}; sys.exit(worker.main())"


def _begun(limits: dict[str, float], **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A recogniser that is asked nothing, and ends when it has begun."""
    return subprocess.run(
        [sys.executable, "-c", BEGIN.format(limits=limits)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(("kind", "name"), [("final", "Whisper"), ("interim", "Moonshine"), ("merged", "second-pass")])
def test_a_model_that_is_too_slow_for_the_longest_speech_stops_the_start_and_says_what_to_do(
    kind: str, name: str
) -> None:
    second = {worker.HEARS_AGAIN: "yes", "SECOND_PASS_MODEL_PATH": str(whisper_folder(""))}
    begun = _begun({kind: 0.001}, **(second if kind == "merged" else {}))
    # As it says it to whoever started it.
    said = begun.stdout.decode(errors="replace")
    assert begun.returncode == worker.EXIT_UNUSABLE
    assert f"The {name} model is too slow for this machine" in said
    assert "Take a smaller model, or a faster machine." in said
    assert "See docs/models.md." in said
    assert ("SECOND_PASS_MODEL_PATH is" in said) is (kind == "merged")


class Slow:
    """An engine that understands the sentence, and works for so long on the longest speech."""

    def __init__(self, longest_s: float) -> None:
        self._longest_s = longest_s

    def transcribe(self, pcm: bytes, _context: str, *, thrifty: bool = False) -> Recognition:
        until_s = time.process_time() + (0.05 if len(pcm) < 6 * 16_000 else self._longest_s)
        while time.process_time() < until_s:
            pass
        return Recognition(self_test.SENTENCE, (), 0.9)


def test_one_that_is_fast_enough_for_the_sentence_is_tried_with_the_longest_speech_too() -> None:
    with pytest.raises(ModelUnusable, match="too slow for this machine"):
        self_test.check("Whisper", Slow(longest_s=0.35), limit_s=0.4)
    assert self_test.check("Whisper", Slow(longest_s=0.15), limit_s=0.4) >= 0.15


def test_a_model_that_is_fast_enough_begins() -> None:
    assert _begun({}).returncode == 0


def test_what_is_asked_at_most_is_what_a_model_is_tried_with() -> None:
    longest_ms = max(Tuning().longest_ms, Tuning().turn_longest_ms)
    assert longest_ms <= self_test.LONGEST_S * 1_000
