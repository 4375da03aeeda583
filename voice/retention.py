"""Removing what was said in calls when its term is over, with all that was understood from it. The call and its charge stay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from ai import forgetting as ai
from compliance import pace, restriction, sealing
from compliance.retention import Rule, delete_rows
from compliance.stores import batched
from voice import holding
from voice.changes import publish_calls
from voice.models import (
    TERMINAL_STATUSES,
    TEXTLESS_STATES,
    Call,
    LimitMark,
    QueueSession,
    TranscriptRefusal,
    TranscriptSegment,
)
from voice.sweeps import one_by_one

CALLS_AT_ONCE_MAX: Final = 500
# In one transaction, so that none takes long.
_CALLS_TOGETHER: Final = 20
_HAS_TEXT: Final = Exists(TranscriptSegment.objects.get_queryset().filter(call_id=OuterRef("id")))


def _written() -> QuerySet[Call]:
    """Calls that are over and of which text is left."""
    over = Call.objects.get_queryset().filter(status__in=TERMINAL_STATUSES)
    over = over.exclude(transcript_state__in=TEXTLESS_STATES)
    # Under restriction it is kept until somebody decides.
    over = over.exclude(lead_id__in=restriction.covered()).exclude(user_id__in=restriction.covered())
    return over.filter(_HAS_TEXT)


def _expire_texts(ids: Sequence[UUID], now: datetime) -> int:
    """Many calls in a few statements. One whose text cannot be removed now holds up no other; it stays due."""
    with pace.committed_later():
        for some in batched(ids, _CALLS_TOGETHER):
            with pace.paced():
                _expire_together(some, now)
    return len(ids)


def _expire_together(ids: Sequence[UUID], now: datetime) -> None:
    try:
        _expire(ids, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        one_by_one("expire text", ids, lambda call_id: _expire([call_id], now))


def _expire(ids: Sequence[UUID], now: datetime) -> None:
    with transaction.atomic():
        rows = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user", "ended_by")
        calls = list(rows.filter(id__in=ids).order_by("id"))
        # What a hold covers goes as all else, and nobody but who produces it for the order reads it from then on.
        sealing.keep(holding.text_copies(Call.objects.get_queryset().filter(id__in=ids)), now=now)
        ai.expire_calls(call_ids=ids, now=now)
        TranscriptSegment.objects.get_queryset().filter(call_id__in=ids).delete()
        for call in calls:
            # Late news of its text find nothing to write to any more, and nobody understands it anew.
            call.transcript_state, call.analysis_state = "expired", "done"
        publish_calls(calls, now=now, changed=["transcript_state", "analysis_state"])


RETENTION: Final = (
    # What search and insights are made of goes in the same transaction as the text that they were made from.
    Rule(
        "transcript",
        ("voice.TranscriptSegment", "ai.IndexedCall", "ai.Passage", "ai.Insight"),
        _written,
        "ended_at",
        _expire_texts,
        workspace="workspace_id",
        at_once_max=CALLS_AT_ONCE_MAX,
    ),
    Rule(
        "dial_queue",
        ("voice.QueueSession", "voice.Reservation"),
        lambda: QueueSession.objects.get_queryset().filter(ended_at__isnull=False),
        "ended_at",
        delete_rows(QueueSession),
        workspace="workspace_id",
    ),
    Rule(
        "call_limit",
        ("voice.LimitMark",),
        lambda: LimitMark.objects.get_queryset(),
        "at",
        delete_rows(LimitMark),
    ),
    Rule(
        "suppression",
        ("voice.TranscriptRefusal",),
        lambda: TranscriptRefusal.objects.get_queryset(),
        "refused_at",
        delete_rows(TranscriptRefusal),
        is_renewed=True,
    ),
)
