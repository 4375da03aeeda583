"""Whether a model understands speech at all: it has to write down a known sentence before it gets anybody's words.

The sentence is spoken by a synthetic voice over a telephone band (Kokoro's "jm_kumo", Apache-2.0; see docs/models.md). The
models that this release comes with make no mistake in it.
"""

from __future__ import annotations

from pathlib import Path

from ai.listening.audio import decode_mulaw
from ai.listening.transcriber import ModelUnusable, Transcriber
from ai.listening.wer import word_error_rate

CLIP = Path(__file__).with_suffix(".ulaw")
SENTENCE = "Honestly, that is too expensive for us. We pay three hundred dollars today."
# A model for another language, or with another model's vocabulary, has nearly all words wrong.
MOST_WRONG = 0.35


def check(name: str, engine: Transcriber) -> None:
    """Also the engine's first use, which allocates and compiles, so that no call has to wait for that.

    :raises ModelUnusable: when the engine fails over the sentence or has too much of it wrong.
    """
    try:
        heard = engine.transcribe(decode_mulaw(CLIP.read_bytes()), "").text
    except Exception as error:  # Engines raise whatever their libraries do.
        raise ModelUnusable(f"The {name} model fails over the spoken self-test: {error}") from error
    wrong = word_error_rate([(SENTENCE, heard)])
    if wrong > MOST_WRONG:
        raise ModelUnusable(
            f"The {name} model does not understand English telephone speech: in the spoken self-test {wrong:.0%} of the "
            f'words are wrong, at most {MOST_WRONG:.0%} may be. Said: "{SENTENCE}" Heard: "{heard[:200]}" '
            "See docs/models.md."
        )
