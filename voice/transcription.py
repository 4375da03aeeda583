"""Twilio's Real-Time Transcription in the place of our own engines: its words come by webhook and are kept as ours are.

Its callbacks come in any order and any number. They tell when something was said, but not from when on, and no words'
times. So nothing is held back: each final text is placed by Twilio's own time, its beginning is estimated from its length,
and where it comes between two that are there already, the later one's estimate is put right.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from compliance.spoken_cards import redact_spoken_cards
from realtime.publish import Topic, publish_ephemeral
from voice import leaving, transcripts, twilio, unheard, wake
from voice.arrivals import Arrivals, Words
from voice.changes import next_sequence, publish_segment
from voice.events import SegmentChanged, SegmentInterim
from voice.heard import Heard
from voice.models import Call, Callback, MediaStream
from voice.transcription_events import Content, Event

logger = logging.getLogger(__name__)

ENGINE = "twilio"
# Two hundred words a minute, as people talk on the telephone between two pauses.
MS_PER_WORD = 300
# Twilio repeats a callback within fifteen seconds; what has not come by then is lost.
MISSING_AFTER = timedelta(seconds=20)


def issue(*, call: Call, now: datetime) -> MediaStream:
    """A transcription that Twilio is about to be asked for; earlier ones that have said nothing are given up."""
    call.streams.filter(state="issued").update(state="lost", stopped_at=now)
    return MediaStream.objects.create(workspace_id=call.workspace_id, call=call, engine=ENGINE, issued_at=now)


def hear(*, call_id: UUID, stream_id: UUID, said: Content, now: datetime) -> None:
    """Shows interim text and stores final text, once, whatever order the callbacks come in.

    Without the proof that the notice was heard neither is shown or kept. Final text is stored in the transcript and nowhere
    else; in the transaction that stores it the callback is noted without its words.
    """
    try:
        if not _listens(call_id=call_id, stream_id=stream_id, event=said, now=now):
            # Superseded before it said anything, or refused: whoever speaks there must be heard no more.
            _have_it_stopped(stream_id, call_id, said)
        elif said.final:
            _store(call_id, stream_id, said, now)
        else:
            _show(stream_id, said)
    except (Call.DoesNotExist, MediaStream.DoesNotExist):
        # Erased a moment ago, and its words with it.
        return


def _listens(*, call_id: UUID, stream_id: UUID, event: Event, now: datetime) -> bool:
    """Whether this transcription is the call's; the first callback of it, whichever that is, connects it."""
    stream = MediaStream.objects.select_related("call").get(id=stream_id)
    call = stream.call
    if stream.state == "issued":
        with transaction.atomic():
            call = _locked(call_id)
            stream = call.streams.select_for_update().get(id=stream_id)
            if stream.state == "issued":
                _connect(call, stream, event, now)
    return stream.connected_at is not None and call.transcript_state != "refused"


def _have_it_stopped(stream_id: UUID, call_id: UUID, event: Event) -> None:
    MediaStream.objects.filter(id=stream_id).update(stream_sid=event.transcription_sid)
    wake.soon("stop_transcription", call_id)


def _connect(call: Call, stream: MediaStream, event: Event, now: datetime) -> None:
    stream.state, stream.stream_sid, stream.seen_at = "connected", event.transcription_sid, now
    # From when it was asked for, so that the times are the same whichever callback comes first.
    stream.heard_ms = transcripts.connect(call=call, stream=stream, at=stream.issued_at)
    stream.save(update_fields=["state", "stream_sid", "seen_at", "heard_ms"])


def _locked(call_id: UUID) -> Call:
    return Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user").get(id=call_id)


def _call_ms(call: Call, at: datetime) -> int:
    return max(0, int((at - (call.media_started_at or at)).total_seconds() * 1000))


def _take(stream: MediaStream, call: Call, event: Event) -> None:
    """Notes which callback came; the caller has locked the stream."""
    at_ms = _call_ms(call, event.at)
    words = _words(call, event, at_ms) if isinstance(event, Content) else None
    arrivals = transcripts.arrivals_of(stream).take(event.sequence, at_ms, words)
    # What is missing from before the notice was heard would not have been kept either.
    _save_arrivals(stream, arrivals if call.transcript_state == "on" else replace(arrivals, holes=()))


