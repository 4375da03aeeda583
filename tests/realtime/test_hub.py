"""A socket that hears nothing any more is closed, so that its page comes back and asks.

Planted bugs that this catches: a hub that takes a channel layer's silence for peace, a socket that stays open after its reader
failed, a topic that nobody leaves, a message for each event of many, a
watch that asks for each socket by itself or for none.
"""

import asyncio
import json
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from channels.layers import channel_layers
from channels.testing import WebsocketCommunicator
from django.conf import settings
from pydantic import BaseModel
from redis.asyncio import Redis
from uuid_utils.compat import uuid7

from realtime.consumers import BrowserConsumer
from realtime.hub import DEAF_AFTER_S
from realtime.publish import CLOSE_RESTARTING, CLOSE_SIGNED_OUT, Topic, ask_who_listens, publish_ephemeral
from realtime.session import CLOSE_BAD_MESSAGE, Held
from realtime.watch import Caller, Over
from tests.identity.test_sockets import cancel_the_rest

MayFollow = Callable[[Caller, UUID | None], Coroutine[Any, Any, bool]]


@dataclass(frozen=True, slots=True)
class Somebody:
    user_id: UUID
    workspace_id: UUID


class Told(BaseModel):
    type: str = "told"
    number: int


async def everything(caller: Caller, call_id: UUID | None) -> bool:
    return True


async def nobody(callers: Collection[Caller]) -> Collection[Caller]:
    return ()


class Page:
    def __init__(self, may_follow: MayFollow = everything, *, user_id: UUID | None = None, over: Over = nobody) -> None:
        self.somebody = Somebody(user_id or uuid7(), uuid7())
        self._socket = WebsocketCommunicator(BrowserConsumer.as_asgi(), "/ws/")
        self._socket.scope |= {"who": self.who, "may_follow": may_follow, "over": over}

    async def who(self) -> Held:
        return Held(self.somebody, ends_in_s=3_600)

    async def open(self) -> "Page":
        await self._socket.connect(timeout=5)
        assert '"ready"' in await self.next()
        return self

    async def next(self, timeout_s: float = 5) -> str:
        return str(await self._socket.receive_from(timeout=timeout_s))

    async def hears_nothing(self, for_s: float) -> bool:
        return bool(await self._socket.receive_nothing(timeout=for_s))

    async def say(self, text: str) -> None:
        await self._socket.send_to(text_data=text)

    async def leave(self) -> None:
        await self._socket.disconnect(timeout=30)

    async def closed_with(self, timeout_s: float = 5) -> int:
        while (message := await self._socket.receive_output(timeout=timeout_s))["type"] != "websocket.close":
            pass
        return int(message["code"])


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    # As in a process of its own: a channel layer refuses a second event loop.
    channel_layers.backends.clear()

    async def play() -> None:
        try:
            await story()
        finally:
            await cancel_the_rest()

    asyncio.run(play())


async def tell(page: Page, number: int) -> None:
    publish_ephemeral(Topic.user(page.somebody.user_id), Told(number=number))


def test_of_many_topics_those_are_told_that_somebody_listens_to_and_their_events_arrive_among_all_others() -> None:
    async def story() -> None:
        page = await Page().open()
        own = Topic.user(page.somebody.user_id)
        others = [Topic.user(uuid7()) for _ in range(200)]
        assert await asyncio.to_thread(ask_who_listens([own, *others])) == {own.name}
        assert await asyncio.to_thread(ask_who_listens(others)) == set()
        for number, other in enumerate(others):
            publish_ephemeral(other, Told(number=number))
            if number % 20 == 0:
                await tell(page, number)
        assert [json.loads(await page.next())["event"]["number"] for _ in range(10)] == list(range(0, 200, 20))
        await page.leave()

    run(story)


def test_one_question_asks_for_all_pages_of_a_process_and_none_where_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.watch.ASK_EVERY_S", 1.0)
    asked: list[Collection[Caller]] = []

    async def story() -> None:
        gone: set[Caller] = set()
        has_asked = asyncio.Event()

        async def over(callers: Collection[Caller]) -> Collection[Caller]:
            asked.append(callers)
            has_asked.set()
            return gone

        first, second = Page(over=over), Page(over=over)
        for each in (first, second):
            await each.open()
        async with asyncio.timeout(5):
            await has_asked.wait()
        assert asked == [{first.somebody, second.somebody}]
        gone.add(first.somebody)
        assert await first.closed_with() == CLOSE_SIGNED_OUT
        assert await second.hears_nothing(1.2)
        await second.leave()
        asked.clear()
        await asyncio.sleep(1.5)
        assert asked == []

    run(story)


