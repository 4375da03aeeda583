"""Huey tasks: an erasure takes too long for the clock, so the clock only hands it to a worker. The rows are the
jobs."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from huey.contrib.djhuey import HUEY, db_task
from redis.exceptions import RedisError

from compliance import erasure, left_bytes, pace
from compliance.inventory import QUEUED_FOR
from compliance.online_rewrite import has_left
from compliance.rewrite import clear_left, rewrite_bytes
from compliance.stores import NotYet
from processors import blocked

logger = logging.getLogger(__name__)

# So much later a rewrite is tried again that found another one, or somebody who still reads.
AGAIN_S: Final = 60


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def run_one(request_id: str) -> None:
    erasure.run_erasure(request_id=UUID(request_id), now=datetime.now(UTC))


# However late: it names nobody, and without it the bytes would stay until the next erasure.
@db_task()  # type: ignore[untyped-decorator]
def rewrite() -> None:
    try:
        with pace.behind_others():
            rewrite_bytes()
    except NotYet:
        # Whoever is at it may be past the table that was deleted from.
        rewrite.schedule(delay=AGAIN_S)


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def rewrite_left() -> None:
    """Asked for again by the clock when it finds another rewrite, or somebody who still reads, unless that one was enough."""
    try:
        if left_bytes.are_due(now=datetime.now(UTC)):
            with pace.behind_others():
                rewrite_bytes()
    except NotYet:
        return


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def clear_rewrite() -> None:
    clear_left()


def rewrite_soon() -> None:
    """Has a worker remove the bytes that deleted rows leave behind, after the surrounding transaction commits. If that fails, the
    next erasure does it."""
    transaction.on_commit(_enqueue_rewrite)


def soon(request_id: UUID) -> None:
    """Hands an erasure to a worker after the surrounding transaction commits; if that fails, the clock does it."""
    transaction.on_commit(lambda: _enqueue(request_id))


def enqueue_due(*, now: datetime) -> None:
    """Hands everything that is due to the workers; an erasure that is handed over twice runs once. Also turns reports
    of blocked egress into rows."""
    for request_id in erasure.due_erasures(now=now):
        _enqueue(request_id)
    blocked.collect(folder=Path(settings.DATA_DIR) / "egress")


def look_for_dead_rewrites(*, now: datetime) -> None:
    """Has a worker remove what a rewrite left that died: a copy of people's rows that no term ends."""
    if has_left():
        _hand_over(clear_rewrite)


def remove_left_bytes(*, now: datetime) -> None:
    """Has a worker remove the bytes of what terms have ended, where no erasure has done it meanwhile."""
    if left_bytes.are_due(now=now):
        _hand_over(rewrite_left)


def _enqueue_rewrite() -> None:
    _hand_over(rewrite)


def _enqueue(request_id: UUID) -> None:
    _hand_over(run_one, str(request_id))


def _hand_over(task: Callable[..., object], *arguments: str) -> None:
    try:
        task(*arguments)
    except (RedisError, OSError) as error:
        logger.warning("task not enqueued", extra={"error_type": type(error).__name__, "queue": HUEY.name})
