"""Media streams and transcript segments: issuing one-use tokens, storing final text, marking gaps."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from compliance.redaction import redact_cards
from processors.errors import DomainError
from realtime.publish import Topic, publish_on_commit
from voice import queries, wake
from voice.changes import next_sequence
from voice.events import SegmentAdded
from voice.models import Call, MediaStream, TranscriptSegment

# Speech that was being heard when a stream was lost may have been up to this long.
UTTERANCE_MAX_MS = 15_000
TOKEN_VALID_S = 4 * 3600


class StreamRefused(DomainError):
    """The media socket is not one that we asked for; it is closed before any buffer is made."""

    code: ClassVar[str] = "stream_refused"


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A claimed media stream. offset_ms: where its time 0 lies in the call's own time."""

    stream_id: UUID
    call_id: UUID
    workspace_id: UUID
    offset_ms: int
    context: str


def issue_stream_token(*, call: Call, now: datetime) -> str:
    """A token that opens one media socket for this call, once. Only its hash is stored."""
    token = secrets.token_urlsafe(32)
    MediaStream.objects.create(workspace_id=call.workspace_id, call=call, token_hash=_hash(token), issued_at=now)
    return token


def claim_stream(*, token: str, stream_sid: str, call_sid: str, now: datetime) -> OpenStream:
    """Binds a media socket to its call. The newest stream of a call wins; the missing stretch becomes a gap.

    :raises StreamRefused: unknown or used token, or a call that is over.
    """
    with transaction.atomic():
        claimed = MediaStream.objects.filter(
            token_hash=_hash(token),
            state="issued",
            issued_at__gte=now - timedelta(seconds=TOKEN_VALID_S),
        ).update(state="connected", stream_sid=stream_sid[:34], connected_at=now)
        if not claimed:
            raise StreamRefused("The media stream's token is unknown or was used before.")
        stream = MediaStream.objects.get(token_hash=_hash(token))
        call = Call.objects.select_for_update(of=("self",)).select_related("lead", "user").get(id=stream.call_id)
        if not call.is_live or not call.legs.filter(sid=call_sid, role="agent").exists():
            raise StreamRefused("The media stream belongs to no call that is going on.")
        if call.media_started_at is None:
            call.media_started_at = now
            call.save(update_fields=["media_started_at"])
        offset_ms = _ms(now - call.media_started_at)
        earlier = call.streams.filter(connected_at__isnull=False).exclude(id=stream.id)
        earlier.filter(state="connected").update(state="lost", stopped_at=now)
        if earlier.exists() and call.transcript_state == "on":
            _mark_lost_stretch(call, earlier, offset_ms, now)
        return OpenStream(stream.id, call.id, call.workspace_id, offset_ms, _context(call))


def _mark_lost_stretch(call: Call, earlier: QuerySet[MediaStream], until_ms: int, now: datetime) -> None:
    """From the end of what is stored, as far back as an utterance may have been in work, until the new stream."""
    assert call.media_started_at is not None
    stops = [_ms(stream.stopped_at - call.media_started_at) for stream in earlier if stream.stopped_at]
    stopped_ms = max(stops, default=until_ms)
    newest = call.segments.filter(kind="speech").order_by("-end_ms").first()
    stored_until_ms = newest.end_ms if newest else 0
    start_ms = min(stopped_ms, max(stored_until_ms, stopped_ms - UTTERANCE_MAX_MS))
    if until_ms > start_ms:
        _store(call, "gap", None, max(0, start_ms), until_ms, "", None, now)


def may_transcribe(*, call_id: UUID) -> bool:
    """Whether the notice was heard and not refused; without that proof nothing is written down."""
    return Call.objects.filter(id=call_id, transcript_state="on").exists()


def add_segment(
    *,
    call_id: UUID,
    speaker: str,
    start_ms: int,
    end_ms: int,
    text: str,
    confidence: float | None,
    now: datetime,
) -> TranscriptSegment | None:
    """Stores final text with the call's next sequence. None when the transcript is not allowed, or it is stored already.

    start_ms, end_ms: in the call's own time. confidence: [0, 1].
    """
    return _add(call_id, "speech", speaker, start_ms, end_ms, redact_cards(text), confidence, now)


def add_gap(*, call_id: UUID, start_ms: int, end_ms: int, now: datetime) -> TranscriptSegment | None:
    """Marks audio that did not arrive or could not be heard."""
    return _add(call_id, "gap", None, start_ms, end_ms, "", None, now)


def _add(
    call_id: UUID,
    kind: str,
    speaker: str | None,
    start_ms: int,
    end_ms: int,
    text: str,
    confidence: float | None,
    now: datetime,
) -> TranscriptSegment | None:
    try:
        with transaction.atomic():
            call = Call.objects.select_for_update().filter(id=call_id).first()
            if call is None or call.transcript_state != "on":
                return None
            return _store(call, kind, speaker, start_ms, end_ms, text, confidence, now)
    except IntegrityError:
        # The same stretch was stored by an attempt whose answer we did not see.
        return None


def _store(
    call: Call,
    kind: str,
    speaker: str | None,
    start_ms: int,
    end_ms: int,
    text: str,
    confidence: float | None,
    now: datetime,
) -> TranscriptSegment:
    segment = TranscriptSegment.objects.create(
        workspace_id=call.workspace_id,
        call=call,
        sequence=next_sequence(call),
        kind=kind,
        speaker=speaker,
        start_ms=start_ms,
        end_ms=max(start_ms, end_ms),
        text=text,
        confidence=confidence,
        created_at=now,
    )
    call.save(update_fields=["sequence"])
    event = SegmentAdded(call_id=call.id, sequence=segment.sequence, segment=queries.segment_out(segment))
    publish_on_commit(Topic.call(call.workspace_id, call.id), event)
    publish_on_commit(Topic.user(call.user_id), event)
    return segment


def finish_stream(*, stream_id: UUID, dropped_frames: int, complete: bool, now: datetime) -> None:
    """All speech of a stream is stored, or (complete=False) its socket was lost before the carrier said stop."""
    with transaction.atomic():
        stream = MediaStream.objects.select_for_update().filter(id=stream_id).first()
        if stream is None:
            return
        stream.dropped_frames = dropped_frames
        stream.stopped_at = stream.stopped_at or now
        if stream.state == "connected":
            stream.state = "finished" if complete else "lost"
        stream.save(update_fields=["dropped_frames", "stopped_at", "state"])
        wake.soon("analyse" if complete else "restart_stream", stream.call_id)


def _context(call: Call) -> str:
    """Names that the recogniser should expect."""
    names = [
        call.lead.first_name,
        call.lead.last_name,
        call.lead.company,
        call.user.first_name,
        call.user.last_name,
    ]
    return ", ".join(name for name in names if name)


def _ms(span: timedelta) -> int:
    return max(0, int(span.total_seconds() * 1000))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
