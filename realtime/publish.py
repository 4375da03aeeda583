"""Publishing events to browsers.

Events are hints, tables are the truth: an event that is lost costs a browser one look at REST, never data. So publishing
never blocks and never fails its caller; what could not be sent is logged.
"""

import asyncio
import atexit
import logging
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer
from django.db import transaction
from pydantic import BaseModel

logger = logging.getLogger(__name__)

# More than this many unsent events mean that the channel layer is gone; the newest are dropped then.
OUTBOX_EVENTS_MAX = 2_000
SEND_TIMEOUT_S = 5.0
# So many that wait go out together: whatever is in a message, it costs the sender four round trips and the hub three, and of much
# of what many calls bring about at once nobody listens to.
SEND_AT_ONCE_MAX = 64
# How long whoever is about to make thousands of events waits to hear which of them anybody listens to.
ASK_PATIENCE_S = 0.25
# Events of which only the newest counts: so many at once and then a pause, so at most 500 a second and 31 of one kind and topic,
# whatever is booked meanwhile.
LATEST_AT_ONCE_MAX = 16
LATEST_PAUSE_S = 0.032
# A full outbox drops thousands; the log hears of it so often.
TELL_AGAIN_S = 10.0
# Whoever ends waits for what is on its way, as long as something goes out now and then.
FLUSH_PATIENCE_S = 5.0
FLUSH_LOOKS_EVERY_S = 0.01
# What keeps a close from being sent for longer than this keeps hubs from hearing their own beat, and then they close every socket.
CLOSE_AGAIN_AFTER_S = 0.5
CLOSE_TRIES_MAX = 20
CLOSE_SIGNED_OUT = 4401
# Code 1012 would say it, but servers may send only 1000 and codes from 3000 on.
CLOSE_RESTARTING = 4012


# Of a topic: the text of an event, the code with which its sockets are closed, or whose of them listen to it no more.
_News = dict[str, Any]


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
        self._queue: asyncio.Queue[_News] | None = None
        self._waiting = 0
        self._latest: dict[tuple[str, type[BaseModel]], tuple[int, BaseModel]] = {}
        self._latest_waits: asyncio.Event | None = None
        self._latest_seen_to = False
        self._trying: set[asyncio.Task[None]] = set()
        self._told_at = -TELL_AGAIN_S
        self._in_vain_at = -SEND_TIMEOUT_S

    def put(self, news: Sequence[_News], *, even_if_full: bool = False) -> None:
        """All or none of them. even_if_full: for what nobody could ask for again."""
        with self._lock:
            loop = self._started()
            if not even_if_full and self._is_full(self._waiting):
                return
            self._waiting += len(news)
        loop.call_soon_threadsafe(self._queued, news)

    def _queued(self, news: Sequence[_News]) -> None:
        assert self._queue is not None
        for each in news:
            self._queue.put_nowait(each)

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
            # Waking it costs more than all the rest here, and whoever sends or pauses looks again.
            if self._latest_seen_to:
                return
            self._latest_seen_to = True
        assert self._latest_waits is not None
        loop.call_soon_threadsafe(self._latest_waits.set)

    def room(self) -> int:
        """How many more events of put would be sent rather than dropped now."""
        return max(0, OUTBOX_EVENTS_MAX - self._waiting)

    def flush(self) -> None:
        waiting, since = self._waiting, time.monotonic()
        while self._waiting:
            if self._waiting != waiting:
                waiting, since = self._waiting, time.monotonic()
            elif time.monotonic() - since > FLUSH_PATIENCE_S:
                logger.warning("events not sent before the end")
                return
            time.sleep(FLUSH_LOOKS_EVERY_S)

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

    def ask_who_listens(self, groups: Collection[str]) -> Callable[[], Collection[str]]:
        with self._lock:
            loop = self._started()
        if not groups or time.monotonic() - self._in_vain_at < SEND_TIMEOUT_S:
            return lambda: groups
        asked = asyncio.run_coroutine_threadsafe(_hubs_in(get_channel_layer(), groups), loop)

        def answer() -> Collection[str]:
            try:
                return asked.result(timeout=ASK_PATIENCE_S).keys()
            except TimeoutError:
                # Whoever makes thousands asks for each few hundred, and must not wait each time.
                self._in_vain_at = time.monotonic()
                asked.cancel()
                return groups
            except Exception:
                # Publishing never fails its caller; sending will fail alike, and says so.
                return groups

        return answer

    async def _drain(self, layer: Any) -> None:
        assert self._queue is not None
        while True:
            some = [await self._queue.get()]
            while len(some) < SEND_AT_ONCE_MAX and not self._queue.empty():
                some.append(self._queue.get_nowait())
            if closes := [each for each in await _send(layer, some) if "text" not in each]:
                trying = asyncio.create_task(self._try_again(layer, closes))
                self._trying.add(trying)
                trying.add_done_callback(self._trying.discard)
            with self._lock:
                self._waiting -= len(some) - len(closes)

    async def _try_again(self, layer: Any, closes: Sequence[_News]) -> None:
        """An event that is lost costs a look at REST; a close, or the end of a listening, that is lost leaves somebody in."""
        unsent = closes
        for _ in range(CLOSE_TRIES_MAX):
            await asyncio.sleep(CLOSE_AGAIN_AFTER_S)
            if not (unsent := await _send(layer, unsent)):
                break
        with self._lock:
            self._waiting -= len(closes)

    async def _drain_latest(self, layer: Any) -> None:
        assert self._latest_waits is not None
        while True:
            await self._latest_waits.wait()
            while oldest := self._oldest_latest():
                heard = await _hubs_in(layer, {group for group, _ in oldest})
                written = [_event(group, event.model_dump_json()) for group, event in oldest if group in heard]
                await _send_to(layer, written, heard)
                await asyncio.sleep(LATEST_PAUSE_S)

    def _oldest_latest(self) -> list[tuple[str, BaseModel]]:
        assert self._latest_waits is not None
        with self._lock:
            if not self._latest:
                self._latest_seen_to = False
                self._latest_waits.clear()
            keys = list(islice(self._latest, LATEST_AT_ONCE_MAX))
            return [(key[0], self._latest.pop(key)[1]) for key in keys]


