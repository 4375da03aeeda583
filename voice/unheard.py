"""What nobody heard of a call lies in marked gaps: its end, the beginning of whoever listens late, callbacks that never came. And what
comes late after all lies in none."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from voice import transcripts
from voice.arrivals import Arrivals, Hole, unsettled
from voice.models import Call, MediaStream, TranscriptSegment
from voice.transcripts import mark_gap

# For so long a sentence may have gone on after it was shown for the last time.
SPOKEN_ON_MS = 1_500


def mark_hole(*, call: Call, stream: MediaStream, hole: Hole, now: datetime) -> None:
    """A gap, since nobody knows what it was; the one behind the stream may be taken back, and so begins behind it."""
    start_ms = max(hole.said_from_ms, transcripts.proved_ms(call))
    behind = _marked_behind(call, stream)
    if behind is not None and behind.start_ms == start_ms and start_ms < hole.end_ms < behind.end_ms:
        transcripts.begin_later(call, behind, hole.end_ms, now)
    mark_gap(call=call, start_ms=start_ms, end_ms=hole.end_ms, now=now)


def mark_late_begin(*, call: Call, stream: MediaStream, until_ms: int, now: datetime) -> None:
    """The stream heard nothing before until_ms of the call's own time, although it was asked for before."""
    asked_ms = _ms(call, stream.connected_at or now)
    start_ms = transcripts.stored_until_ms(call, before_ms=asked_ms, but=stream)
    mark_gap(call=call, start_ms=start_ms, end_ms=until_ms, now=now)


def more_may_come(call: Call) -> bool:
    """Whether text of an ended call is awaited: somebody still listens, callbacks have not come, or words that were shown at its end
    have not come as final text."""
    until_ms = _ms(call, call.ended_at or call.created_at)
    return any(
        stream.state == "connected" or stream.holes or unsettled(transcripts.arrivals_of(stream).shown, until_ms)
        for stream in call.streams.all()
    )


def mark_unheard_end(*, call_id: UUID, now: datetime) -> None:
    """Marks what an ended call's last stream did not hear: it was lost before the end, or never came, or words that it had shown were
    never settled. Idempotent."""
    with transaction.atomic():
        call = Call.objects.select_for_update(of=("self",), no_key=True).get(id=call_id)
        if call.is_live or call.ended_at is None or call.answered_at is None:
            return
        call.streams.exclude(state="finished").update(state="lost")
        for stream in call.streams.exclude(holes=[]):
            for hole in transcripts.arrivals_of(stream).holes:
                mark_hole(call=call, stream=stream, hole=hole, now=now)
        call.streams.exclude(holes=[]).update(holes=[])
        newest = call.streams.filter(connected_at__isnull=False).order_by("-connected_at").first()
        began_at = call.media_started_at or transcripts.heard_from(call, call.ended_at)
        if newest is None or newest.state != "finished":
            end_ms = transcripts.span_ms(call.ended_at - began_at)
            start_ms = transcripts.stored_until_ms(call, before_ms=end_ms)
            mark_gap(call=call, start_ms=start_ms, end_ms=end_ms, now=now)
            return
        heard = transcripts.arrivals_of(newest)
        _mark_cut_off(call, heard, now)
        # The stream is the rep's leg's; while the lead hears alone why the call ends, nobody has to listen.
        agent = call.legs.filter(role="agent", ended_at__isnull=False).order_by("-id").first()
        until = min(call.ended_at, agent.ended_at or call.ended_at) if agent is not None else call.ended_at
        start_ms = transcripts.span_ms((newest.stopped_at or until) - began_at)
        end_ms = transcripts.span_ms(until - began_at)
        if end_ms - start_ms > transcripts.ENDED_TOGETHER_MS:
            mark_gap(call=call, start_ms=start_ms, end_ms=end_ms, now=now)


def _mark_cut_off(call: Call, heard: Arrivals, now: datetime) -> None:
    """What a stream had shown when it ended, and never settled; what others said behind that is written down."""
    proved_ms = transcripts.proved_ms(call)
    for begun_ms, shown_ms, _ in unsettled(heard.shown, heard.newest_ms):
        start_ms, end_ms = max(begun_ms, proved_ms), min(heard.newest_ms, shown_ms + SPOKEN_ON_MS)
        if not call.segments.filter(kind="gap", start_ms__lte=start_ms, end_ms__gte=end_ms).exists():
            mark_gap(call=call, start_ms=start_ms, end_ms=end_ms, now=now)


def take_back(*, call_id: UUID, stream_id: UUID, now: datetime) -> None:
    """What a transcription had understood before it ended, and is stored only now, is unheard no more: the gap that was marked from
    there to where the next one began to listen, or the call ended, begins later or goes. The caller has locked the call."""
    call = Call.objects.get(id=call_id)
    stream = call.streams.get(id=stream_id)
    stored_ms = transcripts.position_ms(stream)
    marked = _marked_behind(call, stream)
    if marked is not None and marked.start_ms < stored_ms:
        transcripts.begin_later(call, marked, stored_ms, now)


def _marked_behind(call: Call, stream: MediaStream) -> TranscriptSegment | None:
    """The gap from what the stream had stored to where the next one listens, or the call's end where none followed."""
    if stream.connected_at is None:
        return None
    next_one = call.streams.filter(connected_at__gt=stream.connected_at).order_by("connected_at").first()
    until = call.ended_at if next_one is None else next_one.connected_at
    if until is None:
        return None
    # It ends where the next one told that it began, which is a little after it was asked for.
    until_ms = _ms(call, until)
    across = call.segments.filter(kind="gap", start_ms__lt=until_ms, end_ms__gte=until_ms)
    return across.order_by("start_ms").first()


def _ms(call: Call, at: datetime) -> int:
    return transcripts.span_ms(at - (call.media_started_at or at))
