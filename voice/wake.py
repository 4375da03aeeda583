"""Making due work soon. The row is the job: if this is lost, the clock's sweep finds the row."""

import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from huey.contrib.djhuey import HUEY
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def soon(work: str, *call_ids: UUID) -> None:
    """Enqueues the named task of `voice.tasks` for a call, after commit. Of many calls, which only "analyse" takes, as one task:
    whoever is about to tell of the next ones does not wait for each."""
    transaction.on_commit(lambda: _enqueue(work, call_ids))


def _enqueue(work: str, call_ids: Sequence[UUID]) -> None:
    from voice import tasks

    try:
        tasks.BY_NAME[work](*map(str, call_ids))
    except (RedisError, OSError) as error:
        logger.warning("task not enqueued", extra={"error_type": type(error).__name__, "queue": HUEY.name})