def _words(call: Call, said: Content, at_ms: int) -> Words | None:
    """None where they are the carrier's sentence, whose final text nobody misses."""
    count = len(said.text.split())
    begun_ms = max(0, at_ms - MS_PER_WORD * count)
    heard = Heard(said.speaker, begun_ms, at_ms, said.text)
    if not said.final and leaving.without_the_carrier(call, heard) is None:
        return None
    return Words(said.track, count, begun_ms, said.final)


def _save_arrivals(stream: MediaStream, arrivals: Arrivals) -> None:
    stream.heard_sequence, stream.heard_ms = arrivals.highest, arrivals.newest_ms
    stream.holes, stream.shown = arrivals.rows()
    stream.save(update_fields=["heard_sequence", "heard_ms", "holes", "shown"])


def _show(stream_id: UUID, said: Content) -> None:
    with transaction.atomic():
        stream = MediaStream.objects.select_for_update(of=("self",)).select_related("call").get(id=stream_id)
        call, end_ms = stream.call, _call_ms(stream.call, said.at)
        is_news = end_ms >= stream.heard_ms and stream.state == "connected"
        _take(stream, call, said)
    if not is_news or not said.text or not transcripts.shown_calls(call_ids=[call.id]):
        return
    # It begins behind the settled text, or a page would take it for old news.
    settled_ms = call.segments.filter(kind="speech", speaker=said.speaker).aggregate(ms=Max("end_ms"))["ms"] or 0
    proved_ms = transcripts.proved_ms(call)
    start_ms = max(settled_ms, _begun_ms(said, end_ms, proved_ms))
    shown = leaving.without_the_carrier(call, Heard(said.speaker, start_ms, end_ms, said.text))
    if shown is not None and proved_ms <= start_ms < end_ms:
        interim = SegmentInterim(
            call_id=call.id,
            speaker=said.speaker,
            text=redact_spoken_cards(said.text),
            start_ms=start_ms,
            end_ms=end_ms,
        )
        publish_ephemeral(Topic.call(call.workspace_id, call.id), interim)


def _store(call_id: UUID, stream_id: UUID, said: Content, now: datetime) -> None:
    with transaction.atomic():
        call = _locked(call_id)
        stream = call.streams.select_for_update().get(id=stream_id)
        if not _note(call, said, now):
            return
        _take(stream, call, said)
        if not said.text or call.transcript_state != "on":
            return
        start_ms, end_ms = _place(call, said, now)
        stored = transcripts.add_segment(
            call_id=call.id,
            stream_id=stream.id,
            heard=Heard(said.speaker, start_ms, end_ms, said.text, said.confidence),
            now=now,
        )
        is_over = stream.state != "connected"
        if stored is None and is_over:
            return
        stream.settled_ms = max(stream.settled_ms, end_ms)
        stream.save(update_fields=["settled_ms"])
        if is_over:
            unheard.take_back(call_id=call.id, stream_id=stream.id, now=now)


def _note(call: Call, said: Content, now: datetime) -> bool:
    """Keeps the callback without its words; False when it was there already."""
    signal = (str(call.id), said.transcription_sid, said.track, str(said.sequence))
    _, is_new = Callback.objects.get_or_create(
        dedupe_key=":".join(("transcript", *signal)),
        defaults={
            "workspace_id": call.workspace_id,
            "call": call,
            "kind": "transcript",
            "sid": said.transcription_sid,
            "params": {"TranscriptionEvent": "transcription-content", "SequenceId": said.sequence, "Track": said.track},
            "received_at": now,
            "applied_at": now,
        },
    )
    return is_new


def _begun_ms(said: Content, end_ms: int, proved_ms: int) -> int:
    """An estimate. The lead is joined to the rep behind the notice: what ends after it, they began no sooner."""
    begun_ms = end_ms - MS_PER_WORD * max(1, len(said.text.split()))
    return max(begun_ms, min(proved_ms, end_ms - 1)) if said.speaker == "callee" else begun_ms


