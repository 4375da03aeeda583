"""Answers that are written while they are read."""

from collections.abc import AsyncIterator, Iterator
from typing import Final

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse

PART_LEAST_CHARACTERS: Final = 65_536


def downloaded(texts: Iterator[str], *, filename: str) -> StreamingHttpResponse:
    """JSON for the person to keep. Errors while it is read break the answer off, which browsers tell."""
    response = StreamingHttpResponse(_in_parts(texts), content_type="application/json; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "no-store"
    return response


async def _in_parts(texts: Iterator[str]) -> AsyncIterator[str]:
    @sync_to_async
    def read() -> str:
        found, length = [], 0
        try:
            for text in texts:
                found.append(text)
                length += len(text)
                if length >= PART_LEAST_CHARACTERS:
                    break
        finally:
            # Whoever reads slowly keeps no connection of the pool meanwhile.
            connection.close()
        return "".join(found)

    while part := await read():
        yield part
