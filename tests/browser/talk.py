"""Puts lines into a call's text the way its media stream does; run beside a stack with the stack's settings.

python -m tests.browser.talk CALL_ID FIRST COUNT LINES_A_SECOND LEVEL: lines FIRST to FIRST + COUNT - 1 of ten thousand.
LINES_A_SECOND 0: they were said before anybody looked; otherwise in true time and with interim text before each.
LEVEL: what the recognisers leave out until the last of them, see ai.listening.load; 0 for nothing.
"""

import os
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import django
from django.db import transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from ai.listening.transcriber import Word  # noqa: E402
from realtime.publish import Topic, publish_ephemeral  # noqa: E402
from tests.browser.lines import FIRST_AT_MS, LINE_MS, OVERLAP_MS, is_gap, is_heard_again, is_talked_over  # noqa: E402
from voice import transcripts, whole_turns  # noqa: E402
from voice.changes import next_sequence  # noqa: E402
from voice.events import SegmentInterim, TranscriptionLevel  # noqa: E402
from voice.heard import Heard  # noqa: E402
from voice.models import Call, TranscriptSegment  # noqa: E402
from voice.schemas import Speaker  # noqa: E402

TELL_LEVEL_EVERY = 10
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
    if is_gap(number):
        return Heard(None, start_ms, end_ms)
    if is_talked_over(number):
        end_ms += OVERLAP_MS
    parts = text_of(number).split()
    word_ms = (end_ms - start_ms) // len(parts)
    words = [
        Word(part, start_ms + at * word_ms, start_ms + (at + 1) * word_ms, 0.3 if (number + at) % 13 == 0 else 0.95)
        for at, part in enumerate(parts)
    ]
    return Heard(speaker_of(number), start_ms, end_ms, text_of(number), 0.9, words)


def say(call_id: UUID, number: int) -> None:
    line, now = heard(number), datetime.now(UTC)
    if line.speaker is None:
        stored = transcripts.add_gap(call_id=call_id, start_ms=line.start_ms, end_ms=line.end_ms, now=now)
    else:
        stored = transcripts.add_segment(call_id=call_id, heard=line, now=now)
    assert stored is not None, f"line {number} was not stored"


def hear_again(call_id: UUID, number: int) -> None:
    """The turn that this line ends, as a whole in the place of its three lines."""
    lines = [heard(each) for each in range(number - 2, number + 1)]
    whole = replace(
        lines[0],
        end_ms=lines[-1].end_ms,
        text=" ".join(line.text for line in lines),
        words=[word for line in lines for word in line.words],
    )
    pieces_ms, now = [line.start_ms for line in lines], datetime.now(UTC)
    assert whole_turns.replace_segments(call_id=call_id, heard=whole, pieces_ms=pieces_ms, now=now) is not None


def have_said(call_id: UUID, numbers: range) -> None:
    """As saying them one by one would leave them, which takes minutes for ten thousand."""
    now = datetime.now(UTC)
    with transaction.atomic():
        call = Call.objects.select_for_update().get(id=call_id)
        TranscriptSegment.objects.bulk_create(
            TranscriptSegment(
                workspace_id=call.workspace_id,
                call=call,
                sequence=next_sequence(call),
                kind="gap" if line.speaker is None else "speech",
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
    text = " ".join(parts[: max(1, len(parts) // 2)])
    publish_interim(call, Heard(speaker_of(number), start_ms, start_ms + LINE_MS // 2, text))


def publish_interim(call: Call, heard: Heard) -> None:
    assert heard.speaker is not None
    event = SegmentInterim(
        call_id=call.id, speaker=heard.speaker, text=heard.text, start_ms=heard.start_ms, end_ms=heard.end_ms
    )
    publish_ephemeral(Topic.call(call.workspace_id, call.id), event)


def tell(call: Call, level: int) -> None:
    publish_ephemeral(Topic.call(call.workspace_id, call.id), TranscriptionLevel(call_id=call.id, level=level))


def main() -> None:
    call_id, first, count = UUID(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    lines_a_second, level = float(sys.argv[4]), int(sys.argv[5])
    numbers = range(first, first + count)
    if lines_a_second == 0:
        have_said(call_id, numbers)
        return
    call = Call.objects.get(id=call_id)
    began = time.monotonic()
    for spoken, number in enumerate(numbers, start=1):
        if level and spoken % TELL_LEVEL_EVERY == 1:
            tell(call, level)
        if not is_gap(number):
            murmur(call, number)
        time.sleep(max(0.0, began + spoken / lines_a_second - time.monotonic()))
        say(call_id, number)
        if is_heard_again(number):
            hear_again(call_id, number)
    if level:
        tell(call, 0)
    # The outbox sends from a thread of its own.
    time.sleep(0.5)


if __name__ == "__main__":
    main()
