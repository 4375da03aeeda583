"""The browser's socket under any ASGI server.

It reads `receive()` itself instead of being dispatched to, because a task per message is what makes many sockets dear.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from realtime.frames import Frame
from realtime.publish import CLOSE_RESTARTING
from realtime.session import CLOSE_TOO_SLOW, READY, BrowserSession

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A browser that does not read is closed when this many frames wait for it; it recovers by sequence when it returns.
OUTBOUND_FRAMES_MAX = 500


class BrowserConsumer:
    """One browser socket. Scope carries `who` (Who), `may_follow` (MayFollow) and `over` (Over)."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[Frame] = asyncio.Queue(OUTBOUND_FRAMES_MAX)
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @classmethod
    def as_asgi(cls) -> Callable[[Message, Receive, Send], Awaitable[None]]:
        async def application(scope: Message, receive: Receive, send: Send) -> None:
            await cls().serve(scope, receive, send)

        return application

    def way(self) -> None:
        """A server stands between."""

    def deliver(self, frame: Frame) -> None:
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(CLOSE_TOO_SLOW)

    def close(self, code: int) -> None:
        if not self._closing.done():
            self._closing.set_result(code)

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        # Accepted first, so that the browser can read the code: a refused upgrade shows it none.
        await send({"type": "websocket.accept"})
        session = BrowserSession(self, who=scope["who"], may_follow=scope["may_follow"], over=scope["over"])
        if not await session.begin():
            await send({"type": "websocket.close", "code": self._closing.result()})
            return
        await send({"type": "websocket.send", "text": READY.text})
        reader = asyncio.create_task(self._read(session, receive))
        writer = asyncio.create_task(self._write(send))
        try:
            waited: set[asyncio.Future[Any]] = {reader, writer, self._closing}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._closing.done():
                await send({"type": "websocket.close", "code": self._closing.result()})
            elif not reader.done():
                # A socket that nobody writes to any more must not look open.
                await send({"type": "websocket.close", "code": CLOSE_RESTARTING})
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            await session.end()

    async def _write(self, send: Send) -> None:
        while True:
            await send({"type": "websocket.send", "text": (await self._frames.get()).text})

    async def _read(self, session: BrowserSession, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect" or not await session.hear(message.get("text") or ""):
                return
