"""Two media streams of one call hear the same for a while: from where the newer one hears, it alone writes down."""

from dataclasses import replace
from uuid import UUID

from voice import refusals
from voice.heard import Heard
from voice.models import Call, MediaStream


def taken_ms(call: Call, stream_id: UUID | None) -> int | None:
    """From when on, in the call's own time, a newer stream than this one hears; None while none does."""
    if stream_id is None or call.media_started_at is None:
        return None
    own = MediaStream.objects.filter(id=stream_id).values("connected_at")
    newer = call.streams.filter(connected_at__gt=own).order_by("connected_at")
    taken_at = newer.values_list("connected_at", flat=True).first()
    if taken_at is None:
        return None
    return max(0, int((taken_at - call.media_started_at).total_seconds() * 1000))


def own_part(heard: Heard, taken_ms: int | None) -> Heard | None:
    """What of it the stream writes down itself, which ends there at the latest; None where the newer one hears all of it.

    A word that was begun before then is the older stream's, which alone heard how it began. Where the words cannot be told apart the
    text is kept as a whole: to read a few words twice is better than to miss them.
    """
    if taken_ms is None or heard.end_ms <= taken_ms:
        return heard
    begun_ms = max(heard.start_ms, heard.words[0].start_ms) if heard.words else heard.start_ms
    if begun_ms >= taken_ms:
        return None
    return begun_before(heard, taken_ms) or replace(heard, end_ms=taken_ms)


def begun_before(heard: Heard, at_ms: int) -> Heard | None:
    """Its words that were begun before then; None where it cannot be cut there: the words' times are not known, or on one side there are
    none, or a card number or the wish not to be called would be in neither part."""
    parts = heard.cut([(heard.start_ms, at_ms), (at_ms, heard.end_ms)])
    if len(parts) < 2 or heard.without_cards(is_asked_for=True) is not heard:
        return None
    is_wish_cut = refusals.found(heard.speaker, heard.text) is not None and not any(
        refusals.found(part.speaker, part.text) for part in parts
    )
    return None if is_wish_cut else parts[0]
