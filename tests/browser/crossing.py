"""A rep's long sentence, the lead's short word in the middle of it, and the whole turn heard again; run beside a stack with its settings.

python -m tests.browser.crossing CALL_ID: takes one of STEPS at each line of its input, for as long as there are any.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

# It comes first: it sets up Django.
from tests.browser import talk  # isort: skip

from ai.listening.transcriber import Word
from tests.browser.lines import FIRST_AT_MS
from voice import transcripts, whole_turns
from voice.heard import Heard
from voice.models import Call
from voice.schemas import Speaker

# Before the talk of talk.py, after what the call's own media stream hears.
AT_MS = FIRST_AT_MS - 20_000


def _heard(speaker: Speaker, since_ms: int, text: str) -> Heard:
    """A word every 100 ms."""
    start_ms = AT_MS + since_ms
    words = [Word(part, start_ms + at * 100, start_ms + at * 100 + 100, 0.9) for at, part in enumerate(text.split())]
    return Heard(speaker, start_ms, words[-1].end_ms, text, 0.9, words)


BEFORE = _heard("agent", -6_000, "We have looked at it.")
RIGHT = _heard("callee", 400, "Right, I see.")
# The lead said this before; it still changes, and goes when their next word settles.
BEGUN = _heard("callee", -9_000, "Well, so far")
SENTENCE = _heard("agent", 0, "And the price is four hundred a month")
REST = _heard("agent", 2_000, "with training for all of you")
AGAIN = [replace(SENTENCE, text=f"{SENTENCE.text},"), replace(REST, text=f"{REST.text}.")]


def _begin(call: Call) -> None:
    talk.publish_interim(call, BEGUN)
    _say(call, BEFORE)


def _say(call: Call, heard: Heard) -> None:
    assert transcripts.add_segment(call_id=call.id, heard=heard, now=datetime.now(UTC)) is not None


def _hear_again(call: Call) -> None:
    said = [*SENTENCE.words, *REST.words]
    text = " ".join(part.text for part in AGAIN)
    words = [replace(word, text=part) for word, part in zip(said, text.split(), strict=True)]
    whole = Heard("agent", SENTENCE.start_ms, REST.end_ms, text, 0.9, words)
    pieces_ms, now = [SENTENCE.start_ms, REST.start_ms], datetime.now(UTC)
    assert whole_turns.replace_segments(call_id=call.id, heard=whole, pieces_ms=pieces_ms, now=now) is not None


STEPS: tuple[Callable[[Call], None], ...] = (
    _begin,
    lambda call: talk.publish_interim(call, replace(SENTENCE, text="And the price is")),
    lambda call: _say(call, RIGHT),
    lambda call: _say(call, SENTENCE),
    lambda call: _say(call, REST),
    _hear_again,
)


def main() -> None:
    call = Call.objects.get(id=UUID(sys.argv[1]))
    for step, _ in zip(STEPS, sys.stdin, strict=False):
        step(call)


if __name__ == "__main__":
    main()