async def _send(layer: Any, news: Sequence[_News]) -> list[_News]:
    return await _send_to(layer, news, await _hubs_in(layer, {each["topic"] for each in news}))


async def _send_to(layer: Any, news: Sequence[_News], hubs: Mapping[str, Collection[str]]) -> list[_News]:
    """One message for each hub, with all that its sockets listen to, in the order in which it was put. Returns what did not reach
    every hub."""
    by_hub: dict[str, list[_News]] = {}
    for each in news:
        for hub in hubs.get(each["topic"], ()):
            by_hub.setdefault(hub, []).append(each)
    unsent = await asyncio.gather(*(_send_one(layer, hub, some) for hub, some in by_hub.items()))
    return [each for some in unsent for each in some]


async def _send_one(layer: Any, hub: str, news: Sequence[_News]) -> Sequence[_News]:
    """Returns what was not sent."""
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await layer.group_send(hub, {"type": "hub.news", "news": news})
        return ()
    except Exception as error:
        # The channel layer may vanish at any time; browsers then recover by sequence.
        logger.warning("event not sent", extra={"error_type": type(error).__name__, "count": len(news)})
        return news


async def _hubs_in(layer: Any, groups: Collection[str]) -> Mapping[str, Collection[str]]:
    """The groups that anybody is in, and by which groups of their own its hubs are reached: one question for all as long as nobody
    is. Where it cannot be told, all of the groups, each reached by itself."""
    by_server: dict[int, list[str]] = {}
    found: dict[str, Collection[str]] = {}
    try:
        for group in groups:
            by_server.setdefault(layer.consistent_hash(group), []).append(group)
        async with asyncio.timeout(SEND_TIMEOUT_S):
            for server, some in by_server.items():
                connection, keys = layer.connection(server), [layer._group_key(group) for group in some]
                if len(keys) > 1 and not await connection.exists(*keys):
                    continue
                pipeline = connection.pipeline(transaction=False)
                for key in keys:
                    # Hubs that ended without leaving, as the channel layer forgets them.
                    pipeline.zremrangebyscore(key, 0, time.time() - layer.group_expiry)
                    pipeline.zrange(key, 0, -1)
                channels = (await pipeline.execute())[1::2]
                for group, members in zip(some, channels, strict=True):
                    if members:
                        found[group] = [own_group(channel.decode()) for channel in members]
    except Exception:
        # Sending will fail alike, and says so.
        return {group: (group,) for group in groups}
    return found


