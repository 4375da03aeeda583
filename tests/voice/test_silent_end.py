"""Sound that ends before the carrier says stop leaves a gap, and a call that is heard to its end has none.

Planted bugs that this catches: a hole that only the next frame would have told of, and none comes; sound that is too little to be believed
behind it, and hides it; a stream that brings nothing at all; a process that is late itself, and takes that for silence; sound that
came faster than it was made.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.voice.carrier import Placed
from tests.voice.ears import ears
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from tests.voice.test_streams import gaps
from voice import media_session
from voice.models import Call
from voice.stillness import LOOK_EVERY_S, STILL_LEAST_MS

pytestmark = pytest.mark.django_db(transaction=True)
# Long enough to be told in any case.
SILENT_S = STILL_LEAST_MS / 1_000 + 2 * LOOK_EVERY_S
SECOND = 50


def heard(placed: Placed, settings: Any, talk: Callable[[PicowsSocket], Awaitable[None]]) -> list[tuple[int, int]]:
    """The gaps of a call whose stream brings this and is stopped then. Those of the time before it began are another's."""
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")

    async def story() -> None:
        async with ears(settings):
            socket = PicowsSocket()
            await socket.open()
            await socket.say(start(placed, await sync_to_async(token_for)(placed)))
            await until(lambda: streams(placed) == ["connected"])
            await talk(socket)
            await socket.say({"event": "stop"})
            assert await socket.closed_with() == media_session.CLOSE_DONE
            await until(lambda: streams(placed) == ["finished"])

    run(story)
    return gaps(placed)


async def say(socket: PicowsSocket, first: int, last: int, *, paced: bool = False) -> None:
    for number in range(first, last):
        await socket.say(frame(number, "inbound"), frame(number, "outbound"))
        if paced:
            await asyncio.sleep(0.02)


def stand_still() -> None:
    time.sleep(SILENT_S)


def test_what_did_not_come_before_the_stop_is_marked(placed: Placed, settings: Any) -> None:
    async def talk(socket: PicowsSocket) -> None:
        await say(socket, 0, SECOND, paced=True)
        await asyncio.sleep(SILENT_S)

    [(start_ms, end_ms)] = heard(placed, settings, talk)
    assert start_ms == 1_000 and end_ms - start_ms >= STILL_LEAST_MS


@pytest.mark.parametrize("hole_ms", [1_300, 3_000])
def test_a_hole_right_before_the_end_is_marked(placed: Placed, settings: Any, hole_ms: int) -> None:
    """A fifth of a second follows it, which as long as more may come nobody believes to lie there."""

    async def talk(socket: PicowsSocket) -> None:
        await say(socket, 0, SECOND, paced=True)
        await asyncio.sleep(hole_ms / 1_000)
        first = SECOND + hole_ms // 20
        await say(socket, first, first + SECOND // 5)

    assert heard(placed, settings, talk) == [(1_000, 1_000 + hole_ms)]


def test_sound_at_the_end_that_lies_where_no_time_has_come_to_leaves_no_gap(placed: Placed, settings: Any) -> None:
    async def talk(socket: PicowsSocket) -> None:
        await say(socket, 0, SECOND, paced=True)
        await say(socket, 60 * SECOND, 60 * SECOND + SECOND // 5)

    assert heard(placed, settings, talk) == []


def test_a_stream_that_brought_nothing_is_marked_from_its_beginning(placed: Placed, settings: Any) -> None:
    [(start_ms, end_ms)] = heard(placed, settings, lambda _: asyncio.sleep(SILENT_S))
    assert start_ms == 0 and end_ms >= STILL_LEAST_MS


def test_a_call_that_is_heard_to_its_stop_has_no_gap(placed: Placed, settings: Any) -> None:
    assert heard(placed, settings, lambda socket: say(socket, 0, 2 * SECOND, paced=True)) == []


def test_a_process_that_is_late_takes_that_for_no_silence(placed: Placed, settings: Any) -> None:
    """It stands still for as long while the sound and the stop wait for it."""

    async def talk(socket: PicowsSocket) -> None:
        await say(socket, 0, SECOND, paced=True)
        # The carrier's side is on the same loop: what it sends is in the kernel before the loop stands.
        await say(socket, SECOND, 2 * SECOND)
        await socket.say({"event": "stop"})
        stand_still()

    assert heard(placed, settings, talk) == []


def test_nor_does_sound_that_came_before_its_time_leave_one(placed: Placed, settings: Any) -> None:
    async def talk(socket: PicowsSocket) -> None:
        await say(socket, 0, 8 * SECOND)
        await asyncio.sleep(SILENT_S)

    assert heard(placed, settings, talk) == []
