"""Putting a transcript's text right: what was recognised is kept beside it, and whatever was understood of it follows."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import transaction

from ai import operations as ai
from compliance import audit, left_bytes, restriction
from compliance.spoken_cards import are_a_card_together, without_digits
from identity.auth import Actor
from processors.errors import DomainError
from voice import holding, queries, refusals, wake, watching, whole_turns
from voice.analysis import turns_of
from voice.asked_for import is_card_asked_for
from voice.changes import next_sequence, publish_segment
from voice.events import SegmentChanged
from voice.heard import Heard
from voice.models import Call, TranscriptSegment
from voice.schemas import SegmentChange


class SegmentHasChanged(DomainError):
    """Somebody else changed the segment since the person saw it; read it again."""

    code: ClassVar[str] = "segment_changed"


class NotSpeech(DomainError):
    """A gap has no text that could be wrong; permanent."""

    code: ClassVar[str] = "segment_is_a_gap"


def correct_segment(*, actor: Actor, segment_id: UUID, change: SegmentChange, now: datetime) -> TranscriptSegment:
    """Replaces a segment's text, or puts back what was recognised. Sending what holds already changes nothing.

    The audit names the segment only; both texts stand in the segment's row, which an erasure reaches.
    :raises Call.DoesNotExist: unknown, not the actor's to see, or replaced by a turn that was heard as a whole.
    :raises TranscriptSegment.DoesNotExist: replaced a moment ago.
    :raises SubjectRestricted: one who spoke has restricted the use of it.
    :raises NotWatching: a colleague's call, which goes on.
    :raises NotSpeech:
    :raises SegmentHasChanged: `change.sequence` is not the segment's any more.
    """
    with transaction.atomic():
        call = queries.visible_calls(actor).select_for_update(of=("self",), no_key=True).get(segments__id=segment_id)
        restriction.refuse(*queries.who_may_forbid(call, actor=actor))
        watching.refuse_unless_seen(call, actor=actor)
        segment = call.segments.select_related("corrected_by").get(id=segment_id)
        if segment.kind != "speech":
            raise NotSpeech("This is a gap in the sound, without a text to correct. Choose a line that has one.")
        recognised = segment.text if segment.original_text is None else segment.original_text
        text = _without_cards(call, segment, recognised if change.text is None else change.text)
        if text == segment.text:
            return segment
        if change.sequence != segment.sequence:
            raise SegmentHasChanged("Somebody else has changed this line meanwhile. Look at it again, then correct it.")
        holding.keep_line(segment, call=call, now=now)
        _write(segment, text, recognised, actor, now)
        segment.sequence = next_sequence(call)
        segment.save(update_fields=["text", "original_text", "corrected_at", "corrected_by", "refusal", "sequence"])
        call.save(update_fields=["sequence"])
        left_bytes.note_ended_soon(now=now)
        audit.record(
            workspace_id=actor.workspace_id,
            actor_ref=str(actor.user_id),
            action="transcript.corrected" if segment.corrected_at else "transcript.correction_undone",
            target=str(segment.id),
            detail={"call": str(call.id), "sequence": segment.sequence},
            now=now,
        )
        publish_segment(call, segment, SegmentChanged)
        _understand_anew(call, now)
        return segment


def _without_cards(call: Call, segment: TranscriptSegment, text: str) -> str:
    """As of what is heard; of a number that it makes with the lines beside it, its own part goes."""
    line = Heard(segment.spoken_by, segment.start_ms, segment.end_ms, text)
    asked = is_card_asked_for(call, line)
    line = line.without_cards(is_asked_for=asked)
    before, after = whole_turns.beside(call, line, -1), whole_turns.beside(call, line, 1)
    lines = [*before, line.text, *after]
    return without_digits(line.text) if are_a_card_together(lines, is_asked_for=asked) else line.text


def _write(segment: TranscriptSegment, text: str, recognised: str, actor: Actor, now: datetime) -> None:
    segment.text = text
    segment.refusal = refusals.found(segment.speaker, text, before=segment.refusal)
    if text == recognised:
        segment.original_text, segment.corrected_at, segment.corrected_by = None, None, None
    else:
        segment.original_text, segment.corrected_at, segment.corrected_by_id = recognised, now, actor.user_id


def _understand_anew(call: Call, now: datetime) -> None:
    """Quotes say the new words at once; the rest is marked stale until the worker has been over it.

    Of a call that is going on nothing was understood yet.
    """
    if call.is_live:
        return
    Call.objects.filter(id=call.id).update(analysis_state="none")
    ai.note_correction(call=turns_of(call), now=now)
    wake.soon("analyse", call.id)
