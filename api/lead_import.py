"""Leads from a file: the body is the file, the answer tells line by line how far it is."""

import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from api.auth import actor_of, or_key
from identity import tenancy
from processors.errors import DomainError
from voice.lead_import import ImportEnded, ImportUnreadable, LeadImport, Progress

router = Router(tags=["leads"])

BYTES_MAX: Final = 20_000_000
_CSV_TYPES: Final = frozenset(
    {"text/csv", "application/csv", "application/vnd.ms-excel", "text/plain", "application/octet-stream"}
)
_DESCRIBED: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}},
    "responses": {200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
}


class ImportsBusy(DomainError):
    """As many files are being read as one process may read besides its other work; passes in a minute."""

    code: ClassVar[str] = "imports_busy"
    retryable: ClassVar[bool] = True


class _Slots:
    """Who is reading a file in this process. A slot whose reader vanished without a word is free again after a while."""

    def __init__(self, *, number: int, lasts_s: float) -> None:
        self._number, self._lasts_s = number, lasts_s
        self._taken: dict[UUID, float] = {}
        self._lock = threading.Lock()

    def take(self, workspace_id: UUID) -> UUID:
        """One for a workspace. Raises ImportsBusy."""
        now = time.monotonic()
        with self._lock:
            self._taken = {slot: until for slot, until in self._taken.items() if until > now}
            if workspace_id in self._taken or len(self._taken) >= self._number:
                raise ImportsBusy("Another file is being read now. Wait a minute, then import yours.")
            self._taken[workspace_id] = now + self._lasts_s
            return workspace_id

    def free(self, slot: UUID) -> None:
        with self._lock:
            self._taken.pop(slot, None)


PROBLEMS: Final[dict[type[DomainError], int]] = {ImportUnreadable: 422, ImportEnded: 403, ImportsBusy: 503}
# A process also answers pages and the carrier; each file takes a good part of a core.
_slots: Final = _Slots(number=2, lasts_s=300)


@router.post("/leads/import", operation_id="import_leads", auth=or_key("leads:write"), openapi_extra=_DESCRIBED)
def import_leads(
    request: HttpRequest, region: Annotated[str | None, Query(pattern="^[A-Z]{2}$")] = None
) -> StreamingHttpResponse:
    """Adds leads from a CSV file with a line of column names: at most 100,000 rows and 20 MB.

    The answer is JSON lines: {"read", "added", "known", "rejected", "rejected_rows": [{"line", "column", "code", "message"}],
    "ignored", "stopped_at_line", "assumed": {"line", "word"}, "done"}: the numbers so far, the rows since the line before that were
    not added, columns that are not imported, from where on nothing could be read, and where the file is not in UTF-8, so that it was
    read as Windows-1252, with a word from there (null when all of it is). Rows with the codes duplicate (an earlier line has the number) and
    already_known (a lead has it) count as known, all others as rejected. Only the last says done: without it the import broke off,
    and the file may be sent again. region: ISO 3166 alpha-2, of numbers without a country code.
    """
    length = int(request.headers.get("Content-Length") or 0)
    if not length and "Transfer-Encoding" in request.headers:
        # Without a length nobody could say beforehand that a file is too long.
        raise ImportUnreadable("The length of the file is not said. Send it with Content-Length.")
    if not length:
        raise ImportUnreadable("The file is empty. Choose another one.")
    if request.content_type not in _CSV_TYPES:
        raise ImportUnreadable("Send the file as it is, with Content-Type: text/csv.")
    if length > BYTES_MAX:
        raise ImportUnreadable("The file is larger than 20 MB. Split it.")
    actor = actor_of(request)
    slot = _slots.take(actor.workspace_id)
    try:
        # Nobody has read the body of such a type yet. The server holds it: in memory or, when it is long, in a nameless file.
        run = LeadImport(actor=actor, read=request.read, region=region, now=datetime.now(UTC)).run()
    except BaseException:
        _slots.free(slot)
        raise
    response = StreamingHttpResponse(_lines(run, slot), content_type="application/x-ndjson")
    response["Cache-Control"] = "no-store"
    # So that no proxy keeps the lines back.
    response["X-Accel-Buffering"] = "no"
    return response


async def _lines(run: Iterator[Progress], slot: UUID) -> AsyncIterator[str]:
    last = Progress()
    try:
        while progress := await sync_to_async(_next)(run, slot):
            yield _line(progress, done=False)
            last = progress
        yield _line(replace(last, rejected_rows=[]), done=True)
    except ImportEnded:
        # The answer has begun; that it never says done tells the rest.
        return
    finally:
        _slots.free(slot)


def _next(run: Iterator[Progress], workspace_id: UUID) -> Progress | None:
    with tenancy.confined(workspace_id):
        return next(run, None)


def _line(progress: Progress, *, done: bool) -> str:
    return json.dumps({**asdict(progress), "done": done}, ensure_ascii=False) + "\n"