def own_group(channel: str) -> str:
    """A group that only the hub of this channel is in; a channel's name holds a character that a group's may not."""
    return f"hub.{channel.rsplit('!', 1)[-1]}"


def _event(topic: str, text: str) -> _News:
    return {"topic": topic, "text": text}


def _told(topics: Iterable[Topic], event: BaseModel) -> list[_News]:
    text = event.model_dump_json()
    return [_event(topic.name, text) for topic in topics]


_outbox = _Outbox()
# For servers, whose connections are open; manage.py asks before, as an interpreter that ends resolves no names any more.
atexit.register(_outbox.flush)


def flush() -> None:
    """Waits until what was published is sent, except the newest-only events. For processes that are about to end; with a bound."""
    _outbox.flush()


def publish_ephemeral(topic: Topic, event: BaseModel) -> None:
    """Sends now, outside any transaction: only for what is never stored, such as interim text."""
    _outbox.put([_event(topic.name, event.model_dump_json())])


def publish_on_commit(topics: Topic | Sequence[Topic], event: BaseModel) -> None:
    """Sends after the surrounding transaction commits, and not at all if it rolls back. It is written out once for all topics."""
    transaction.on_commit(partial(_outbox.put, _told((topics,) if isinstance(topics, Topic) else topics, event)))


def publish_all_on_commit(events: Iterable[tuple[Sequence[Topic], BaseModel]]) -> None:
    """The same for many events. Together, since waking the thread that sends them costs more than all the rest here."""
    if news := [each for topics, event in events for each in _told(topics, event)]:
        transaction.on_commit(partial(_outbox.put, news))


def publish_latest(topic: Topic, event: BaseModel, *, order: int) -> None:
    """Sends now what is committed already. Of events of which the newest says all: of those that still wait to be sent only
    the one with the highest order goes out, so that thousands of changes a second cost browsers and us little."""
    _outbox.put_latest(topic.name, event, order)


def publish_latest_on_commit(topic: Topic, event: BaseModel, *, order: int) -> None:
    """The same after the surrounding transaction commits, and not at all if it rolls back."""
    transaction.on_commit(lambda: _outbox.put_latest(topic.name, event, order))


def ask_who_listens(topics: Collection[Topic]) -> Callable[[], Collection[str]]:
    """Asks, and returns what waits for the answer: the names of those that any browser of any process listens to; of all where that
    cannot be told soon. For who makes many events, and has something to do meanwhile."""
    return _outbox.ask_who_listens({topic.name for topic in topics})


def room() -> int:
    """How many events of this process would be sent now; what is published beyond that is dropped. For who makes many."""
    return _outbox.room()


def close_sockets_on_commit(*, user_id: UUID, code: int = CLOSE_SIGNED_OUT) -> None:
    """Closes every browser socket of a person after commit: signed out, revoked, opted out or erased. It is never dropped for want
    of room, and sent again if that fails, since no look at REST would make up for it; `realtime.watch` sees to what is lost even so."""
    group = Topic.user(user_id).name
    transaction.on_commit(lambda: _outbox.put([{"topic": group, "code": code}], even_if_full=True))


def end_following_on_commit(*, user_id: UUID, topic: Topic, call_id: UUID) -> None:
    """Takes a person's sockets out of a call's topic after commit, and tells them that they hear no more of it; as little to be lost
    as a close."""
    news = {"topic": topic.name, "of": Topic.user(user_id).name, "call_id": str(call_id)}
    transaction.on_commit(lambda: _outbox.put([news], even_if_full=True))
