"""What a media socket leaves behind in the process when it has gone.

Planted bugs that this catches: a socket that goes on knowing its protocol, a session that its pipeline knows after the end.
"""

import asyncio
import gc

import pytest

from tests.voice.carrier import Placed
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from voice import media_session
from voice.media_session import MediaSession
from voice.media_socket import MediaSocket

pytestmark = pytest.mark.django_db(transaction=True)
PARTS = (MediaSocket, MediaSession)


def test_a_socket_that_has_gone_leaves_nothing_for_the_collector(placed: Placed) -> None:
    """Which looks only now and then, so that thousands of calls would lie about."""
    token = token_for(placed)

    async def story() -> tuple[list[str], list[str]]:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, token), *[frame(number) for number in range(20)])
        await until(lambda: streams(placed) == ["connected"])
        there = names()
        await socket.say({"event": "stop"})
        assert await socket.closed_with() == media_session.CLOSE_DONE
        await until(lambda: streams(placed) == ["finished"])
        await asyncio.sleep(0.1)
        return there, names()

    gc.collect()
    gc.disable()
    try:
        there, left = run(story)
    finally:
        gc.enable()
    assert there == ["MediaSession", "MediaSocket"] and not left


def names() -> list[str]:
    return sorted(type(each).__name__ for each in gc.get_objects() if type(each) in PARTS)
