"""Making certain what huey only makes soon."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections

from processors import egress

logger = logging.getLogger(__name__)

# Of one kind of work. Who was slow last time shares the fewer places, so that whoever was not finds one.
AT_ONCE: Final = 8
SLOW_AT_ONCE: Final = 4
# How long a round waits for those it has begun; whoever takes longer is slow.
WAITED_FOR_S: Final = 3.0
Key = TypeVar("Key", bound=Hashable)


def one_by_one(what: str, ids: Iterable[UUID], work: Callable[[UUID], object]) -> None:
    """Does the work for each. One that fails must not keep the others waiting: it stays due and is logged.

    :raises OperationalError, InterfaceError: the database is away, so the others would fail as well.
    """
    for due_id in ids:
        try:
            work(due_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            _note_failure(what, error)


@dataclass(slots=True)
class _Round(Generic[Key]):
    """What is due and not begun. running: threads of it."""

    work: Callable[[Key], object]
    quick: deque[Key]
    slow: deque[Key]
    running: int = 0
    error: OperationalError | InterfaceError | None = None

    def close(self) -> None:
        self.quick.clear()
        self.slow.clear()


class SideBySide(Generic[Key]):
    """Work that asks the carrier, done for several at once: one request that it accepts and does not answer holds up neither the
    others nor who waits for the round.

    A round lasts WAITED_FOR_S at most. What has not ended by then goes on beside the next rounds, which leave it out; what has not
    begun stays due. Failures as in `one_by_one`.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._changed = threading.Condition()
        self._under_way: set[Key] = set()
        # In the order in which they were.
        self._slow: dict[Key, None] = {}

    def do(self, due: Iterable[Key], work: Callable[[Key], object]) -> None:
        """:raises OperationalError, InterfaceError: the database is away, so the others would fail as well."""
        with self._changed:
            wanted = dict.fromkeys(due)
            self._slow = {key: None for key in self._slow if key in wanted or key in self._under_way}
            left = [key for key in wanted if key not in self._under_way]
            slow = [key for key in self._slow if key in left]
            this = _Round(work, deque(key for key in left if key not in self._slow), deque(slow))
            for _ in range(min(len(left), AT_ONCE - len(self._under_way))):
                this.running += 1
                # One that hangs keeps no process from ending: a killed worker's work is found and done again, too.
                threading.Thread(target=self._run, args=(this,), name=self._what, daemon=True).start()
            self._changed.wait_for(lambda: this.running == 0, WAITED_FOR_S)
            this.close()
        if this.error is not None:
            raise this.error

    def _run(self, this: _Round[Key]) -> None:
        egress.keeps_no_connection.set(True)
        while (key := self._take(this)) is not None:
            began = time.monotonic()
            try:
                this.work(key)
            except (OperationalError, InterfaceError) as error:
                this.error = error
                this.close()
            except Exception as error:
                _note_failure(self._what, error)
            finally:
                close_old_connections()
                self._put_back(key, was_slow=time.monotonic() - began > WAITED_FOR_S)

    def _take(self, this: _Round[Key]) -> Key | None:
        """What this thread does next; None ends it."""
        with self._changed:
            slow_under_way = sum(key in self._slow for key in self._under_way)
            key = None
            if len(self._under_way) < AT_ONCE:
                if this.quick:
                    key = this.quick.popleft()
                elif this.slow and slow_under_way < SLOW_AT_ONCE:
                    key = this.slow.popleft()
            if key is None:
                this.running -= 1
                self._changed.notify_all()
            else:
                self._under_way.add(key)
            return key

    def _put_back(self, key: Key, *, was_slow: bool) -> None:
        with self._changed:
            self._under_way.discard(key)
            self._slow.pop(key, None)
            if was_slow:
                self._slow[key] = None


def _note_failure(what: str, error: Exception) -> None:
    logger.error("sweep failed for one", extra={"task": what, "error_type": type(error).__name__}, exc_info=error)
