"""A media socket that goes silent is dead, and is closed with a code of its own; one that brings sound is not.

Planted bugs that this catches: sound that is taken without Python and does not count as heard, which would cut every call after a minute; a
socket that nobody looks at; bytes that count as heard before they are a message.
"""

import asyncio
from collections.abc import Callable, Iterable
from itertools import count

import pytest
from asgiref.sync import sync_to_async

from tests.voice.carrier import Placed
from tests.voice.lines import framed
from tests.voice.media_doors import AsgiSocket, PicowsSocket, Socket, run, text_of
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from voice import media_session

pytestmark = pytest.mark.django_db(transaction=True)
# Long beside what a busy machine makes wait, and looked at several times.
SILENT_S = 1.5
LOOKS = 4
FRAME_S = 0.02
DRIP_S = 0.05
TEXT_BEGUN, GOING_ON = 0x01, 0x00


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_session, "SILENT_AFTER_S", SILENT_S)


@pytest.mark.parametrize("door", [AsgiSocket, PicowsSocket])
def test_sound_keeps_a_stream_open_as_long_as_it_comes_and_silence_ends_it(
    placed: Placed, door: Callable[[], Socket]
) -> None:
    token = token_for(placed)

    async def story() -> tuple[list[str], int]:
        socket = door()
        await socket.open()
        await socket.say(start(placed, token))
        await until(lambda: streams(placed) == ["connected"])
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + LOOKS * SILENT_S
        for number in count():
            if loop.time() >= ends_s:
                break
            await socket.say(frame(number))
            await asyncio.sleep(FRAME_S)
        spoken = await sync_to_async(streams)(placed)
        code = await socket.closed_with()
        await until(lambda: streams(placed) == ["lost"])
        return spoken, code

    assert run(story) == (["connected"], media_session.CLOSE_SILENT)


def bytes_of_a_frame() -> Iterable[bytes]:
    return (bytes([each]) for each in framed(text_of(frame(0)).encode()))


def pieces_of_a_message() -> Iterable[bytes]:
    """A frame for each byte, and none is the last."""
    for number, each in enumerate(text_of(frame(0)).encode()):
        yield framed(bytes([each]), GOING_ON if number else TEXT_BEGUN)


@pytest.mark.parametrize("dripped", [bytes_of_a_frame, pieces_of_a_message])
def test_what_is_dripped_byte_by_byte_and_is_never_a_message_is_silence(
    placed: Placed, dripped: Callable[[], Iterable[bytes]]
) -> None:
    token = token_for(placed)

    async def story() -> int:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, token), frame(0))
        await until(lambda: streams(placed) == ["connected"])
        closing = asyncio.create_task(socket.closed_with())
        for piece in dripped():
            if closing.done():
                break
            try:
                socket.socket.transport.write(piece)
            except RuntimeError:
                # Closed a moment ago; how, is read below.
                break
            await asyncio.sleep(DRIP_S)
        return await closing

    assert run(story) == media_session.CLOSE_SILENT
    assert streams(placed) == ["lost"]
