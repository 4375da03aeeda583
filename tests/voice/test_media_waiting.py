"""What a media socket brings before its token is accepted.

Planted bugs that this catches: messages that are kept as many and as large as they come, or after their token was refused; a
token that is used up, or refused, since the database was away for a moment; a socket that is held for ever since nobody had
foreseen what went wrong.
"""

import asyncio
import base64
import json
import sys
import threading
from collections.abc import Callable

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from tests.identity.test_sockets import elsewhere
from tests.voice.carrier import Placed
from tests.voice.held_rows import cut_who_waits, hold_row
from tests.voice.media_doors import AsgiSocket, PicowsSocket, Socket, run
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from voice import media_session

pytestmark = pytest.mark.django_db(transaction=True)


def frame_of(samples: int, number: int) -> str:
    media = {"track": "inbound", "timestamp": number * 20, "payload": base64.b64encode(b"\xff" * samples).decode()}
    return json.dumps({"event": "media", "media": media})


def uses_of(messages: list[str]) -> list[int]:
    """How often each is kept."""
    return [sys.getrefcount(each) for each in messages]


@pytest.mark.parametrize("samples", [[160] * 1_000, [8_000] * 100, [8_000] * 40 + [160] * 100])
def test_what_came_with_a_token_that_is_refused_is_kept_within_bounds_and_thrown_away(
    placed: Placed, samples: list[int]
) -> None:
    """The first ones, up to the first that has no room."""

    async def story() -> tuple[list[int], list[int], list[int]]:
        codes: list[int] = []
        session = media_session.MediaSession(close=codes.append, hold=lambda _: None)
        session.receive(json.dumps(start(placed, "x" * 43)))
        sent = [frame_of(size, number) for number, size in enumerate(samples)]
        unused = uses_of(sent)
        for number in range(len(sent)):
            session.receive(sent[number])
        waiting = [number for number, uses in enumerate(uses_of(sent)) if uses > unused[number]]
        await until(lambda: bool(codes))
        session.receive(sent[0])
        return waiting, [number for number, uses in enumerate(uses_of(sent)) if uses > unused[number]], codes

    waiting, kept, codes = run(story)
    assert waiting == list(range(len(waiting)))
    assert 0 < len(waiting) <= 500 and sum(samples[: len(waiting)]) <= 256 * 1024
    assert (kept, codes) == ([], [media_session.CLOSE_REFUSED])


async def heard_with(again: Socket, placed: Placed, token: str) -> int:
    """Another socket with the same token, which nobody has used yet, until its stream is over; the code that it is closed with."""
    assert await sync_to_async(streams)(placed) == ["issued"]
    await again.open()
    await again.say(start(placed, token), frame(0))
    await until(lambda: streams(placed) == ["connected"])
    await again.say({"event": "stop"})
    done = await again.closed_with()
    await until(lambda: streams(placed) == ["finished"])
    return done


@pytest.mark.parametrize("door", [AsgiSocket, PicowsSocket])
def test_a_database_that_is_away_at_the_start_leaves_the_token_for_another_try(
    placed: Placed, door: Callable[[], Socket]
) -> None:
    """The claim waits for a row that somebody holds, and its connection is cut there."""
    token = token_for(placed)

    async def story() -> tuple[int, int]:
        first, again = door(), door()
        held, release = threading.Event(), threading.Event()
        holder = asyncio.create_task(elsewhere(lambda: hold_row(placed, held, release)))
        await asyncio.to_thread(held.wait)
        await first.open()
        await first.say(start(placed, token), frame(0))
        assert await elsewhere(cut_who_waits)
        told = await first.closed_with()
        release.set()
        await holder
        return told, await heard_with(again, placed, token)

    assert run(story) == (media_session.CLOSE_TRY_AGAIN, media_session.CLOSE_DONE)


def rename_column(name: str, to: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE voice_mediastream RENAME COLUMN {name} TO {to}")


@pytest.mark.parametrize("door", [AsgiSocket, PicowsSocket])
def test_whatever_goes_wrong_at_the_start_the_socket_ends_and_the_token_is_left_for_another_try(
    placed: Placed, door: Callable[[], Socket]
) -> None:
    """The database is not as this version knows it, for a moment."""
    token = token_for(placed)

    async def story() -> tuple[int, int]:
        first, again = door(), door()
        await first.open()
        await elsewhere(lambda: rename_column("settled_ms", "told_ms"))
        try:
            await first.say(start(placed, token), frame(0))
            told = await first.closed_with()
        finally:
            await elsewhere(lambda: rename_column("told_ms", "settled_ms"))
        return told, await heard_with(again, placed, token)

    assert run(story) == (media_session.CLOSE_TRY_AGAIN, media_session.CLOSE_DONE)
