"""Twilio's media socket: parse, hand to the pipeline, await nothing slow.

Signature first, then the one-use token of the start message; before both, no buffer is made and nothing is recognised.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from channels.db import database_sync_to_async
from django.db import InterfaceError, OperationalError

from voice import transcripts, twilio
from voice.media_messages import Media, MessageInvalid, Start, Stop, parse, timestamp_ms
from voice.pipeline import CallPipeline

logger = logging.getLogger(__name__)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

START_WITHIN_S = 10.0
# Twilio sends a frame every 20 ms; a socket that is silent this long is dead.
SILENT_AFTER_S = 30.0
INVALID_MESSAGES_MAX = 20
CLOSE_REFUSED = 4403
CLOSE_MALFORMED = 4400
CLOSE_SILENT = 4408
CLOSE_GIVEN_UP = 4409
CLOSE_TRY_AGAIN = 4503
CLOSE_DONE = 1000


class MediaStreamConsumer:
    """One media socket, from upgrade to stop; reads `receive()` itself, since a task per frame is what costs."""

    def __init__(self) -> None:
        self._invalid = 0

    @classmethod
    def as_asgi(cls) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await cls().serve(scope, receive, send)

        return application

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        if not twilio.socket_signed_by_twilio(
            raw_path=_raw_path(scope), signature=_header(scope, b"x-twilio-signature")
        ):
            logger.warning("media socket refused", extra={"error_code": "signature_invalid"})
            # Closing before accepting answers the upgrade with 403.
            await send({"type": "websocket.close", "code": CLOSE_REFUSED})
            return
        await send({"type": "websocket.accept"})
        try:
            async with asyncio.timeout(START_WITHIN_S):
                start = await self._start(receive)
            stream = await database_sync_to_async(transcripts.claim_stream)(
                token=start.start.custom_parameters.get("token", ""),
                stream_sid=start.start.stream_sid,
                call_sid=start.start.call_sid,
                now=datetime.now(UTC),
            )
        except (TimeoutError, MessageInvalid, transcripts.StreamRefused) as error:
            code = getattr(error, "code", "start_missing")
            logger.warning("media socket refused", extra={"error_code": code})
            await send({"type": "websocket.close", "code": CLOSE_REFUSED})
            return
        except _Disconnected:
            return
        except (OperationalError, InterfaceError) as error:
            logger.warning("database away", extra={"error_type": type(error).__name__})
            # The token is still unused; the carrier reports the loss, and the stream is started again.
            await send({"type": "websocket.close", "code": CLOSE_TRY_AGAIN})
            return
        await self._listen(CallPipeline(stream), receive, send)

    async def _start(self, receive: Receive) -> Start:
        while True:
            message = parse(await _next(receive))
            if isinstance(message, Start):
                return message

    async def _listen(self, pipeline: CallPipeline, receive: Receive, send: Send) -> None:
        code: int | None = None
        try:
            code = await self._feed(pipeline, receive)
        finally:
            # Daphne ends the application ten seconds after a disconnect; what was heard is stored on its own task.
            storing = asyncio.ensure_future(pipeline.finish(complete=code == CLOSE_DONE))
            if code is not None:
                # Returning alone would leave the socket open.
                await send({"type": "websocket.close", "code": code})
            await asyncio.shield(storing)

    async def _feed(self, pipeline: CallPipeline, receive: Receive) -> int | None:
        """Hands frames on until the stream is over; the code to close with, None when the socket is gone already."""
        while not pipeline.given_up:
            try:
                async with asyncio.timeout(SILENT_AFTER_S):
                    text = await _next(receive)
            except _Disconnected:
                return None
            except TimeoutError:
                return CLOSE_SILENT
            try:
                message = parse(text)
                if isinstance(message, Media):
                    pipeline.feed(message.media.track, message.media.payload, timestamp_ms(message.media))
                elif isinstance(message, Stop):
                    return CLOSE_DONE
            except MessageInvalid as error:
                self._invalid += 1
                if self._invalid > INVALID_MESSAGES_MAX:
                    logger.warning("media socket closed", extra={"error_code": error.code})
                    return CLOSE_MALFORMED
        return CLOSE_GIVEN_UP


class _Disconnected(Exception):
    pass


async def _next(receive: Receive) -> str | bytes:
    event = await receive()
    if event["type"] == "websocket.disconnect":
        raise _Disconnected
    return event.get("text") or event.get("bytes") or b""


def _raw_path(scope: Scope) -> str:
    query: bytes = scope.get("query_string", b"")
    raw: bytes | None = scope.get("raw_path")
    path = raw.decode("latin-1") if raw else scope["path"]
    return f"{path}?{query.decode('latin-1')}" if query else path


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
