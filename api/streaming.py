"""Answers that are written while they are read."""

import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse

logger = logging.getLogger(__name__)

PART_LEAST_CHARACTERS: Final = 65_536
# What a route says of a copy of one's data.
A_COPY: Final[dict[str, Any]] = {
    "responses": {
        200: {
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "text/html": {"schema": {"type": "string"}},
            }
        }
    }
}
BROKEN_OFF: Final = "\n\nThis copy was broken off by an error and is not complete. Ask for it again.\n"


def name_of_copy(*, as_page: bool) -> str:
    """What the file with a copy of one's data is called."""
    return "klosesales-my-data.html" if as_page else "klosesales-my-data.json"


def downloaded(
    texts: Iterator[str], *, filename: str, then: Callable[[], None] = lambda: None
) -> StreamingHttpResponse:
    """A file for the person to keep, HTML or JSON by its name's end. When an error stops the reading, its last line says so, and it is
    no JSON any more.

    then: called once the last part has left, and never when it breaks off before.
    """
    kind = "text/html" if filename.endswith(".html") else "application/json"
    response = StreamingHttpResponse(_in_parts(texts, then), content_type=f"{kind}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    response["Cache-Control"] = "no-store"
    return response


async def _in_parts(texts: Iterator[str], then: Callable[[], None]) -> AsyncIterator[str]:
    @sync_to_async
    def read() -> str:
        found, length = [], 0
        try:
            for text in texts:
                found.append(text)
                length += len(text)
                if length >= PART_LEAST_CHARACTERS:
                    break
            if not found:
                then()
        finally:
            if not connection.in_atomic_block:
                # Whoever reads slowly keeps no connection of the pool meanwhile.
                connection.close()
        return "".join(found)

    while True:
        try:
            part = await read()
        except Exception as error:
            # Daphne cannot answer an error once it has begun to answer: the browser would wait for ever, and so would its own upkeep.
            logger.error("download broken off", extra={"error_type": type(error).__name__})
            yield BROKEN_OFF
            return
        if not part:
            return
        yield part
