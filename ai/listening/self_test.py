"""Whether a model understands speech at all, and soon enough: it has to write down a known sentence before it gets anybody's words.

The sentence is spoken by a synthetic voice over a telephone band (Kokoro's "jm_kumo", Apache-2.0; see docs/models.md). The
models that this release comes with make no mistake in it.
"""

from __future__ import annotations

import math
import time
from pathlib import Path

from ai.listening.audio import BYTES_PER_SAMPLE, TELEPHONE_RATE_HZ, decode_mulaw
from ai.listening.transcriber import ModelUnusable, Transcriber
from ai.listening.wer import word_error_rate

CLIP = Path(__file__).with_suffix(".ulaw")
SENTENCE = "Honestly, that is too expensive for us. We pay three hundred dollars today."
# A model for another language, or with another model's vocabulary, has nearly all words wrong.
MOST_WRONG = 0.35
# What a model is given at most: Tuning.longest_ms and turn_longest_ms of ai.listening.segmenter.
LONGEST_S = 14.0
# Of the time that a recogniser may take for it: others use the processor too, and who talks fast says more.
MOST_OF_LIMIT = 0.7
# Where the sentence says that it needs less than that, it surely stays below.
SURELY_SOON = 0.25


def check(name: str, engine: Transcriber, limit_s: float) -> float:
    """About how many processor seconds the engine needs for the longest speech that it will be given.

    Also the engine's first use, which allocates and compiles, so that no call has to wait for that.

    limit_s: after which a recogniser that has not answered is killed.

    :raises ModelUnusable: when the engine fails over the sentence, has too much of it wrong, or is too slow.
    """
    sentence = decode_mulaw(CLIP.read_bytes())
    began_s = time.process_time()
    try:
        heard = engine.transcribe(sentence, "").text
    except Exception as error:  # Engines raise whatever their libraries do.
        raise ModelUnusable(f"The {name} model fails over the spoken self-test: {error}") from error
    wrong = word_error_rate([(SENTENCE, heard)])
    if wrong > MOST_WRONG:
        raise ModelUnusable(
            f"The {name} model does not understand English telephone speech: in the spoken self-test {wrong:.0%} of the "
            f'words are wrong, at most {MOST_WRONG:.0%} may be. Said: "{SENTENCE}" Heard: "{heard[:200]}" '
            "See docs/models.md."
        )
    return _soon_enough(name, engine, sentence, time.process_time() - began_s, limit_s)


def _soon_enough(name: str, engine: Transcriber, sentence: bytes, took_s: float, limit_s: float) -> float:
    """See check. By the processor's time: what else the machine does while it starts must not make a model look slow.

    took_s: for the sentence. The longest speech is about so many times the work, or less where an engine hears more than the sentence
    anyhow. For a model that is far from the limit, or beyond it with the sentence already, that says enough.
    """
    longest_bytes = int(LONGEST_S * TELEPHONE_RATE_HZ) * BYTES_PER_SAMPLE
    times = longest_bytes / len(sentence)
    if took_s * times <= SURELY_SOON * limit_s:
        return took_s * times
    most_s = MOST_OF_LIMIT * limit_s
    needs_s = took_s
    if took_s <= most_s:
        began_s = time.process_time()
        engine.transcribe((sentence * math.ceil(times))[:longest_bytes], "")
        needs_s = time.process_time() - began_s
    if needs_s > most_s:
        raise ModelUnusable(
            f"The {name} model is too slow for this machine: it needs {needs_s:.1f} s of a processor or more for {LONGEST_S:g} s "
            f"of speech, at most {most_s:.1f} s may be. Take a smaller model, or a faster machine. See docs/models.md."
        )
    return needs_s
