"""Answers that are written while they are read."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Final

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import StreamingHttpResponse

logger = logging.getLogger(__name__)

PART_LEAST_CHARACTERS: Final = 65_536
BROKEN_OFF: Final = "\n\nThis copy was broken off by an error and is not complete. Ask for it again.\n"


def downloaded(texts: Iterator[str], *, filename: str) -> StreamingHttpResponse:
    """JSON for the person to keep. When an error stops the reading, its last line says so, and it is no JSON any more."""
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
