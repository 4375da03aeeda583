"""Twilio's media socket on an ASGI server, and who may open it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from voice import twilio
from voice.media_session import CLOSE_REFUSED, MediaSession

logger = logging.getLogger(__name__)

# What an ASGI server says of a connection that ended without a closing handshake (RFC 6455, section 7.4.1).
_CUT_OFF: Final = 1006

# How long a peer may take to agree to the end.
GONE_WITHIN_S: Final = 5.0

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def may_open(*, raw_path: str, signature: str) -> bool:
    """Whether the carrier signed the upgrade; who it did not is told no more than that, and kept nowhere."""
    if twilio.socket_signed_by_twilio(raw_path=raw_path, signature=signature):
        return True
    logger.warning("media socket refused", extra={"error_code": "signature_invalid"})
    return False


class MediaStreamConsumer:
    """One media socket, from upgrade to stop; reads `receive()` itself, since a task per frame is what costs."""

    @classmethod
    def as_asgi(cls) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await cls().serve(scope, receive, send)

        return application

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        if not may_open(raw_path=_raw_path(scope), signature=_header(scope, b"x-twilio-signature")):
            # Closing before accepting answers the upgrade with 403.
            await send({"type": "websocket.close", "code": CLOSE_REFUSED})
            return
        await send({"type": "websocket.accept"})
        closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        flowing = asyncio.Event()
        flowing.set()
        session = MediaSession(close=closing.set_result, hold=lambda yes: flowing.clear() if yes else flowing.set())
        reader = asyncio.create_task(self._read(session, receive, flowing))
        try:
            waited: set[asyncio.Future[Any]] = {reader, closing}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reader.cancel()
            session.disconnected()
            if closing.done():
                # Returning alone would leave the socket open.
                await send({"type": "websocket.close", "code": closing.result()})
                await self._until_gone(receive)
            # Daphne ends the application ten seconds after a disconnect; what was heard is stored on its own task.
            await session.stored()

    @staticmethod
    async def _until_gone(receive: Receive) -> None:
        """Takes what is still coming, so that it does not lie in the server's queue for as long as that lives."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GONE_WITHIN_S):
                while (await receive())["type"] != "websocket.disconnect":
                    pass

    @staticmethod
    async def _read(session: MediaSession, receive: Receive, flowing: asyncio.Event) -> None:
        while (event := await receive())["type"] != "websocket.disconnect":
            session.receive(event.get("text") or event.get("bytes") or b"")
            await flowing.wait()
        if event.get("code") == _CUT_OFF:
            # The peer broke the protocol or vanished; the server does not tell which.
            logger.warning("media socket closed", extra={"error_code": "connection_lost"})


def _raw_path(scope: Scope) -> str:
    query: bytes = scope.get("query_string", b"")
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else scope["path"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
