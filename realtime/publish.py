"""Publishing events to browsers.

Events are hints, tables are the truth: an event that is lost costs a browser one look at REST, never data. So publishing
never blocks and never fails its caller; what could not be sent is logged.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.db import transaction
from pydantic import BaseModel

logger = logging.getLogger(__name__)

# More than this many unsent events mean that the channel layer is gone; the newest are dropped then.
OUTBOX_EVENTS_MAX = 2_000
SENT_AT_ONCE_MAX = 100
SEND_TIMEOUT_S = 5.0
# Between two events of which only the newest counts: at most 500 a second, whatever is booked meanwhile.
LATEST_PAUSE_S = 0.002
# A full outbox drops thousands; the log hears of it so often.
TELL_AGAIN_S = 10.0
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
    def team(workspace_id: UUID) -> "Topic":
        """All live calls of a workspace, for those who may see them."""
        return Topic(f"team.{workspace_id}")

    @staticmethod
    def user(user_id: UUID) -> "Topic":
        return Topic(f"user.{user_id}")

    @staticmethod
    def call(workspace_id: UUID, call_id: UUID) -> "Topic":
        """The workspace is part of the name, so a guessed call id of another tenant reaches nothing."""
        return Topic(f"call.{workspace_id}.{call_id}")


class _Outbox:
    """One thread with one event loop per process sends all events over kept connections: those of put in order, and of
    those of put_latest the newest of each kind and group, at a pace that leaves the process its time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] | None = None
        self._waiting = 0
        self._latest: dict[tuple[str, type[BaseModel]], tuple[int, BaseModel]] = {}
        self._latest_waits: asyncio.Event | None = None
        self._told_at = -TELL_AGAIN_S

    def put(self, group: str, message: dict[str, Any]) -> None:
        with self._lock:
            loop = self._started()
            if self._is_full(self._waiting):
                return
            self._waiting += 1
        assert self._queue is not None
        loop.call_soon_threadsafe(self._queue.put_nowait, (group, message))

    def put_latest(self, group: str, event: BaseModel, order: int) -> None:
        key = (group, type(event))
        with self._lock:
            loop = self._started()
            waiting = self._latest.get(key)
            if waiting is not None and waiting[0] >= order:
                return
            if waiting is None and self._is_full(len(self._latest)):
                return
            self._latest[key] = (order, event)
            if len(self._latest) > 1:
                return
        assert self._latest_waits is not None
        loop.call_soon_threadsafe(self._latest_waits.set)

    def room(self) -> int:
        """How many more events of put would be sent rather than dropped now."""
        return OUTBOX_EVENTS_MAX - self._waiting

    def _is_full(self, waiting: int) -> bool:
        if waiting < OUTBOX_EVENTS_MAX:
            return False
        if time.monotonic() - self._told_at > TELL_AGAIN_S:
            self._told_at = time.monotonic()
            logger.warning("events dropped, outbox full")
        return True

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._queue = asyncio.Queue()
            self._latest_waits = asyncio.Event()
            threading.Thread(target=self._run, args=(self._loop,), name="realtime-outbox", daemon=True).start()
        return self._loop

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(self._drain_both())

    async def _drain_both(self) -> None:
        layer = get_channel_layer()
        await asyncio.gather(self._drain(layer), self._drain_latest(layer))

    async def _drain(self, layer: Any) -> None:
        assert self._queue is not None
        while True:
            waiting = [await self._queue.get()]
            while len(waiting) < SENT_AT_ONCE_MAX and not self._queue.empty():
                waiting.append(self._queue.get_nowait())
            heard = await _heard(layer, {group for group, _ in waiting})
            for group, message in waiting:
                if group in heard:
                    await _send(layer, group, message)
            with self._lock:
                self._waiting -= len(waiting)

    async def _drain_latest(self, layer: Any) -> None:
        assert self._latest_waits is not None
        while True:
            await self._latest_waits.wait()
            while oldest := self._oldest_latest():
                group, event = oldest
                await _send(layer, group, _message(group, event.model_dump_json()))
                await asyncio.sleep(LATEST_PAUSE_S)

    def _oldest_latest(self) -> tuple[str, BaseModel] | None:
        assert self._latest_waits is not None
        with self._lock:
            if not self._latest:
                self._latest_waits.clear()
                return None
            (group, kind) = next(iter(self._latest))
            _, event = self._latest.pop((group, kind))
            return group, event


async def _heard(layer: Any, groups: set[str]) -> set[str]:
    """Of these groups those that somebody is in, asked there and back once: most events are of calls that nobody looks at."""
    by_connection: dict[int, list[str]] = defaultdict(list)
    for group in groups:
        by_connection[layer.consistent_hash(group)].append(group)
    heard: set[str] = set()
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            for index, names in by_connection.items():
                asked = layer.connection(index).pipeline(transaction=False)
                for name in names:
                    asked.exists(layer._group_key(name))
                heard |= {name for name, there in zip(names, await asked.execute(), strict=True) if there}
    except Exception as error:
        logger.warning("event not sent", extra={"error_type": type(error).__name__})
    return heard


async def _send(layer: Any, group: str, message: dict[str, Any]) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await layer.group_send(group, message)
    except Exception as error:
        # The channel layer may vanish at any time; browsers then recover by sequence.
        logger.warning("event not sent", extra={"error_type": type(error).__name__})


def _message(group: str, text: str) -> dict[str, Any]:
    return {"type": "hub.event", "topic": group, "text": text}


_outbox = _Outbox()


def publish_ephemeral(topic: Topic, event: BaseModel) -> None:
    """Sends now, outside any transaction: only for what is never stored, such as interim text."""
    _outbox.put(topic.name, _message(topic.name, event.model_dump_json()))


def publish_on_commit(topics: Topic | Sequence[Topic], event: BaseModel) -> None:
    """Sends after the surrounding transaction commits, and not at all if it rolls back. It is written out once for all topics."""
    text = event.model_dump_json()
    for topic in (topics,) if isinstance(topics, Topic) else topics:
        message = _message(topic.name, text)
        transaction.on_commit(partial(_outbox.put, topic.name, message))


def publish_latest_on_commit(topic: Topic, event: BaseModel, *, order: int) -> None:
    """Like publish_on_commit, for events of which the newest says all: of those that still wait to be sent only the one
    with the highest order goes out, so that thousands of changes a second cost browsers and us little."""
    transaction.on_commit(lambda: _outbox.put_latest(topic.name, event, order))


def room() -> int:
    """How many events of this process would be sent now; what is published beyond that is dropped. For who makes many."""
    return _outbox.room()


def close_sockets_on_commit(*, user_id: UUID, code: int = CLOSE_SIGNED_OUT) -> None:
    """Closes every browser socket of a person after commit: signed out, revoked, opted out or erased."""
    group = Topic.user(user_id).name
    transaction.on_commit(lambda: _outbox.put(group, {"type": "hub.close", "topic": group, "code": code}))
