"""Publishing events to browsers.

Events are hints, tables are the truth: an event that is lost costs a browser one look at REST, never data. So publishing
never blocks and never fails its caller; what could not be sent is counted and logged.
"""

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.db import transaction
from pydantic import BaseModel

logger = logging.getLogger(__name__)

# More than this many unsent events mean that the channel layer is gone; the newest are dropped then.
OUTBOX_EVENTS_MAX = 2_000
SEND_TIMEOUT_S = 5.0
CLOSE_SIGNED_OUT = 4401
# Code 1012 would say it, but servers may send only 1000 and codes from 3000 on.
CLOSE_RESTARTING = 4012


@dataclass(frozen=True, slots=True)
class Topic:
    """What a socket can listen to. name: the channel-layer group, ASCII, under 100 characters."""

    name: str

    @staticmethod
    def workspace(workspace_id: UUID) -> "Topic":
        return Topic(f"workspace.{workspace_id}")

    @staticmethod
    def user(user_id: UUID) -> "Topic":
        return Topic(f"user.{user_id}")

    @staticmethod
    def call(workspace_id: UUID, call_id: UUID) -> "Topic":
        """The workspace is part of the name, so a guessed call id of another tenant reaches nothing."""
        return Topic(f"call.{workspace_id}.{call_id}")


class _Outbox:
    """One thread with one event loop per process sends all events in order over kept connections."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] | None = None
        self._waiting = 0

    def put(self, group: str, message: dict[str, Any]) -> None:
        with self._lock:
            if self._loop is None:
                self._start()
            if self._waiting >= OUTBOX_EVENTS_MAX:
                logger.warning("event dropped, outbox full")
                return
            self._waiting += 1
        assert self._loop is not None and self._queue is not None
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (group, message))

    def _start(self) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        self._queue = asyncio.Queue()
        threading.Thread(target=self._run, args=(loop,), name="realtime-outbox", daemon=True).start()

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._drain())

    async def _drain(self) -> None:
        assert self._queue is not None
        layer = get_channel_layer()
        while True:
            group, message = await self._queue.get()
            try:
                async with asyncio.timeout(SEND_TIMEOUT_S):
                    await layer.group_send(group, message)
            except Exception as error:
                # The channel layer may vanish at any time; browsers then recover by sequence.
                logger.warning("event not sent", extra={"error_type": type(error).__name__})
            finally:
                with self._lock:
                    self._waiting -= 1


_outbox = _Outbox()


def publish_ephemeral(topic: Topic, event: BaseModel) -> None:
    """Sends now, outside any transaction: only for what is never stored, such as interim text."""
    _outbox.put(topic.name, {"type": "hub.event", "topic": topic.name, "text": event.model_dump_json()})


def publish_on_commit(topic: Topic, event: BaseModel) -> None:
    """Sends after the surrounding transaction commits, and not at all if it rolls back."""
    message = {"type": "hub.event", "topic": topic.name, "text": event.model_dump_json()}
    transaction.on_commit(lambda: _outbox.put(topic.name, message))


def close_sockets_on_commit(*, user_id: UUID, code: int = CLOSE_SIGNED_OUT) -> None:
    """Closes every browser socket of a person after commit: signed out, revoked, opted out or erased."""
    group = Topic.user(user_id).name
    transaction.on_commit(lambda: _outbox.put(group, {"type": "hub.close", "topic": group, "code": code}))
