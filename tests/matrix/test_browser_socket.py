"""The browser's socket: no session, no news; another workspace's call, or a colleague's, is not there."""

import asyncio
import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker
from uuid_utils.compat import uuid7

from config.asgi import application
from identity.models import TenantQuerySet
from identity.permissions import SCOPES
from realtime.publish import Topic
from tests.identity.test_sockets import SIGNED_OUT, Socket, elsewhere, run
from tests.matrix.asker import Asker
from tests.matrix.expectations import Role
from tests.matrix.test_keys import key_of
from tests.matrix.world import World, copied
from tests.realtime.doors import Door, both_doors
from tests.voice.carrier import actor_of
from voice import watching
from voice.models import Call, CallWatch

QUIET_S = 0.5


@pytest.fixture(autouse=True)
def committed_rows(world: World, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A socket reads on connections of its own, which see nothing of a test's transaction."""
    with django_db_blocker.unblock():
        yield


class Page(Socket):
    """A socket that speaks as our page does."""

    async def ready(self) -> "Page":
        assert await self.open()
        assert (await self.hears())["event"] == {"type": "ready"}
        return self

    async def follow(self, call_id: UUID | str) -> dict[str, Any]:
        await self._socket.say(json.dumps({"action": "follow", "call_id": str(call_id)}))
        return await self.hears()

    async def follow_team(self) -> dict[str, Any]:
        await self._socket.say(json.dumps({"action": "follow_team"}))
        return await self.hears()

    async def hears(self) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads((await self.next())["text"])
        return heard

    async def hears_nothing(self, for_s: float = QUIET_S) -> bool:
        return await super().hears_nothing(for_s)

    async def leave(self) -> None:
        await self._socket.leave()


async def publish(topic: Topic) -> None:
    """What another process does when something happened; the text is that of no real event."""
    message = {"type": "hub.news", "news": [{"topic": topic.name, "text": '{"type":"planted"}'}]}
    await get_channel_layer().group_send(topic.name, message)


# The mark makes pytest-django create the tests' database for this module; the test itself writes nothing.
@pytest.mark.django_db
@pytest.mark.parametrize("role", ["anonymous", "awaiting_otp"])
@both_doors
def test_without_a_session_the_socket_is_closed_with_a_code(door: type[Door], world: World, role: Role) -> None:
    browser = world.browser_of(role)

    async def story() -> int:
        socket = Socket(browser, door)
        assert await socket.open()
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@both_doors
def test_a_look_of_our_own_people_has_no_socket_and_nor_has_the_customer_beside_it(
    door: type[Door], world: World
) -> None:
    """Nothing can be said or heard by one: it would outlive the look."""
    browser = copied(world.looking["owner"])
    beside = world.browser_of("owner").session_cookie

    async def story(cookies: dict[str, str]) -> int:
        socket = Socket(browser, door, cookies=cookies)
        assert await socket.open()
        return await socket.closed_with()

    ours = {name: browser.client.cookies[name].value for name in ("__Host-staff", "__Host-look")}
    for cookies in (ours, {**ours, "__Host-session": beside or ""}):
        assert run(partial(story, cookies)) == SIGNED_OUT


@both_doors
def test_a_key_opens_no_socket(door: type[Door], world: World) -> None:
    """Not in the place of a session's cookie either."""
    key = key_of(world, *SCOPES)

    async def story() -> int:
        socket = Socket(Asker(), door, cookies={"__Host-session": key})
        assert await socket.open()
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@both_doors
def test_without_our_own_scope_the_database_still_lets_nobody_follow_another_workspaces_call(
    door: type[Door], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted once to see this fail: `tenancy.confined` taken out of config/sockets.py."""
    monkeypatch.setattr(TenantQuerySet, "for_workspace", lambda rows, _: rows.all())
    foreign = str(world.people["stranger"].things["call"])

    async def story() -> dict[str, Any]:
        page = await Page(world.browser_of("owner"), door).ready()
        answer = await page.follow(foreign)
        await page.leave()
        return answer

    assert run(story)["event"] == {"type": "refused", "call_id": foreign, "code": "not_found"}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "http://localhost:1", "null", ""]
)
@both_doors
def test_a_page_of_another_origin_gets_no_socket(door: type[Door], world: World, origin: str) -> None:
    browser = world.browser_of("owner")

    async def story() -> bool:
        return await Socket(browser, door, origin).open()

    assert run(story) is False


@pytest.mark.parametrize(
    ("role", "whose", "may"),
    [
        ("rep", "rep", True),
        ("rep", "colleague", False),
        ("rep", "stranger", False),
        ("manager", "colleague", True),
        ("manager", "stranger", False),
        ("owner", "colleague", True),
        ("owner", "stranger", False),
    ],
)
@both_doors
def test_a_call_is_followed_by_those_who_may_see_it(
    door: type[Door], world: World, role: Role, whose: str, may: bool
) -> None:
    """A refused call is refused like one that there is not, and its news do not arrive."""
    browser, person = world.browser_of(role), world.people[whose]
    call_id = UUID(str(person.things["call"]))

    async def story() -> tuple[dict[str, Any], dict[str, Any], bool]:
        page = await Page(browser, door).ready()
        answer = await page.follow(call_id)
        await publish(Topic.call(person.membership.workspace_id, call_id))
        heard = not await page.hears_nothing()
        if heard:
            assert (await page.hears())["event"] == {"type": "planted"}
        unknown = uuid7()
        refusal = await page.follow(unknown)
        await page.leave()
        return answer["event"], {**refusal["event"], "call_id": str(call_id)}, heard

    answer, refusal, heard = run(story)
    assert refusal == {"type": "refused", "call_id": str(call_id), "code": "not_found"}
    assert heard is may
    assert answer == ({"type": "following", "call_id": str(call_id)} if may else refusal)


@both_doors
def test_a_colleagues_live_call_is_followed_by_who_watches_it_alone(door: type[Door], world: World) -> None:
    """Red when `may_follow_call` asks only whether the call is theirs to see, and where a watch ends without telling the sockets."""
    browser, colleague = world.browser_of("manager"), world.people["colleague"]
    call = Call.objects.get_queryset().filter(id=colleague.things["call"])
    before = call.values("status", "ended_at").get()
    watch = CallWatch(
        workspace_id=colleague.membership.workspace_id,
        call_id=call.get().id,
        user_id=world.people["manager"].membership.user_id,
        began_at=timezone.now(),
        seen_at=timezone.now(),
    )

    async def story() -> list[str]:
        page, own = await Page(browser, door).ready(), await Page(colleague.browser, door).ready()
        await own.follow(watch.call_id)
        answers = [await page.follow(watch.call_id)]
        await elsewhere(watch.save)
        answers.append(await page.follow(watch.call_id))
        # Its end takes the socket out again, which then hears nothing of it.
        await elsewhere(
            partial(
                watching.unwatch,
                actor=actor_of(world.people["manager"].membership),
                call_id=watch.call_id,
                now=timezone.now(),
            )
        )
        while (await page.hears())["event"]["type"] != "refused":
            pass
        await publish(Topic.call(watch.workspace_id, watch.call_id))
        assert await page.hears_nothing()
        while (await own.hears())["event"]["type"] != "planted":
            pass
        await asyncio.gather(page.leave(), own.leave())
        return [each["event"]["type"] for each in answers]

    call.update(status="in_progress", ended_at=None)
    try:
        assert run(story) == ["refused", "following"]
    finally:
        call.update(**before)
        CallWatch.objects.get_queryset().filter(id=watch.id).delete()


@pytest.mark.parametrize(("role", "may"), [("rep", False), ("manager", True), ("owner", True)])
@both_doors
def test_all_live_calls_of_the_team_are_followed_by_its_leaders_alone(
    door: type[Door], world: World, role: Role, may: bool
) -> None:
    browser = world.browser_of(role)
    here, there = (world.people[name].membership.workspace_id for name in ("rep", "stranger"))

    async def story() -> tuple[dict[str, Any], bool]:
        page = await Page(browser, door).ready()
        answer = await page.follow_team()
        await publish(Topic.team(there))
        assert await page.hears_nothing()
        await publish(Topic.team(here))
        heard = not await page.hears_nothing()
        await page.leave()
        return answer["event"], heard

    refusal = {"type": "refused", "call_id": None, "code": "not_found"}
    assert run(story) == ({"type": "following", "call_id": None} if may else refusal, may)


@both_doors
def test_news_reach_their_own_workspace_and_person_only(door: type[Door], world: World) -> None:
    rep, stranger, colleague = (world.people[name] for name in ("rep", "stranger", "colleague"))

    async def story() -> None:
        page, other = await Page(rep.browser, door).ready(), await Page(stranger.browser, door).ready()
        for topic in (Topic.workspace(stranger.membership.workspace_id), Topic.user(stranger.membership.user_id)):
            await publish(topic)
            assert (await other.hears())["topic"] == topic.name
        await publish(Topic.user(colleague.membership.user_id))
        assert await page.hears_nothing()
        await publish(Topic.workspace(rep.membership.workspace_id))
        assert (await page.hears())["topic"] == Topic.workspace(rep.membership.workspace_id).name
        assert await other.hears_nothing()
        await asyncio.gather(page.leave(), other.leave())

    run(story)


def test_the_carriers_socket_opens_for_no_session(world: World) -> None:
    """It wants the carrier's signature; what a browser has is not looked at."""
    cookie = f"{settings.SESSION_COOKIE_NAME}={world.browser_of('owner').session_cookie}".encode()

    async def story() -> bool:
        socket = WebsocketCommunicator(application, "/twilio/media/", headers=[(b"cookie", cookie)])
        accepted, _ = await socket.connect(timeout=5)
        return bool(accepted)

    assert run(story) is False
