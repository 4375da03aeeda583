"""Huey tasks: they only make due work soon, or none when nobody took them in time. The rows say what is due, and the clock's sweeps make
it certain."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from huey.contrib.djhuey import db_task

from compliance.inventory import QUEUED_FOR
from voice import analysis, credit_end, reconcile, submission, sweeps, transcription


class _Lane:
    """In which a process analyses one call after another. Who is dialled finds its other threads free meanwhile, and what is told of
    live calls a processor: hundreds of calls may end at once."""

    def __init__(self) -> None:
        self._waiting: deque[UUID] = deque()
        self._taken = threading.Lock()

    def analyse(self, call_ids: Iterable[UUID]) -> None:
        """Returns at once where another thread is at it, which does these as well; what it does not come to is the sweep's."""
        self._waiting.extend(call_ids)
        # Again, since others may have come in vain while this one was about to leave.
        while self._waiting and self._taken.acquire(blocking=False):
            try:
                sweeps.one_by_one("analyse", self._next(), _analyse)
            finally:
                self._taken.release()

    def _next(self) -> Iterator[UUID]:
        while self._waiting:
            yield self._waiting.popleft()


_lane: Final = _Lane()


def _analyse(call_id: UUID) -> None:
    analysis.analyse(call_id=call_id, now=datetime.now(UTC))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def dial(call_id: str) -> None:
    submission.dial(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def hang_up(call_id: str) -> None:
    reconcile.hang_up(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def limit_called_in(call_id: str) -> None:
    credit_end.limit_called_in(call_id=UUID(call_id))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def say_closing_line(call_id: str) -> None:
    credit_end.say_closing_line(call_id=UUID(call_id))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def restart_stream(call_id: str) -> None:
    reconcile.restart_stream(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def stop_transcription(call_id: str) -> None:
    transcription.stop_unwanted(call_id=UUID(call_id), now=datetime.now(UTC))


@db_task(expires=QUEUED_FOR)  # type: ignore[untyped-decorator]
def analyse(*call_ids: str) -> None:
    _lane.analyse([UUID(call_id) for call_id in call_ids])


BY_NAME: dict[str, Callable[..., Any]] = {
    "dial": dial,
    "hang_up": hang_up,
    "limit_called_in": limit_called_in,
    "say_closing_line": say_closing_line,
    "restart_stream": restart_stream,
    "stop_transcription": stop_transcription,
    "analyse": analyse,
}
