"""Media reception as the documentation of Channels shows it: one consumer a socket, JSON and base64 of the standard library."""

import base64
import json

from django.conf import settings

settings.configure(SECRET_KEY="a benchmark keeps no secret", INSTALLED_APPS=["channels"])  # noqa: S106

import django  # noqa: E402

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402

from bench.peers.media_sink import SINK  # noqa: E402


class Media(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    async def connect(self) -> None:
        self.call = SINK.call()
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.call.finish(complete=False)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = json.loads(text_data or "")
        if message["event"] == "media":
            media = message["media"]
            self.call.feed(media["track"], base64.b64decode(media["payload"]), int(media["timestamp"]))


application = ProtocolTypeRouter({"websocket": Media.as_asgi()})
