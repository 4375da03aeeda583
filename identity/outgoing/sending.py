"""Sends what is due. A lane of the clock does it by itself: a customer's slow server must hold up no worker that dials.

Each endpoint is served by one thread at a time, its messages in the order in which they were written, as far as none fails.
"""

import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import F, Q, QuerySet

from identity.outgoing import signing
from identity.outgoing.events import WebhooksChanged
from identity.outgoing.models import Delivery, Endpoint
from identity.outgoing.queries import message_id
from processors import disclosures, egress
from processors.customers import NotDelivered
from realtime.publish import Topic, publish_on_commit

logger = logging.getLogger(__name__)

THREADS: Final = 4
ENDPOINTS_AT_ONCE_MAX: Final = 64
MESSAGES_AT_ONCE_MAX: Final = 50
# Nobody else begins with an endpoint after this; the round waits for who is at it.
ROUND_S: Final = 10.0
# Longer than a request may take; a clock that died with a message gives it up to the next one after this.
CLAIM: Final = timedelta(minutes=2)
# Together nearly the day after which a message is given up.
RETRIES_AFTER: Final = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 28_000)
)
# Between two attempts at an endpoint that failed, whatever waits for it.
RESTS: Final = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 300))
FAILS_FOR: Final = timedelta(days=3)
FAILURES_MIN: Final = 10
GONE: Final = 410


def send_due(*, now: datetime) -> int:
    """Gives up what is too old, and sends a bounded number of messages; the next round goes on. Returns how many went out."""
    pending = Delivery.objects.get_queryset().filter(state="pending")
    pending.filter(gives_up_at__lte=now).update(state="dead")
    awake = Q(endpoint__resting_until__isnull=True) | Q(endpoint__resting_until__lte=now)
    due = pending.filter(awake, next_at__lte=now, endpoint__off_at__isnull=True)
    ids = list(due.order_by().values_list("endpoint_id", flat=True).distinct())
    # In another order each time, so that a few slow ones cannot stand before all others for ever.
    random.shuffle(ids)
    ids = ids[:ENDPOINTS_AT_ONCE_MAX]
    if not ids:
        return 0
    until = time.monotonic() + ROUND_S
    with ThreadPoolExecutor(max_workers=min(THREADS, len(ids)), thread_name_prefix="webhooks") as pool:
        return sum(pool.map(lambda endpoint_id: _serve(endpoint_id, until, now), ids))


def _serve(endpoint_id: UUID, until: float, now: datetime) -> int:
    """How many messages the endpoint took, before one failed or the round was over."""
    delivery = None
    try:
        for taken in range(MESSAGES_AT_ONCE_MAX):
            delivery = _claimed(endpoint_id, now) if time.monotonic() < until else None
            if delivery is None or not _deliver(delivery, now):
                return taken
        return MESSAGES_AT_ONCE_MAX
    except (OperationalError, InterfaceError) as error:
        logger.warning("database away", extra={"task": "send_due", "error_type": type(error).__name__})
    except Exception as error:
        # One broken message must not keep the other endpoints waiting, nor those behind it; it is tried again after them.
        logger.error("webhook failed", extra={"error_type": type(error).__name__}, exc_info=error)
        if delivery is not None:
            _release(delivery, now)
    finally:
        connections.close_all()
    return 0


def _claimed(endpoint_id: UUID, now: datetime) -> Delivery | None:
    due = Delivery.objects.get_queryset().filter(endpoint_id=endpoint_id, state="pending", next_at__lte=now)
    found = due.filter(endpoint__off_at__isnull=True).select_related("endpoint").order_by("id").first()
    if found is None or _is_served(endpoint_id, now):
        return None
    if not due.filter(id=found.id, attempts=found.attempts).update(
        next_at=now + CLAIM, attempts=F("attempts") + 1, attempted_at=now
    ):
        # Another clock was faster; it serves this endpoint now.
        return None
    found.attempts += 1
    return found


