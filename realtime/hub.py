"""One channel-layer subscription per process, fanned out to this process's sockets.

A group member per socket would cost a task and a round trip each; a hub joins each topic once, however many sockets of this
process listen to it.
"""

import asyncio
import logging
from collections import defaultdict
from typing import Any
from weakref import WeakKeyDictionary

from channels.layers import get_channel_layer

from realtime.frames import Frame, refused
from realtime.publish import CLOSE_RESTARTING, own_group
from realtime.ways import Listener, Ways

logger = logging.getLogger(__name__)

# channels_redis forgets a group member after 24 hours; joining again is idempotent.
REJOIN_AFTER_S = 3_600
# A channel layer that came back without its memory raises nothing: it just delivers no more. So the hub sends itself a
# beat through the layer, as any event travels, and takes silence for loss.
BEAT_EVERY_S = 2.0
DEAF_AFTER_S = 6.0


class ChannelLayerLost(ConnectionError):
    """The channel layer cannot be relied on now; subscribe again. Retryable."""


class Hub:
    """Belongs to one event loop. When the channel layer fails, every socket is closed with 4012 (restarting): the
    browser comes back, asks REST for what it missed, and the subscription is made anew."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._ways: dict[str, Ways] = {}
        self._channel: str | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._heard_at = 0.0
        self._joining = asyncio.Lock()

    async def subscribe(self, listener: Listener, topic: str) -> None:
        """Raises whatever the channel layer raises when it cannot be reached."""
        async with self._joining:
            if self._channel is None:
                await self._open()
            channel = self._channel
            if not self._listeners.get(topic):
                await get_channel_layer().group_add(topic, channel)
            if channel is None or channel != self._channel:
                raise ChannelLayerLost("The channel layer was lost while the topic was joined.")
            self._listeners[topic].add(listener)
            self._ways.pop(topic, None)

    def ways_changed(self) -> None:
        """A listener has another way to it, or none any more."""
        self._ways.clear()

    async def _open(self) -> None:
        layer = get_channel_layer()
        channel: str = await layer.new_channel("hub")
        await layer.group_add(own_group(channel), channel)
        self._channel = channel
        self._heard_at = asyncio.get_running_loop().time()
        self._tasks = [asyncio.create_task(self._pump(channel)), asyncio.create_task(self._beat(channel))]

    async def unsubscribe(self, listener: Listener, topics: set[str]) -> None:
        async with self._joining:
            emptied = []
            for topic in topics:
                listeners = self._listeners.get(topic)
                if listeners is None:
                    continue
                listeners.discard(listener)
                self._ways.pop(topic, None)
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
            # channels_redis can lose a cancellation that comes together with a message.
            while channel == self._channel:
                self._dispatch(await layer.receive(channel))
                self._heard_at = loop.time()
                if loop.time() >= rejoin_at:
                    for topic in [own_group(channel), *self._listeners]:
                        await layer.group_add(topic, channel)
                    rejoin_at = loop.time() + REJOIN_AFTER_S
        except Exception as error:
            self._fail(channel, type(error).__name__)

    async def _beat(self, channel: str) -> None:
        layer = get_channel_layer()
        loop = asyncio.get_running_loop()
        try:
            while loop.time() - self._heard_at < DEAF_AFTER_S:
                async with asyncio.timeout(DEAF_AFTER_S):
                    await layer.group_send(own_group(channel), {"type": "hub.beat"})
                await asyncio.sleep(BEAT_EVERY_S)
        except Exception as error:
            self._fail(channel, type(error).__name__)
        else:
            self._fail(channel, "Deaf")

    def _dispatch(self, message: dict[str, Any]) -> None:
        if message["type"] == "hub.beat":
            return
        for each in message["news"]:
            topic = each["topic"]
            listeners = self._listeners.get(topic, set())
            if (of := each.get("of")) is not None:
                # Those of one person are whoever listens to what is told to that person.
                said = refused(each["call_id"])
                for listener in self._listeners.get(of, set()).intersection(listeners):
                    listeners.discard(listener)
                    listener.deliver(said)
                self._ways.pop(topic, None)
                continue
            if (code := each.get("code")) is not None:
                for listener in tuple(listeners):
                    listener.close(code)
                continue
            if listeners:
                ways = self._ways.get(topic) or self._ways.setdefault(topic, Ways(listeners))
                ways.give(Frame(f'{{"topic":"{topic}","event":{each["text"]}}}'))

    def _fail(self, channel: str, error_type: str) -> None:
        """Whichever task of this channel notices first ends both, and every socket with them."""
        if channel != self._channel:
            return
        logger.warning("channel layer lost", extra={"error_type": error_type})
        lost = {listener for listeners in self._listeners.values() for listener in listeners}
        self._listeners.clear()
        self._ways.clear()
        self._channel = None
        for task in self._tasks:
            if task is not asyncio.current_task():
                task.cancel()
        self._tasks = []
        for listener in lost:
            listener.close(CLOSE_RESTARTING)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    return _hubs.setdefault(asyncio.get_running_loop(), Hub())
