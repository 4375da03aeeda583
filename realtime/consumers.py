"""The browser's socket: topics of the caller's own workspace, nothing else.

It reads `receive()` itself instead of being dispatched to, because a task per message is what makes many sockets dear.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import UUID

from realtime.hub import hub
from realtime.publish import CLOSE_RESTARTING, CLOSE_SIGNED_OUT, Topic

logger = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A browser that does not read is closed when this many frames wait for it; it recovers by sequence when it returns.
OUTBOUND_FRAMES_MAX = 500
INBOUND_BYTES_MAX = 2_000
FOLLOWED_CALLS_MAX = 20
CLOSE_TOO_SLOW = 4408
CLOSE_BAD_MESSAGE = 4400


class Caller(Protocol):
    """Who holds the socket; `config.asgi` puts it into the scope."""

    @property
    def user_id(self) -> UUID: ...

    @property
    def workspace_id(self) -> UUID: ...


MayFollow = Callable[[Caller, UUID], Awaitable[bool]]


class BrowserConsumer:
    """One browser socket. Scope carries `actor` (Caller or None) and `may_follow` (MayFollow)."""

    def __init__(self) -> None:
        self._frames: asyncio.Queue[str] = asyncio.Queue(OUTBOUND_FRAMES_MAX)
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._topics: set[str] = set()

    @classmethod
    def as_asgi(cls) -> Callable[[Message, Receive, Send], Awaitable[None]]:
        async def application(scope: Message, receive: Receive, send: Send) -> None:
            await cls().serve(scope, receive, send)

        return application

    def deliver(self, frame: str) -> None:
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(CLOSE_TOO_SLOW)

    def close(self, code: int) -> None:
        if not self._closing.done():
            self._closing.set_result(code)

    async def serve(self, scope: Message, receive: Receive, send: Send) -> None:
        caller: Caller | None = scope["actor"]
        if (await receive())["type"] != "websocket.connect":
            return
        await send({"type": "websocket.accept"})
        if caller is None:
            # Accepted first, so that the browser can read the code: a refused upgrade shows it none.
            await send({"type": "websocket.close", "code": CLOSE_SIGNED_OUT})
            return
        try:
            await self._subscribe(Topic.workspace(caller.workspace_id))
            await self._subscribe(Topic.user(caller.user_id))
        except Exception as error:
            logger.warning("socket refused", extra={"error_type": type(error).__name__})
            await hub().unsubscribe(self, self._topics)
            await send({"type": "websocket.close", "code": CLOSE_RESTARTING})
            return
        await send({"type": "websocket.send", "text": '{"topic":"","event":{"type":"ready"}}'})
        reader = asyncio.create_task(self._read(scope, caller, receive))
        writer = asyncio.create_task(self._write(send))
        try:
            waited: set[asyncio.Future[Any]] = {reader, writer, self._closing}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if (code := self._code_to_close_with(reader)) is not None:
                await send({"type": "websocket.close", "code": code})
        finally:
            reader.cancel()
            writer.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)
            await hub().unsubscribe(self, self._topics)

    def _code_to_close_with(self, reader: asyncio.Task[None]) -> int | None:
        """None when the browser has gone. A socket that nobody serves any more must not look open."""
        if self._closing.done():
            return self._closing.result()
        if not reader.done():
            return CLOSE_RESTARTING
        if (error := reader.exception()) is None:
            return None
        # The database or the channel layer failed under a message; the browser comes back and tries again.
        logger.warning("socket closed", extra={"error_type": type(error).__name__})
        return CLOSE_RESTARTING

    async def _subscribe(self, topic: Topic) -> None:
        await hub().subscribe(self, topic.name)
        self._topics.add(topic.name)

    async def _write(self, send: Send) -> None:
        while True:
            await send({"type": "websocket.send", "text": await self._frames.get()})

    async def _read(self, scope: Message, caller: Caller, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or ""
            if len(text) > INBOUND_BYTES_MAX or not await self._obey(scope, caller, text):
                self.close(CLOSE_BAD_MESSAGE)
                return

    async def _obey(self, scope: Message, caller: Caller, text: str) -> bool:
        """False when the message cannot be understood."""
        try:
            command = json.loads(text)
            action = command["action"]
            call_id = UUID(command["call_id"])
        except (ValueError, KeyError, TypeError, AttributeError):
            return False
        topic = Topic.call(caller.workspace_id, call_id)
        if action == "follow":
            if topic.name in self._topics or len(self._topics) >= FOLLOWED_CALLS_MAX + 2:
                return True
            may_follow: MayFollow = scope["may_follow"]
            if await may_follow(caller, call_id):
                await self._subscribe(topic)
                self.deliver(f'{{"topic":"{topic.name}","event":{{"type":"following","call_id":"{call_id}"}}}}')
            else:
                self.deliver(f'{{"topic":"","event":{{"type":"refused","call_id":"{call_id}","code":"not_found"}}}}')
            return True
        if action == "unfollow":
            await hub().unsubscribe(self, {topic.name})
            self._topics.discard(topic.name)
            return True
        return False
