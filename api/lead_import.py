"""Leads from a file: the body is the file, the answer tells line by line how far it is."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from api.auth import actor_of, or_key
from processors.errors import DomainError
from voice.lead_import import BYTES_MAX, ImportUnreadable, LeadImport, Progress

router = Router(tags=["leads"])

PROBLEMS: Final[dict[type[DomainError], int]] = {ImportUnreadable: 422}
_CSV_TYPES: Final = frozenset(
    {"text/csv", "application/csv", "application/vnd.ms-excel", "text/plain", "application/octet-stream"}
)
_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.post("/leads/import", operation_id="import_leads", auth=or_key("leads:write"), openapi_extra=_BODY)
def import_leads(
    request: HttpRequest, region: Annotated[str | None, Query(pattern="^[A-Z]{2}$")] = None
) -> StreamingHttpResponse:
    """Adds leads from a CSV file with a line of column names, at most 100,000 rows.

    The answer is JSON lines: {"read", "added", "known", "rejected", "rejected_rows": [{"line", "column", "code", "message"}],
    "done"}, the numbers so far, the rows since the line before. Only the last says done: without it the file was not read to
    its end, and may be sent again. region: ISO 3166 alpha-2, of numbers without a country code.
    """
    length = int(request.headers.get("Content-Length") or 0)
    if not length:
        raise ImportUnreadable("The file is empty.")
    if request.content_type not in _CSV_TYPES:
        raise ImportUnreadable("Send the file as it is, with Content-Type: text/csv.")
    if length > BYTES_MAX:
        raise ImportUnreadable("The file is larger than 50 MB. Split it.")
    # Nobody has read the body of such a type yet. The server holds it: in memory or, when it is long, in a nameless file.
    run = LeadImport(actor=actor_of(request), read=request.read, region=region, now=datetime.now(UTC)).run()
    response = StreamingHttpResponse(_lines(run), content_type="application/x-ndjson")
    response["Cache-Control"] = "no-store"
    # So that no proxy keeps the lines back.
    response["X-Accel-Buffering"] = "no"
    return response


async def _lines(run: Iterator[Progress]) -> AsyncIterator[str]:
    last = Progress()
    while progress := await sync_to_async(lambda: next(run, None))():
        yield _line(progress, done=False)
        last = progress
    yield _line(replace(last, rejected_rows=[]), done=True)


def _line(progress: Progress, *, done: bool) -> str:
    return json.dumps({**asdict(progress), "done": done}, ensure_ascii=False) + "\n"
