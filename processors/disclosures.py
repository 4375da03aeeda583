"""Records of what was told to whom. Written before the data leaves, so that nothing leaves unrecorded."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
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


_NOBODY = About()
_about: ContextVar[About] = ContextVar("disclosures_about", default=_NOBODY)


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


def record(*, processor: str, endpoint: str, data_classes: Iterable[str], whom: About, now: datetime) -> None:
    """Counts one disclosure, in a transaction of its own: it stays even if what follows fails.

    Also for what leaves as an answer instead of a request, such as a number to dial in TwiML.
    Raises ProcessorUnknown; RuntimeError inside another transaction, which could take the record back after the data
    has left (and must not be held open while a network answers).
    """
    register.get(processor)
    classes = sorted(set(data_classes))
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO processors_disclosure
                (id, day, processor, endpoint, data_classes, person, workspace_id, count)
            VALUES (%s, %s, %s, %s, %s, %s, %s, 1)
            ON CONFLICT (day, processor, endpoint, data_classes, person, workspace_id)
            DO UPDATE SET count = processors_disclosure.count + 1
            """,
            [uuid7(), now.date(), processor, endpoint, classes, whom.person, whom.workspace_id],
        )
