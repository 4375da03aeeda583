"""Making due work soon. The row is the job: if this is lost, the clock's sweep finds the row."""

import logging
from uuid import UUID

from django.db import transaction
from huey.contrib.djhuey import HUEY
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)


def soon(work: str, call_id: UUID) -> None:
    """Enqueues the named task of `voice.tasks` for a call, after commit."""
    transaction.on_commit(lambda: _enqueue(work, call_id))


def _enqueue(work: str, call_id: UUID) -> None:
    from voice import tasks

    try:
        tasks.BY_NAME[work](str(call_id))
    except (RedisError, OSError) as error:
        logger.warning("task not enqueued", extra={"error_type": type(error).__name__, "queue": HUEY.name})
