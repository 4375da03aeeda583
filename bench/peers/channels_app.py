"""Group fan-out as the documentation of Channels shows it: one consumer and one group member per socket.

BENCH_LAYER: the channel layer's class; BENCH_GROUP: the group; REDIS_URL: where it is.
"""

import os
from typing import Any

from django.conf import settings

settings.configure(
    SECRET_KEY="a benchmark keeps no secret",  # noqa: S106
    INSTALLED_APPS=["channels"],
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": os.environ["BENCH_LAYER"],
            "CONFIG": {
                "hosts": [{"address": os.environ["REDIS_URL"], "socket_timeout": 20}],
                "prefix": os.environ["BENCH_LAYER"].rsplit(".", 1)[1],
            },
        }
    },
)

import django  # noqa: E402

django.setup()

from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter  # noqa: E402

GROUP = os.environ["BENCH_GROUP"]


class FanOut(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    async def connect(self) -> None:
        await self.channel_layer.group_add(GROUP, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(GROUP, self.channel_name)

    async def event(self, message: dict[str, Any]) -> None:
        await self.send(text_data=message["text"])


application = ProtocolTypeRouter({"websocket": FanOut.as_asgi()})
