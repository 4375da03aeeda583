"""Records of what was told to whom. Written before the data leaves, so that nothing leaves unrecorded."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from processors import register
from processors.pseudonyms import pseudonym


@dataclass(frozen=True, slots=True)
class About:
    """Whom the requests made inside `about` concern."""

    user_id: UUID | None = None
    phone_e164: str | None = None
    workspace_id: UUID | None = None

    @property
    def person(self) -> str:
        if self.user_id:
            return pseudonym("user", self.user_id)
        return pseudonym("phone", self.phone_e164) if self.phone_e164 else ""


@dataclass(frozen=True, slots=True)
class _Told:
    """What is counted together."""

    day: date
    processor: str
    endpoint: str
    data_classes: tuple[str, ...]
    person: str
    workspace_id: UUID | None

    @property
    def columns(self) -> list[Any]:
        classes = list(self.data_classes)
        return [self.day, self.processor, self.endpoint, classes, self.person, self.workspace_id]


@dataclass(slots=True)
class _Alike:
    """What `alike` counted before it was told. left: how many of it were not told yet."""

    number: int
    left: dict[_Told, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)


_NOBODY = About()
_about: ContextVar[About] = ContextVar("disclosures_about", default=_NOBODY)
_alike: ContextVar[_Alike | None] = ContextVar("disclosures_alike", default=None)


@contextmanager
def about(
    *, user_id: UUID | None = None, phone_e164: str | None = None, workspace_id: UUID | None = None
) -> Iterator[None]:
    """Names the person and workspace of every request that is made inside."""
    token = _about.set(About(user_id=user_id, phone_e164=phone_e164, workspace_id=workspace_id))
    try:
        yield
    finally:
        _about.reset(token)


def current() -> About:
    return _about.get()


@contextmanager
def alike(number: int) -> Iterator[None]:
    """For so many requests that tell the same of the same person: they are counted at once, before the first of them leaves.

    What was not told in the end is taken back; whoever dies meanwhile has counted more than was told, never less. Threads
    count with it when they run in a copy of this context.
    """
    counted = _Alike(number)
    token = _alike.set(counted)
    try:
        yield
    finally:
        _alike.reset(token)
        for told, left in counted.left.items():
            if left:
                _take_back(told, left)


def record(*, processor: str, endpoint: str, data_classes: Iterable[str], whom: About, now: datetime) -> None:
    """Counts one disclosure, in a transaction of its own: it stays even if what follows fails.

    Also for what leaves as an answer instead of a request, such as a number to dial in TwiML.
    Raises ProcessorUnknown; RuntimeError inside another transaction, which could take the record back after the data
    has left (and must not be held open while a network answers).
    """
    register.get(processor)
    told = _Told(now.date(), processor, endpoint, tuple(sorted(set(data_classes))), whom.person, whom.workspace_id)
    counted = _alike.get()
    if counted is None:
        _count(told, 1)
        return
    with counted.lock:
        if not counted.left.get(told):
            _count(told, counted.number)
            counted.left[told] = counted.number
        counted.left[told] -= 1


def _count(told: _Told, number: int) -> None:
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO processors_disclosure
                (id, day, processor, endpoint, data_classes, person, workspace_id, count)
            VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (day, processor, endpoint, data_classes, person, workspace_id)
            DO UPDATE SET count = processors_disclosure.count + EXCLUDED.count
            """,
            [uuid7(), *told.columns, number],
        )


def _take_back(told: _Told, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE processors_disclosure SET count = count - %s
            WHERE day = %s AND processor = %s AND endpoint = %s AND data_classes = %s::varchar[] AND person = %s
                AND workspace_id IS NOT DISTINCT FROM %s
            """,
            [number, *told.columns],
        )
