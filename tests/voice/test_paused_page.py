"""A page whose browser reads nothing for a while: what was said meanwhile reaches it all the same.

Planted bugs that this catches: a bound on the way out that fewer than 250 lines fill, a socket that stays open with lines left out.
"""

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from ai.listening.transcriber import Word
from config.live_server import PATH
from identity.models import Membership
from realtime.session import CLOSE_TOO_SLOW
from tests.identity.browser import Browser
from tests.identity.test_sockets import elsewhere, run
from tests.realtime.doors import LiveDoor
from tests.voice.carrier import Placed, give_credit, place, post
from voice import transcripts
from voice.heard import Heard
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)
LINES = 250
SAID = "We would have to look at the price again, because the other offer includes the support."


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


@pytest.fixture
def placed(member: Membership) -> Placed:
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=60)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    post(*placed.callee("in-progress", at_s=1, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    return placed


@pytest.fixture
def rep(member: Membership, sign_in: Callable[..., Browser]) -> Browser:
    return sign_in(member)


@dataclass(slots=True)
class Page:
    """A browser's socket that follows a call; little fits into its own kernel's buffer."""

    connection: ClientConnection

    @classmethod
    async def open(cls, rep: Browser, placed: Placed) -> "Page":
        own = socket.socket()
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        own.connect(("127.0.0.1", await LiveDoor.port()))
        own.setblocking(False)
        headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={rep.session_cookie}",
            "Origin": settings.PUBLIC_URL,
        }
        connection = await connect(f"ws://localhost{PATH}", sock=own, additional_headers=headers, compression=None)
        page = cls(connection)
        assert '"ready"' in str(await connection.recv())
        await connection.send(json.dumps({"action": "follow", "call_id": str(placed.call_id)}))
        assert '"following"' in str(await connection.recv())
        return page

    async def numbers(self, count: int) -> list[int]:
        """Of the next so many lines."""
        return [await self.number() for _ in range(count)]

    async def number(self) -> int:
        while True:
            event: dict[str, Any] = json.loads(await self.connection.recv())["event"]
            if event["type"] == "segment.added":
                return int(event["sequence"])


def say(placed: Placed, count: int, text: str) -> list[int]:
    """Stores so many lines; their numbers."""
    said = []
    for number in range(count):
        start_ms = number * 5_000
        words = [Word(word, start_ms, start_ms + 200, 0.9) for word in text.split()]
        heard = Heard("callee", start_ms, start_ms + 4_000, text, 0.9, words)
        segment = transcripts.add_segment(call_id=placed.row.id, heard=heard, now=datetime.now(UTC))
        assert segment is not None
        said.append(segment.sequence)
    return said


def test_250_lines_that_were_said_while_a_page_read_nothing_all_arrive(rep: Browser, placed: Placed) -> None:
    async def story() -> tuple[list[int], list[int], list[int]]:
        paused, awake = await Page.open(rep, placed), await Page.open(rep, placed)
        saying = asyncio.create_task(elsewhere(lambda: say(placed, LINES, SAID)))
        # When the other page has them, they were all sent to this one too.
        at_once = await awake.numbers(LINES)
        later = await paused.numbers(LINES)
        await asyncio.gather(paused.connection.close(), awake.connection.close())
        return await saying, at_once, later

    said, at_once, later = run(story)
    assert at_once == later == said


def test_a_page_that_missed_more_than_may_wait_is_closed_and_asks_for_the_rest_by_number(
    rep: Browser, placed: Placed
) -> None:
    async def story() -> tuple[list[int], list[int]]:
        paused, awake = await Page.open(rep, placed), await Page.open(rep, placed)
        saying = asyncio.create_task(elsewhere(lambda: say(placed, LINES, SAID * 8)))
        await awake.numbers(LINES)
        arrived = []
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                arrived.append(await paused.number())
        await awake.connection.close()
        # The code waits behind all the rest, and for a few seconds only.
        assert closed.value.rcvd is None or closed.value.rcvd.code == CLOSE_TOO_SLOW
        return await saying, arrived

    said, arrived = run(story)
    assert arrived == said[: len(arrived)]
    assert 0 < len(arrived) < LINES
    items: list[dict[str, Any]] = []
    while len(items) < LINES - len(arrived):
        after = items[-1]["sequence"] if items else arrived[-1]
        page = rep.get(f"/api/calls/{placed.call_id}/segments?after_sequence={after}")[1]
        assert page["items"]
        items += page["items"]
    assert arrived + [each["sequence"] for each in items] == said
