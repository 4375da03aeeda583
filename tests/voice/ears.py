"""A recogniser that hears the same words in whatever is said to it, where the media process asks for one."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from ai.listening.transcriber import Recognition
from ai.listening.wire import Answer, packed, read_frame, request_of
from voice import pipeline

WORDS = "Zanzibar is a long way off."


class Ears:
    """asked: how often, for each kind of text. told: every list of names that came with the sound."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.told: set[str] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = request_of(*await read_frame(reader))
                if request.op == "ping":
                    writer.write(packed(Answer(id=request.id, workers=1)))
                    continue
                self.asked[request.kind] += 1
                self.told.add(request.context)
                writer.write(packed(Answer(id=request.id, recognition=Recognition(WORDS, (), 0.9))))
        writer.close()


@asynccontextmanager
async def ears(settings: Any) -> AsyncIterator[Ears]:
    """On the running event loop, which is the media process's too. settings: the fixture."""
    heard = Ears()
    server = await asyncio.start_server(heard.answer, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    settings.TRANSCRIBER_ADDRESS = f"tcp://{host}:{port}"
    # A client belongs to one event loop.
    pipeline._transcriber.cache_clear()
    try:
        yield heard
    finally:
        await pipeline._transcriber().close()
        pipeline._transcriber.cache_clear()
        server.close()
