"""One channel-layer subscription per process, fanned out to this process's sockets.

A group member per socket would cost a task and a round trip each; a hub joins each topic once, however many sockets of this
process listen to it.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from realtime.publish import CLOSE_RESTARTING

logger = logging.getLogger(__name__)

# channels_redis forgets a group member after 24 hours; joining again is idempotent.
REJOIN_AFTER_S = 3_600


class Listener(Protocol):
    """A socket as the hub sees it; neither method may block or raise."""

    def deliver(self, frame: str) -> None: ...

    def close(self, code: int) -> None: ...


class Hub:
    """Belongs to one event loop. When the channel layer fails, every socket is closed with 4012 (restarting): the
    browser comes back, asks REST for what it missed, and the subscription is made anew."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._channel: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._joining = asyncio.Lock()

    async def subscribe(self, listener: Listener, topic: str) -> None:
        """Raises whatever the channel layer raises when it cannot be reached."""
        async with self._joining:
            layer = get_channel_layer()
            if self._channel is None:
                self._channel = await layer.new_channel("hub")
                self._task = asyncio.create_task(self._pump(self._channel))
            if not self._listeners[topic]:
                await layer.group_add(topic, self._channel)
            self._listeners[topic].add(listener)

    async def unsubscribe(self, listener: Listener, topics: set[str]) -> None:
        async with self._joining:
            emptied = []
            for topic in topics:
                listeners = self._listeners.get(topic)
                if listeners is None:
                    continue
                listeners.discard(listener)
                if not listeners:
                    del self._listeners[topic]
                    emptied.append(topic)
            if self._channel is None:
                return
            try:
                for topic in emptied:
                    await get_channel_layer().group_discard(topic, self._channel)
            except Exception as error:
                logger.warning("topic not left", extra={"error_type": type(error).__name__})

    async def _pump(self, channel: str) -> None:
        layer = get_channel_layer()
        loop = asyncio.get_running_loop()
        rejoin_at = loop.time() + REJOIN_AFTER_S
        try:
            while True:
                self._dispatch(await layer.receive(channel))
                if loop.time() >= rejoin_at:
                    for topic in list(self._listeners):
                        await layer.group_add(topic, channel)
                    rejoin_at = loop.time() + REJOIN_AFTER_S
        except asyncio.CancelledError:
            raise
        except Exception as error:
            logger.warning("channel layer lost", extra={"error_type": type(error).__name__})
            self._fail()

    def _dispatch(self, message: dict[str, Any]) -> None:
        topic = message["topic"]
        listeners = tuple(self._listeners.get(topic, ()))
        if message["type"] == "hub.close":
            for listener in listeners:
                listener.close(message["code"])
            return
        frame = f'{{"topic":"{topic}","event":{message["text"]}}}'
        for listener in listeners:
            listener.deliver(frame)

    def _fail(self) -> None:
        lost = {listener for listeners in self._listeners.values() for listener in listeners}
        self._listeners.clear()
        self._channel = None
        self._task = None
        for listener in lost:
            listener.close(CLOSE_RESTARTING)


# Keyed by the loop itself: the id of a loop that is gone is given to another.
_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
