"""Making due work soon. The row is the job: if this is lost, the clock's sweep finds the row.

Nobody waits for Redis here: a thread of the process hands the tasks over, one after the other. While Redis hangs or is away the sweeps are
all there is. They find what is to be dialled, limited or listened to again within about three seconds, what is to be hung up within
seven, and a call that is to be analysed within fifteen, twenty of them every five seconds; a closing line is not said then, but the call
ends in time.
"""

import atexit
import logging
import threading
import time
from collections.abc import Sequence
from queue import Full, Queue
from typing import Final
from uuid import UUID

from django.db import transaction
from huey.contrib.djhuey import HUEY
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# More than so many that wait mean that Redis hangs: the newest are left to the sweeps.
WAITING_MAX: Final = 1_000
# A queue that is full leaves out thousands; the log hears of it so often.
TELL_AGAIN_S: Final = 10.0
# So long who ends waits for what is not handed over yet. Longer than one answer is awaited.
FLUSH_PATIENCE_S: Final = 4.0


class _Waker:
    """One thread per process, from the first task on."""

    def __init__(self) -> None:
        self._tasks: Queue[tuple[str, Sequence[UUID]]] = Queue(WAITING_MAX)
        self._starting = threading.Lock()
        self._is_started = False
        self._told_at = -TELL_AGAIN_S

    def put(self, work: str, call_ids: Sequence[UUID]) -> None:
        with self._starting:
            if not self._is_started:
                threading.Thread(target=self._hand_over, name="wake", daemon=True).start()
                self._is_started = True
        try:
            self._tasks.put_nowait((work, call_ids))
        except Full:
            if time.monotonic() - self._told_at > TELL_AGAIN_S:
                self._told_at = time.monotonic()
                logger.warning("tasks left to the sweeps", extra={"queue": HUEY.name})

    def flush(self) -> bool:
        """Whether nothing waits any more."""
        with self._tasks.all_tasks_done:
            return self._tasks.all_tasks_done.wait_for(lambda: not self._tasks.unfinished_tasks, FLUSH_PATIENCE_S)

    def _hand_over(self) -> None:
        while True:
            work, call_ids = self._tasks.get()
            try:
                _enqueue(work, call_ids)
            except Exception as error:
                # The thread serves all that comes after it, too.
                logger.error("task not enqueued", extra={"error_type": type(error).__name__, "queue": HUEY.name})
            finally:
                self._tasks.task_done()


_waker: Final = _Waker()
# What Redis does not take by then is the sweeps'.
atexit.register(_waker.flush)


def soon(work: str, *call_ids: UUID) -> None:
    """Enqueues the named task of `voice.tasks` for a call, after commit, without waiting for it. Of many calls, which only "analyse"
    takes, as one task: whoever is about to tell of the next ones makes no room for each."""
    transaction.on_commit(lambda: _waker.put(work, call_ids))


def flush() -> bool:
    """Waits until what was put is handed over or given up; with a bound. Whether all of it is."""
    return _waker.flush()


def _enqueue(work: str, call_ids: Sequence[UUID]) -> None:
    from voice import tasks

    try:
        tasks.BY_NAME[work](*map(str, call_ids))
    except (RedisError, OSError) as error:
        logger.warning("task not enqueued", extra={"error_type": type(error).__name__, "queue": HUEY.name})