def _place(call: Call, said: Content, now: datetime) -> tuple[int, int]:
    """From when to when this was said: between what the same person said before and after it, by Twilio's times."""
    own = call.segments.filter(kind="speech", speaker=said.speaker)
    end_ms = _call_ms(call, said.at)
    before = own.filter(end_ms__lte=end_ms).order_by("-end_ms").first()
    earliest_ms = before.end_ms if before is not None else 0
    end_ms = max(end_ms, earliest_ms + 1)
    start_ms = max(earliest_ms, _begun_ms(said, end_ms, transcripts.proved_ms(call)))
    # Only where an own engine's exact times and these estimates meet can two begin at once.
    while own.filter(start_ms=start_ms).exists():
        start_ms += 1
    end_ms = max(end_ms, start_ms + 1)
    after = own.filter(end_ms__gt=end_ms, start_ms__lt=end_ms, words=[]).order_by("end_ms").first()
    if after is not None:
        after.start_ms, after.sequence = end_ms, next_sequence(call)
        after.save(update_fields=["start_ms", "sequence"])
        call.save(update_fields=["sequence"])
        publish_segment(call, after, SegmentChanged)
    return start_ms, end_ms


def observe(*, call: Call, stream_id: UUID, event: Event, now: datetime) -> None:
    """Twilio said that its transcription began, ended or failed; the caller has locked the call."""
    stream = call.streams.select_for_update().filter(id=stream_id).first()
    if stream is None:
        return
    if event.kind == "error":
        logger.warning("transcription failed at the carrier", extra={"call_id": str(call.id)})
        if stream.connected_at is not None:
            _take(stream, call, event)
        if stream.state in ("issued", "connected"):
            stream.state, stream.stopped_at = "lost", event.at
            stream.save(update_fields=["state", "stopped_at"])
            if call.is_live:
                wake.soon("restart_stream", call.id)
        return
    if stream.state == "lost" and stream.connected_at is None:
        # Another one has its place.
        _have_it_stopped(stream_id, call.id, event)
        return
    if stream.state == "issued":
        _connect(call, stream, event, now)
    _take(stream, call, event)
    if event.kind == "started":
        # It listens from now on, however long ago it was asked for.
        unheard.mark_late_begin(call=call, stream=stream, until_ms=_call_ms(call, event.at), now=now)
    if event.kind == "stopped" and stream.stopped_at is None:
        stream.state, stream.stopped_at = "finished", event.at
        stream.save(update_fields=["state", "stopped_at"])
        wake.soon("analyse", call.id)


def stop_unwanted(*, call_id: UUID, now: datetime) -> None:
    """Ends, at Twilio, the transcriptions of a call whose lead refused, and those whose place was taken before they began."""
    call = Call.objects.get(id=call_id)
    agent = call.legs.filter(role="agent").last()
    ours = call.streams.filter(engine=ENGINE)
    superseded = ours.filter(state="lost", connected_at__isnull=True, stream_sid__isnull=False)
    refused = ours.filter(state__in=("issued", "connected")) if call.transcript_state == "refused" else ours.none()
    if agent is None or not call.is_live:
        return
    for stream in [*refused, *superseded]:
        try:
            stopped = twilio.stop_transcription(sid=agent.sid, transcription=stream.stream_sid or str(stream.id))
        except (twilio.CarrierSilent, twilio.CarrierRefused) as error:
            logger.warning("transcription not stopped", extra={"call_id": str(call_id), "error_code": error.code})
            continue
        still_listens = MediaStream.objects.filter(id=stream.id, state__in=("issued", "connected"))
        still_listens.update(state="finished" if stopped else "lost", stopped_at=now)


def mark_missing(*, stream_id: UUID, now: datetime) -> None:
    """Marks what Twilio's callbacks left out, once it cannot come any more."""
    with transaction.atomic():
        call = _locked(MediaStream.objects.values_list("call_id", flat=True).get(id=stream_id))
        stream = call.streams.select_for_update().get(id=stream_id)
        arrivals, given_up = transcripts.arrivals_of(stream).give_up(before_ms=_call_ms(call, now - MISSING_AFTER))
        for hole in given_up:
            unheard.mark_hole(call=call, stream=stream, hole=hole, now=now)
        _save_arrivals(stream, arrivals)
