"""Puts lines into a call's text the way its media stream does; run beside a stack with the stack's settings.

python -m tests.browser.talk CALL_ID FIRST COUNT LINES_A_SECOND: lines FIRST to FIRST + COUNT - 1 of an hour of six thousand.
LINES_A_SECOND 0: they were said before anybody looked; otherwise in true time and with interim text before each.
"""

import os
import sys
import time
from datetime import UTC, datetime
from uuid import UUID

import django
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from ai.listening.transcriber import Word  # noqa: E402
from realtime.publish import Topic, publish_ephemeral  # noqa: E402
from voice import transcripts  # noqa: E402
from voice.changes import next_sequence  # noqa: E402
from voice.events import SegmentInterim  # noqa: E402
from voice.heard import Heard  # noqa: E402
from voice.models import Call, TranscriptSegment  # noqa: E402
from voice.schemas import Speaker  # noqa: E402

LINE_MS = 600
# What the call's own media stream hears comes before.
FIRST_AT_MS = 600_000
SAID = (
    "so what would that cost us for a year",
    "right",
    "we looked at two others in the spring and in the end nobody here had the time to bring one of them in",
    "could you send me that in writing before Thursday please",
    "I see",
    "the price is four hundred and fifty dollars a month with the training for all of your people included in it",
)


def starts_at_ms(number: int) -> int:
    return FIRST_AT_MS + number * LINE_MS


def speaker_of(number: int) -> Speaker:
    """Turns of three lines."""
    return "agent" if number // 3 % 2 == 0 else "callee"


def text_of(number: int) -> str:
    """Each line ends with its number, so that a test can name it."""
    return f"{SAID[number % len(SAID)]} {number}"


def heard(number: int) -> Heard:
    start_ms = starts_at_ms(number)
    end_ms = start_ms + LINE_MS - 40
    parts = text_of(number).split()
    word_ms = (end_ms - start_ms) // len(parts)
    words = [
        Word(part, start_ms + at * word_ms, start_ms + (at + 1) * word_ms, 0.3 if (number + at) % 13 == 0 else 0.95)
        for at, part in enumerate(parts)
    ]
    return Heard(speaker_of(number), start_ms, end_ms, text_of(number), 0.9, words)


def say(call_id: UUID, number: int) -> None:
    stored = transcripts.add_segment(call_id=call_id, heard=heard(number), now=datetime.now(UTC))
    assert stored is not None, f"line {number} was not stored"


def have_said(call_id: UUID, numbers: range) -> None:
    """As saying them one by one would leave them, which takes a minute for six thousand."""
    now = datetime.now(UTC)
    with transaction.atomic():
        call = Call.objects.select_for_update().get(id=call_id)
        TranscriptSegment.objects.bulk_create(
            TranscriptSegment(
                workspace_id=call.workspace_id,
                call=call,
                sequence=next_sequence(call),
                speaker=line.speaker,
                start_ms=line.start_ms,
                end_ms=line.end_ms,
                text=line.text,
                confidence=line.confidence,
                words=[[word.text, word.start_ms, word.end_ms, word.confidence] for word in line.words],
                created_at=now,
            )
            for line in map(heard, numbers)
        )
        call.save(update_fields=["sequence"])


def murmur(call: Call, number: int) -> None:
    """Interim text of a line: its first words."""
    parts = text_of(number).split()
    start_ms = starts_at_ms(number)
    event = SegmentInterim(
        call_id=call.id,
        speaker=speaker_of(number),
        text=" ".join(parts[: max(1, len(parts) // 2)]),
        start_ms=start_ms,
        end_ms=start_ms + LINE_MS // 2,
    )
    publish_ephemeral(Topic.call(call.workspace_id, call.id), event)


def main() -> None:
    call_id, first, count, lines_a_second = UUID(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    numbers = range(first, first + count)
    if lines_a_second == 0:
        have_said(call_id, numbers)
        return
    call = Call.objects.get(id=call_id)
    began = time.monotonic()
    for spoken, number in enumerate(numbers, start=1):
        murmur(call, number)
        time.sleep(max(0.0, began + spoken / lines_a_second - time.monotonic()))
        say(call_id, number)
    # The outbox sends from a thread of its own.
    time.sleep(0.5)


if __name__ == "__main__":
    main()
