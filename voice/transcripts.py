"""Media streams and transcript segments: issuing one-use tokens, storing final text, marking gaps."""

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import ClassVar
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Q

from ai.listening.transcriber import MAX_CONTEXT_CHARACTERS, Word
from compliance import restriction
from compliance.spoken_cards import began_before, begins_with_digits
from processors.errors import DomainError
from voice import leaving, refusals, taken_over, wake
from voice.arrivals import Arrivals, unsettled_from_ms
from voice.asked_for import NUMBER_SPOKEN_WITHIN_MS, is_card_asked_for, without_cards
from voice.changes import next_sequence, publish_segment
from voice.events import SegmentAdded
from voice.heard import Heard
from voice.models import Call, MediaStream, TranscriptSegment

# Of these calls nothing is heard any more.
UNWANTED = ("refused", "expired")
# A stream that the carrier has ended ends a little before its call does, by clocks that differ a little.
ENDED_TOGETHER_MS = 2_000
# A shorter stretch without text is no gap: streams begin and end a moment beside the conversation.
GAP_LEAST_MS = 500
TOKEN_VALID_S = 4 * 3600
NUMBER_UTTERANCES_MAX = 19


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
    """A token that opens one media socket for this call, once; earlier ones that nobody used open none any more.

    Only its hash is stored.
    """
    call.streams.filter(state="issued").update(state="lost", stopped_at=now)
    token = secrets.token_urlsafe(32)
    MediaStream.objects.create(workspace_id=call.workspace_id, call=call, token_hash=_hash(token), issued_at=now)
    return token


def claim_stream(*, token: str, stream_sid: str, call_sid: str, now: datetime) -> OpenStream:
    """Binds a media socket to its call. The newest stream of a call wins; the missing stretch becomes a gap.

    :raises StreamRefused: unknown or used token, or a call that is over or of which nothing is to be written down.
    """
    with transaction.atomic():
        claimed = MediaStream.objects.filter(
            token_hash=_hash(token),
            state="issued",
            issued_at__gte=now - timedelta(seconds=TOKEN_VALID_S),
        ).update(state="connected", stream_sid=stream_sid[:34], connected_at=now, seen_at=now)
        if not claimed:
            raise StreamRefused("The media stream's token is unknown or was used before.")
        stream = MediaStream.objects.get(token_hash=_hash(token))
        locked = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user", "workspace")
        call = locked.get(id=stream.call_id)
        if not call.is_live or not call.legs.filter(sid=call_sid, role="agent").exists():
            raise StreamRefused("The media stream belongs to no call that is going on.")
        if call.transcript_state in UNWANTED:
            raise StreamRefused("Of the media stream's call nothing is to be written down.")
        offset_ms = connect(call=call, stream=stream, at=now)
        return OpenStream(stream.id, call.id, call.workspace_id, offset_ms, _context(call))


def connect(*, call: Call, stream: MediaStream, at: datetime) -> int:
    """The stream hears the call from now on, in the place of older ones; returns where that lies in the call's own time.

    The caller has locked the call. What nobody heard before becomes a gap.
    """
    if call.media_started_at is None:
        call.media_started_at = heard_from(call, at)
        call.save(update_fields=["media_started_at"])
    offset_ms = span_ms(at - call.media_started_at)
    stored_ms = stored_until_ms(call, before_ms=offset_ms, but=stream)
    mark_gap(call=call, start_ms=stored_ms, end_ms=offset_ms, now=at)
    call.streams.filter(state="connected").exclude(id=stream.id).update(state="lost", stopped_at=at)
    stream.connected_at, stream.settled_ms = at, offset_ms
    stream.save(update_fields=["connected_at", "settled_ms"])
    return offset_ms


def heard_from(call: Call, now: datetime) -> datetime:
    """Where the call's own time begins: with its first media, or with the conversation when that began before."""
    proved_at = _proved_at(call)
    return min(now, proved_at) if proved_at is not None else now


def _proved_at(call: Call) -> datetime | None:
    """When the proof came that the lead heard the notice. They heard its last word a second before; then both are joined."""
    return call.callbacks.filter(kind="played").order_by("received_at").values_list("received_at", flat=True).first()


def proved_ms(call: Call) -> int:
    """Where that lies in the call's own time: what was said before is not kept."""
    proved_at = _proved_at(call)
    if proved_at is None or call.media_started_at is None:
        return 0
    return span_ms(proved_at - call.media_started_at)