def _is_served(endpoint_id: UUID, now: datetime) -> bool:
    """Whether a message is on its way to it, from another clock; what a clock that died had in hand counts until its claim ends."""
    claimed = Delivery.objects.get_queryset().filter(endpoint_id=endpoint_id, state="pending", next_at__gt=now)
    # After a failure it is tried again at another time than that.
    return claimed.filter(next_at=F("attempted_at") + CLAIM).exists()


def _release(delivery: Delivery, now: datetime) -> None:
    """Tried again at another time than a claim ends, so that nobody takes it for one that is on its way."""
    row = Delivery.objects.get_queryset().filter(id=delivery.id, state="pending", attempts=delivery.attempts)
    row.update(next_at=now + CLAIM + timedelta(seconds=1))


def _deliver(delivery: Delivery, now: datetime) -> bool:
    endpoint = delivery.endpoint
    message = {"type": delivery.event, "timestamp": delivery.created_at.isoformat(), "data": delivery.data}
    row = Delivery.objects.get_queryset().filter(id=delivery.id, state="pending")
    try:
        with disclosures.about(user_id=delivery.user_id, workspace_id=delivery.workspace_id):
            body = egress.disclose_to_customer(message=message)
    except egress.EgressRefused:
        # Permanent, and reported where it was refused.
        row.update(state="dead", answer_status=None, error="not_allowed")
        return False
    signed = signing.headers(
        message_id=message_id(delivery.id), body=body, signed_with=_secrets(endpoint, now), now=now
    )
    # While the other side takes its time nobody holds a connection to the database.
    connections.close_all()
    status, error = None, None
    try:
        status = egress.send_to_customer(url=endpoint.url, body=body, headers=signed)
    except NotDelivered as failure:
        error = failure.failure
    if status is not None and 200 <= status < 300:
        row.update(state="sent", answer_status=status, error=None)
        recovered = Endpoint.objects.get_queryset().filter(id=endpoint.id, failures__gt=0)
        recovered.update(failures=0, failing_since=None, resting_until=None)
        return True
    logger.info(
        "webhook not taken",
        extra={"reference": str(delivery.id), "status_code": status, "error_code": error, "attempt": delivery.attempts},
    )
    _failed(row, delivery, status, error, now)
    return False


def _secrets(endpoint: Endpoint, now: datetime) -> list[str]:
    nonces = [endpoint.nonce]
    if endpoint.previous_until is not None and endpoint.previous_until > now:
        nonces.append(endpoint.previous_nonce)
    return [each for nonce in nonces for each in signing.believed(endpoint.id, nonce)]


def _failed(row: QuerySet[Delivery], delivery: Delivery, status: int | None, error: str | None, now: datetime) -> None:
    wait = RETRIES_AFTER[delivery.attempts - 1] if delivery.attempts <= len(RETRIES_AFTER) else None
    again = wait is not None and now + wait < delivery.gives_up_at and status != GONE
    row.update(
        state="pending" if again else "dead",
        next_at=now + (wait or timedelta()),
        answer_status=status,
        error=error,
    )
    with transaction.atomic():
        endpoint = Endpoint.objects.get_queryset().select_for_update().filter(id=delivery.endpoint_id).first()
        if endpoint is None or endpoint.url != delivery.endpoint.url:
            # What the old address answered says nothing of the new one.
            return
        endpoint.failures += 1
        endpoint.failing_since = endpoint.failing_since or now
        endpoint.resting_until = now + RESTS[min(endpoint.failures, len(RESTS)) - 1]
        lasting = now - endpoint.failing_since >= FAILS_FOR and endpoint.failures >= FAILURES_MIN
        if endpoint.off_at is None and (status == GONE or lasting):
            _switch_off(endpoint, "gone" if status == GONE else "failing", now)
        endpoint.save(update_fields=["failures", "failing_since", "resting_until", "off_at", "off_reason", "mail_at"])


def _switch_off(endpoint: Endpoint, reason: str, now: datetime) -> None:
    """Nothing is sent to it any more until a person switches it on; those who may are told by mail and on the page."""
    endpoint.off_at, endpoint.off_reason, endpoint.mail_at = now, reason, now
    endpoint.deliveries.filter(state="pending").update(state="dead")
    publish_on_commit(Topic.workspace(endpoint.workspace_id), WebhooksChanged())
