"""A transcriber that says what a test wants it to say, on the real wire: no models, no waiting for them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec

from ai.listening.transcriber import Recognition, Word
from ai.listening.wire import Answer, Request, packed, read_frame

Answering = Callable[[Request, bytes], Awaitable[Recognition]]


def says(text: str) -> Recognition:
    return Recognition(text, (Word(text, 0, 100, 0.9),), 0.9)


async def yes(_request: Request, _pcm: bytes) -> Recognition:
    return says("yes")


@asynccontextmanager
async def transcriber(path: str, answering: Answering = yes) -> AsyncIterator[str]:
    """Its address."""
    replying: set[asyncio.Task[None]] = set()

    async def reply(writer: asyncio.StreamWriter, header: bytes, pcm: bytes) -> None:
        request = msgspec.json.decode(header, type=Request)
        answer = Answer(id=request.id, workers=1)
        if request.op == "transcribe":
            answer = Answer(id=request.id, recognition=await answering(request, pcm))
        writer.write(packed(answer))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                task = asyncio.create_task(reply(writer, *await read_frame(reader)))
                replying.add(task)
                task.add_done_callback(replying.discard)
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield f"unix://{path}"
    finally:
        server.close()
        for task in replying:
            task.cancel()