def stored_until_ms(call: Call, *, before_ms: int, but: MediaStream | None = None) -> int:
    """Up to where the call's speech is stored, as its newest stream knows; behind what is marked as lost from there on until some time
    before before_ms."""
    streams = call.streams.filter(connected_at__isnull=False)
    if but is not None:
        streams = streams.exclude(id=but.id)
    newest = streams.order_by("-connected_at").first()
    stored_ms = position_ms(newest) if newest is not None else 0
    return _lost_until_ms(call, max(stored_ms, proved_ms(call)), before_ms)


def _lost_until_ms(call: Call, start_ms: int, before_ms: int) -> int:
    """Where the gaps end that begin there, one behind another: another gap begins behind them, and may be taken back without them."""
    lost = call.segments.filter(kind="gap", end_ms__lt=before_ms)
    while (gap := lost.filter(start_ms=start_ms, end_ms__gt=start_ms).first()) is not None:
        start_ms = gap.end_ms
    return start_ms


def position_ms(stream: MediaStream) -> int:
    """Up to where all that the stream heard is stored: the one may have finished a sentence while the other was in the middle of one."""
    return unsettled_from_ms(arrivals_of(stream).shown, stream.settled_ms)


def arrivals_of(stream: MediaStream) -> Arrivals:
    return Arrivals.read(stream.heard_sequence, stream.heard_ms, stream.holes, stream.shown)


def mark_gap(*, call: Call, start_ms: int, end_ms: int, now: datetime) -> None:
    """A stretch of which nobody knows what was said, unless it is too short to matter. The caller has locked the call.

    What was said before the notice was heard would not have been kept either, so it begins no sooner.
    """
    if call.transcript_state != "on" or end_ms - start_ms < GAP_LEAST_MS:
        return
    start_ms = max(start_ms, proved_ms(call))
    if end_ms - start_ms >= GAP_LEAST_MS:
        _store_gap(call, start_ms, end_ms, now)


def keep_streams(*, positions_ms: Mapping[UUID, int], now: datetime) -> frozenset[UUID]:
    """The sign of life of all streams of a media process; those of them that were neither given up nor replaced, of calls that
    are to be written down.

    positions_ms: for each stream, in its call's own time, up to where everything said is stored.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE voice_mediastream AS stream SET seen_at = %s, settled_ms = said.settled_ms
            FROM unnest(%s::uuid[], %s::int[]) AS said (id, settled_ms), voice_call AS call
            WHERE stream.id = said.id AND stream.state = 'connected'
                AND call.id = stream.call_id AND call.transcript_state <> ALL(%s)
            RETURNING stream.id
            """,
            [now, list(positions_ms), list(positions_ms.values()), list(UNWANTED)],
        )
        return frozenset(row[0] for row in cursor.fetchall())