def test_what_waits_to_be_sent_reaches_a_page_in_its_order_and_in_few_messages() -> None:
    """Each message costs the sender and the hub several round trips, while the next callbacks are applied."""
    many = 200

    async def story() -> None:
        page = await Page().open()
        own = [Topic.user(page.somebody.user_id), Topic.workspace(page.somebody.workspace_id)]
        async with Redis.from_url(settings.REDIS_URL) as valkey:
            await valkey.config_resetstat()
            for number in range(many):
                publish_ephemeral(own[number % 2], Told(number=number))
            assert [json.loads(await page.next())["event"]["number"] for _ in range(many)] == list(range(many))
            asked = await valkey.info("commandstats")
        # One to send a message, one to receive it.
        assert asked["cmdstat_eval"]["calls"] < many / 2
        await page.leave()

    run(story)


def test_where_it_cannot_be_told_who_listens_all_count_as_listened_to(settings: Any) -> None:
    """Whoever publishes must not fail, whatever the channel layer is."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    topics = [Topic.user(uuid7()) for _ in range(3)]
    assert set(ask_who_listens(topics)()) == {topic.name for topic in topics}


def test_a_channel_layer_that_lost_its_memory_costs_every_socket_and_the_next_ones_hear_again() -> None:
    """A restart between two reads, a failover or a flush raises nothing: the groups are just gone."""

    async def story() -> None:
        page = await Page().open()
        await tell(page, 1)
        assert '"number":1' in await page.next()
        async with Redis.from_url(settings.REDIS_URL) as valkey:
            await valkey.flushall()
        assert await page.closed_with(DEAF_AFTER_S + 10) == CLOSE_RESTARTING
        again = await Page().open()
        await tell(again, 2)
        assert '"number":2' in await again.next()

    run(story)


def test_a_channel_layer_whose_connections_break_closes_every_socket_at_once() -> None:
    async def story() -> None:
        pages = [await Page().open() for _ in range(3)]
        async with Redis.from_url(settings.REDIS_URL) as valkey:
            await valkey.client_kill_filter(_type="normal", skipme=True)
        assert [await page.closed_with() for page in pages] == [CLOSE_RESTARTING] * 3
        again = await Page().open()
        await tell(again, 3)
        assert '"number":3' in await again.next()

    run(story)


def test_a_quiet_hub_stays_open() -> None:
    async def story() -> None:
        page = await Page().open()
        await asyncio.sleep(DEAF_AFTER_S + 2)
        await tell(page, 4)
        assert '"number":4' in await page.next()

    run(story)


def test_a_database_that_fails_under_a_message_closes_the_socket_so_that_the_page_comes_back() -> None:
    async def away(caller: Caller, call_id: UUID | None) -> bool:
        raise ConnectionError("the database is away")

    async def story() -> None:
        page = await Page(away).open()
        await page.say(f'{{"action":"follow","call_id":"{uuid7()}"}}')
        assert await page.closed_with() == CLOSE_RESTARTING

    run(story)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"action":"follow"}', '{"action":"follow","call_id":7}', '{"action":"fly"}', "x" * 3_000, "[" * 1_900],
)
def test_a_message_that_cannot_be_understood_closes_the_socket_with_a_code(text: str) -> None:
    async def story() -> None:
        page = await Page().open()
        await page.say(text)
        assert await page.closed_with() == CLOSE_BAD_MESSAGE

    run(story)


def test_after_a_thousand_sockets_closed_at_once_no_group_has_a_member() -> None:
    async def story() -> None:
        pages = [await Page().open() for _ in range(1_000)]
        names = [f"klose:group:{Topic.user(page.somebody.user_id).name}" for page in pages]
        async with Redis.from_url(settings.REDIS_URL) as valkey:
            assert await valkey.exists(*names) == 1_000
            await asyncio.gather(*(page.leave() for page in pages))
            assert await valkey.exists(*names) == 0

    run(story)
