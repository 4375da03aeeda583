"""A browser's socket belongs to a session: none without the passcode, none after the session."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers
from django.conf import settings
from django.db import connections

from identity.models import Session
from identity.personal_data import STORE, subject_of
from identity.sessions import IDLE_FOR
from tests.identity.browser import PASSWORD, Browser
from tests.identity.conftest import NOW, MakeAccount, SignIn
from tests.realtime.doors import Door, both_doors

SIGNED_OUT = 4401
Result = TypeVar("Result")


class Socket:
    """The browser's own socket, with its cookies."""

    def __init__(
        self,
        browser: Browser,
        door: type[Door],
        origin: str = settings.PUBLIC_URL,
        cookies: Mapping[str, str | None] | None = None,
    ) -> None:
        sent = cookies or {settings.SESSION_COOKIE_NAME: browser.session_cookie}
        cookie = "; ".join(f"{name}={value}" for name, value in sent.items())
        headers = [(b"cookie", cookie.encode()), (b"origin", origin.encode())]
        self._socket = door(headers)

    async def open(self) -> bool:
        return await self._socket.open()

    async def next(self) -> dict[str, Any]:
        return await self._socket.next()

    async def hears_nothing(self, for_s: float) -> bool:
        return await self._socket.hears_nothing(for_s)

    async def closed_with(self) -> int:
        """The code that the socket is closed with; what arrives before is passed over."""
        while (message := await self.next())["type"] != "websocket.close":
            pass
        return int(message["code"])


async def elsewhere(act: Callable[[], Result]) -> Result:
    """Runs what blocks beside the event loop, as another process would."""

    def run() -> Result:
        try:
            return act()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


def run(
    story: Callable[[], Coroutine[Any, Any, Result]],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Result:
    """Plays a story as a process of its own would: on its own event loop and channel layer. A layer counts who receives on
    it and refuses a second loop, also when the first one's count was lost with its cancellation.

    Gives back the database connection of the loop's thread.
    """
    channel_layers.backends.clear()

    async def play() -> Result:
        try:
            return await story()
        finally:
            await sync_to_async(connections.close_all)()
            await cancel_the_rest()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(play())


async def cancel_the_rest() -> None:
    """channels_redis can lose a cancellation that comes just after a message, so each task is asked until it
    ends.
    """
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    while rest:
        for task in rest:
            task.cancel()
        _, rest = await asyncio.wait(rest, timeout=0.5)


@both_doors
def test_a_signed_in_browser_gets_its_socket_and_loses_it_by_signing_out(
    door: type[Door], make_account: MakeAccount, sign_in: SignIn
) -> None:
    browser = sign_in(make_account())

    async def story() -> int:
        socket = Socket(browser, door)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        await elsewhere(lambda: browser.post("/api/signout"))
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@both_doors
def test_a_cookie_that_cannot_be_read_hides_none_of_ours(
    door: type[Door], make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Whatever else our domain sets. Red when sockets read cookies by http.cookies, which stops at the first such one."""
    browser = sign_in(make_account())

    async def story() -> str:
        socket = Socket(browser, door, cookies={"a[b]": "1", settings.SESSION_COOKIE_NAME: browser.session_cookie})
        assert await socket.open()
        return str((await socket.next())["text"])

    assert '"ready"' in run(story)


@both_doors
def test_a_revoked_session_loses_its_socket(door: type[Door], make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account()
    here, there = sign_in(member, "198.51.100.1"), sign_in(member, "198.51.100.2")
    target = next(item["id"] for item in here.get("/api/sessions")[1]["items"] if not item["current"])

    async def story() -> tuple[int, int]:
        socket = Socket(there, door)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        await elsewhere(lambda: here.delete(f"/api/sessions/{target}"))
        first = await socket.closed_with()
        # A page that reconnects with the ended session is told again why.
        again = Socket(there, door)
        assert await again.open()
        return first, await again.closed_with()

    assert run(story) == (SIGNED_OUT, SIGNED_OUT)


@both_doors
def test_an_erased_person_loses_the_socket(door: type[Door], make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account()
    browser = sign_in(member)

    async def story() -> int:
        socket = Socket(browser, door)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        await elsewhere(lambda: STORE.erase(subject_of(member.user_id), now=NOW))
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@pytest.mark.policy("C2.2")
@both_doors
def test_a_session_that_waits_for_its_passcode_has_no_socket(
    door: type[Door], browser: Browser, make_account: MakeAccount
) -> None:
    make_account()
    browser.post("/api/signin", {"email": "ada@example.com", "password": PASSWORD})

    async def story() -> int:
        socket = Socket(browser, door)
        assert await socket.open()
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@both_doors
def test_a_page_of_another_origin_gets_no_socket(door: type[Door], make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account())

    async def story() -> bool:
        return await Socket(browser, door, origin="https://evil.example").open()

    assert run(story) is False


@both_doors
@pytest.mark.parametrize("ends", ["at its term", "idle"])
def test_a_session_that_comes_to_its_end_takes_its_socket_along(
    door: type[Door], ends: str, make_account: MakeAccount, sign_in: SignIn
) -> None:
    browser = sign_in(make_account())
    soon = datetime.now(UTC) + timedelta(seconds=3)
    Session.objects.update(**({"expires_at": soon} if ends == "at its term" else {"last_used_at": soon - IDLE_FOR}))

    async def story() -> int:
        socket = Socket(browser, door)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        return await socket.closed_with()

    assert run(story) == SIGNED_OUT


@both_doors
def test_a_session_that_was_used_meanwhile_keeps_its_socket(
    door: type[Door], make_account: MakeAccount, sign_in: SignIn
) -> None:
    browser = sign_in(make_account())
    Session.objects.update(last_used_at=datetime.now(UTC) + timedelta(seconds=4) - IDLE_FOR)

    async def story() -> bool:
        socket = Socket(browser, door)
        assert await socket.open()
        assert '"ready"' in (await socket.next())["text"]
        await elsewhere(lambda: browser.get("/api/sessions"))
        return await socket.hears_nothing(5)

    assert run(story)