def shown_calls(*, call_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those calls whose words may be shown while they are spoken: the notice was heard and not refused, and neither speaker has
    restricted the use of theirs."""
    calls = Call.objects.filter(id__in=call_ids, transcript_state="on")
    held = restriction.covered()
    return frozenset(calls.exclude(lead_id__in=held).exclude(user_id__in=held).values_list("id", flat=True))


def written_from_ms(*, call_id: UUID) -> int:
    """From when on, in the call's own time, a call that may be written down is."""
    return proved_ms(Call.objects.get(id=call_id))


def add_segment(
    *, call_id: UUID, heard: Heard, now: datetime, stream_id: UUID | None = None
) -> TranscriptSegment | None:
    """Stores final text with the call's next sequence.

    None when the transcript is not allowed, when it is stored already, when a newer stream than `stream_id` hears all of it,
    when it is what the carrier says to the rep after the lead has left, or when it was begun before the lead had heard the notice: which of its words came before that nobody can tell surely, so
    that the rest of it is marked as a gap. Where it ends a card number that the speaker began before, it takes the place of
    what was stored of that. What a newer stream hears of it is left to that one.
    """

    def put(call: Call, taken_ms: int | None) -> TranscriptSegment | None:
        own = taken_over.own_part(heard, taken_ms)
        if own is None:
            return None
        if own.start_ms < (begins_ms := proved_ms(call)):
            mark_gap(call=call, start_ms=begins_ms, end_ms=own.end_ms, now=now)
            return None
        said = leaving.without_the_carrier(call, own)
        return _store_whole(call, said, now) if said is not None else None

    return write_down(call_id, stream_id, heard.start_ms, put)


def _store_whole(call: Call, heard: Heard, now: datetime) -> TranscriptSegment:
    """A number is spoken in groups with pauses between them, which end utterances."""
    if heard.speaker is None or not begins_with_digits(heard.text):
        return store(call, heard, now)
    lately = call.segments.filter(
        kind="speech",
        speaker=heard.speaker,
        start_ms__lt=heard.start_ms,
        start_ms__gte=heard.start_ms - NUMBER_SPOKEN_WITHIN_MS,
    )
    before = list(lately.order_by("-start_ms")[:NUMBER_UTTERANCES_MAX])[::-1]
    asked = is_card_asked_for(call, heard)
    count = began_before([one.text for one in before], heard.text, is_asked_for=asked)
    if not count:
        return store(call, heard, now)
    gone = before[-count:]
    call.segments.filter(id__in=[one.id for one in gone]).delete()
    text = " ".join([*(one.text for one in gone), heard.text])
    whole = replace(heard, start_ms=gone[0].start_ms, text=text, words=())
    return store(call, whole, now, gone=gone)


def _replaced_by(gone: Iterable[TranscriptSegment]) -> list[UUID]:
    """With those that they had replaced themselves: a browser may have missed the step between."""
    return list(dict.fromkeys(each for one in gone for each in (*one.replaces, one.id)))


def add_gap(
    *, call_id: UUID, start_ms: int, end_ms: int, now: datetime, stream_id: UUID | None = None
) -> TranscriptSegment | None:
    """Marks audio that did not arrive or could not be heard; None in the same cases, and where it is missing because the lead left."""

    def put(call: Call, taken_ms: int | None) -> TranscriptSegment | None:
        # The carrier's sound on the lead's track ends with them, a little before we hear of it; the rep is heard for longer.
        left_ms = leaving.left_ms(call)
        if left_ms is not None and left_ms - ENDED_TOGETHER_MS <= start_ms and left_ms < end_ms:
            return None
        missed_ms = end_ms if taken_ms is None else min(end_ms, taken_ms)
        # What was said before the notice was heard would not have been kept either.
        begun_ms = max(start_ms, proved_ms(call))
        if begun_ms >= missed_ms:
            return None
        behind = _marked_behind(call, stream_id) if stream_id is not None else None
        if behind is not None and behind.start_ms == begun_ms and missed_ms < behind.end_ms:
            # So much is lost for good; the rest may have been heard all the same.
            call.segments.filter(id=behind.id).delete()
            store(call, Heard(None, missed_ms, behind.end_ms), now, gone=[behind])
        return _store_gap(call, begun_ms, missed_ms, now)

    return write_down(call_id, stream_id, start_ms, put)


def _store_gap(call: Call, start_ms: int, end_ms: int, now: datetime) -> TranscriptSegment | None:
    """The same gap is marked once; one that begins like another and ends later takes its place."""
    marked = call.segments.filter(kind="gap", start_ms=start_ms).first()
    if marked is None:
        return store(call, Heard(None, start_ms, end_ms), now)
    if marked.end_ms >= end_ms:
        return None
    call.segments.filter(id=marked.id).delete()
    return store(call, Heard(None, start_ms, end_ms), now, gone=[marked])


def write_down(
    call_id: UUID,
    stream_id: UUID | None,
    start_ms: int,
    store: Callable[[Call, int | None], TranscriptSegment | None],
) -> TranscriptSegment | None:
    """Has something stored that began then, unless a newer stream hears it. store(call, taken_ms): taken_ms as in `taken_over`, for what
    ends behind that."""
    try:
        with transaction.atomic():
            call = Call.objects.select_for_update(no_key=True).filter(id=call_id).first()
            if call is None or call.transcript_state != "on":
                return None
            taken_ms = taken_over.taken_ms(call, stream_id)
            return None if taken_ms is not None and taken_ms <= start_ms else store(call, taken_ms)
    except IntegrityError:
        # The same stretch was stored by an attempt whose answer we did not see.
        return None


def store(call: Call, heard: Heard, now: datetime, *, gone: Sequence[TranscriptSegment] = ()) -> TranscriptSegment:
    """gone: the deleted segments whose place it takes."""
    said = without_cards(call, heard)
    before = next((one.refusal for one in gone if one.refusal == "dismissed"), None)
    segment = TranscriptSegment.objects.create(
        workspace_id=call.workspace_id,
        call=call,
        sequence=next_sequence(call),
        kind="gap" if said.speaker is None else "speech",
        speaker=said.speaker,
        start_ms=said.start_ms,
        end_ms=max(said.start_ms, said.end_ms),
        text=said.text,
        confidence=said.confidence,
        words=said.kept_words(),
        replaces=_replaced_by(gone),
        refusal=refusals.found(said.speaker, said.text, before=before),
        created_at=now,
    )
    call.save(update_fields=["sequence"])
    publish_segment(call, segment, SegmentAdded)
    if call.analysis_state != "none":
        # Words that came later than an ended call's words may: what was understood without them is understood anew.
        Call.objects.filter(id=call.id).update(analysis_state="none")
    return segment


def finish_stream(
    *, stream_id: UUID, dropped_frames: int, complete: bool, now: datetime, settled_ms: int | None = None
) -> None:
    """The stream is over. complete: the carrier said stop and all its speech is stored; else its socket was lost.

    settled_ms: as in `keep_streams`.
    """
    with transaction.atomic():
        # The call before its streams, as everybody locks them.
        call = Call.objects.select_for_update(of=("self",), no_key=True).filter(streams__id=stream_id).first()
        stream = MediaStream.objects.select_for_update().filter(id=stream_id).first()
        if call is None or stream is None:
            return
        if stream.state == "lost" and settled_ms is not None and call.transcript_state == "on":
            _take_back_behind(call, stream, settled_ms, now)
        stream.dropped_frames = dropped_frames
        stream.stopped_at = stream.stopped_at or now
        if stream.state == "connected":
            stream.state = "finished" if complete else "lost"
        if settled_ms is not None:
            stream.settled_ms = settled_ms
        stream.save(update_fields=["dropped_frames", "stopped_at", "state", "settled_ms"])
        wake.soon("analyse" if complete else "restart_stream", stream.call_id)


def _take_back_behind(call: Call, stream: MediaStream, settled_ms: int, now: datetime) -> None:
    """What a stream has stored although it had been given up, because its process could not say that it lives, is unheard no
    more: the gap that was marked behind it begins where it ended, or goes."""
    marked = _marked_behind(call, stream.id)
    if marked is not None and marked.start_ms < settled_ms:
        begin_later(call, marked, settled_ms, now)


def begin_later(call: Call, marked: TranscriptSegment, start_ms: int, now: datetime) -> None:
    """The gap that was marked begins then, or goes: what it held before was heard after all. The caller has locked the call."""
    start_ms = _lost_until_ms(call, start_ms, marked.end_ms)
    if marked.end_ms - start_ms >= GAP_LEAST_MS:
        gone = list(call.segments.filter(Q(id=marked.id) | Q(kind="gap", start_ms=start_ms)))
        call.segments.filter(id__in=[one.id for one in gone]).delete()
        store(call, Heard(None, start_ms, max(one.end_ms for one in gone)), now, gone=gone)
        return
    call.segments.filter(id=marked.id).delete()
    within = call.segments.filter(kind="speech", start_ms__gte=marked.start_ms, start_ms__lt=marked.end_ms)
    if (text := within.filter(corrected_at__isnull=True).order_by("-start_ms").first()) is not None:
        # A page that shows the gap learns from what takes its place that it has gone; without any it learns when it is opened anew.
        call.segments.filter(id=text.id).delete()
        store(call, _heard_of(text), now, gone=[marked, text])


def _marked_behind(call: Call, stream_id: UUID) -> TranscriptSegment | None:
    """The gap between a stream that was given up and the next one, or the call's end where none followed."""
    stream = call.streams.get(id=stream_id)
    if stream.state != "lost" or stream.connected_at is None or call.media_started_at is None:
        return None
    next_one = call.streams.filter(connected_at__gt=stream.connected_at).order_by("connected_at").first()
    until = call.ended_at if next_one is None else next_one.connected_at
    if until is None:
        return None
    until_ms = span_ms(until - call.media_started_at)
    marked = call.segments.filter(kind="gap", end_ms=until_ms, start_ms__gte=stream.settled_ms)
    return marked.order_by("start_ms").first()


def _heard_of(segment: TranscriptSegment) -> Heard:
    words = [Word(*word) for word in segment.words]
    return Heard(segment.spoken_by, segment.start_ms, segment.end_ms, segment.text, segment.confidence, words)


def _context(call: Call) -> str:
    """Names that the recogniser should expect, those of the people first; as many whole ones as it takes."""
    names = [
        call.lead.first_name,
        call.lead.last_name,
        call.lead.company,
        call.user.first_name,
        call.user.last_name,
        call.workspace.name,
    ]
    context = ", ".join(name for name in names if name)
    return (
        context if len(context) <= MAX_CONTEXT_CHARACTERS else context[: MAX_CONTEXT_CHARACTERS + 1].rpartition(", ")[0]
    )


def span_ms(span: timedelta) -> int:
    return max(0, int(span.total_seconds() * 1000))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
