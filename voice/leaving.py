"""When the lead left the call. The rep's leg goes on for as long as the carrier tells why it ends, and it is heard on the lead's track."""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q

from voice.heard import Heard
from voice.models import Call
from voice.state import CLOSING_AT_S


def left_ms(call: Call) -> int | None:
    """From when on, in the call's own time, the lead is there no more; None while that is not known.

    The news is stored before the carrier is told what to say, so that its sentence always begins later.
    """
    news = call.callbacks.filter(kind="after").order_by("received_at")
    left_at = news.values_list("received_at", flat=True).first()
    if left_at is None or call.media_started_at is None:
        return None
    return max(0, int((left_at - call.media_started_at).total_seconds() * 1000))


def without_the_carrier(call: Call, heard: Heard) -> Heard | None:
    """What of it the lead or the rep said; None where all of it is the carrier's sentence."""
    if heard.speaker != "callee" or not (call.closes or call.shut_out):
        return heard
    left = left_ms(call)
    if left is None or heard.end_ms <= left:
        return heard
    begun_ms = max(heard.start_ms, heard.words[0].start_ms) if heard.words else heard.start_ms
    return None if begun_ms >= left else heard.cut([(heard.start_ms, left), (left, heard.end_ms)])[0]


def of_carrier_alone(*, call_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those calls on whose lead's track nobody speaks any more but the carrier."""
    calls = Call.objects.filter(
        Q(shut_out=True) | Q(warned_at_s=CLOSING_AT_S), id__in=call_ids, callbacks__kind="after"
    )
    return frozenset(calls.values_list("id", flat=True))
