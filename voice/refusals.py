"""Lines by which a lead asks for no more calls: found once a line is settled, offered to the rep, dismissed where it is not meant so."""

from datetime import datetime
from typing import ClassVar, cast
from uuid import UUID

from django.db import transaction

from ai import cues
from compliance import audit, restriction
from identity.auth import Actor
from processors.errors import DomainError
from voice import queries, watching
from voice.changes import next_sequence, publish_segment
from voice.events import SegmentChanged
from voice.models import TranscriptSegment
from voice.schemas import Refused


class NoRefusal(DomainError):
    """Nothing in the line asks for no more calls; permanent."""

    code: ClassVar[str] = "no_refusal"


def found(speaker: str | None, text: str, *, before: str | None = None) -> Refused | None:
    """What is noted of a line. before: what was noted of it, or of those whose place it takes."""
    if speaker != "callee" or not cues.refuse_calls(text):
        return None
    return cast(Refused, before or "said")


def dismiss(*, actor: Actor, segment_id: UUID, dismissed: bool, now: datetime) -> TranscriptSegment:
    """Notes that a line does not ask for no more calls, or that it does. What is noted already changes nothing.

    :raises Call.DoesNotExist: unknown, not the actor's to see, or replaced by a turn that was heard as a whole.
    :raises TranscriptSegment.DoesNotExist: replaced a moment ago.
    :raises SubjectRestricted: one who spoke has restricted the use of it.
    :raises NotWatching: a colleague's call, which goes on.
    :raises NoRefusal:
    """
    with transaction.atomic():
        call = queries.visible_calls(actor).select_for_update(of=("self",), no_key=True).get(segments__id=segment_id)
        restriction.refuse(*queries.who_may_forbid(call, actor=actor))
        watching.refuse_unless_seen(call, actor=actor)
        segment = call.segments.select_related("corrected_by").get(id=segment_id)
        if found(segment.speaker, segment.text) is None:
            raise NoRefusal(
                "This line does not ask for no more calls, so there is nothing to dismiss. Reload the page."
            )
        wanted = "dismissed" if dismissed else "said"
        if segment.refusal == wanted:
            return segment
        segment.refusal, segment.sequence = wanted, next_sequence(call)
        segment.save(update_fields=["refusal", "sequence"])
        call.save(update_fields=["sequence"])
        audit.record(
            workspace_id=actor.workspace_id,
            actor_ref=str(actor.user_id),
            action="refusal.dismissed" if dismissed else "refusal.restored",
            target=str(segment.id),
            detail={"call": str(call.id), "sequence": segment.sequence},
            now=now,
        )
        publish_segment(call, segment, SegmentChanged)
        return segment
