"""Asks Paddle what happened, beside what it tells: a notification can be given up before anybody was there to take it."""

import logging
from datetime import datetime, timedelta
from typing import Final

from ledger import paddle_list
from ledger.models import PaddleEvent, PaddleLook
from ledger.operations.paddle_events import HANDLED_TYPES, take
from ledger.paddle import Notification

logger = logging.getLogger(__name__)

EVERY: Final = timedelta(minutes=10)
RETRY: Final = timedelta(minutes=1)
# For so long Paddle repeats a notification, so of older events everybody has heard before the first look.
FIRST: Final = timedelta(days=3)
# What happened just now is still on its way as a notification.
ON_ITS_WAY: Final = timedelta(minutes=1)
# Clocks differ, and an event may enter the list later than it happened.
OVERLAP: Final = timedelta(minutes=15)
PAGES_MAX: Final = 20


def look_for_missed_events(*, now: datetime) -> int:
    """Reads on in Paddle's list where the last look ended, and applies what no notification brought. Returns how many.

    Each page that was read stays read, whatever happens to the next one.

    :raises PaddleUnavailable: it is asked again after RETRY.
    """
    look, _ = PaddleLook.objects.get_or_create(name="events", defaults={"looked_until": now - FIRST, "next_at": now})
    mine = PaddleLook.objects.filter(name="events")
    if not mine.filter(next_at__lte=now).update(next_at=now + RETRY):
        return 0
    since, after, missed = look.looked_until - OVERLAP, None, 0
    for _ in range(PAGES_MAX):
        page = paddle_list.events(since=since, types=HANDLED_TYPES, after=after)
        missed += _take(page.events, now)
        after = page.after
        if after is None:
            mine.update(looked_until=now - ON_ITS_WAY, next_at=now + EVERY)
            break
        if page.events:
            mine.update(looked_until=max(look.looked_until, page.events[-1].occurred_at))
    return missed


def _take(events: list[Notification], now: datetime) -> int:
    heard = set(
        PaddleEvent.objects.filter(event_id__in=[event.event_id for event in events]).values_list("event_id", flat=True)
    )
    missed = [event for event in events if event.event_id not in heard and event.occurred_at <= now - ON_ITS_WAY]
    for event in missed:
        logger.warning(
            "paddle notification missed",
            extra={"event_id": event.event_id, "event_type": event.event_type, "transaction_id": event.transaction_id},
        )
        take(event, now=now)
    return len(missed)
