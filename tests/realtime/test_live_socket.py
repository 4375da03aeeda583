"""The live process's own door, over a real connection: who is heard, who is closed, and that one who does not read costs little.

Planted bugs that this catches: a frame that overtakes what a transport still holds, a number that is written to after its socket has ended.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from channels.layers import channel_layers
from picows import ws_create_server
from uuid_utils.compat import uuid7
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from realtime.hub import hub
from realtime.live_socket import BUFFER_BYTES_MAX, KERNEL_BUFFER_BYTES, LiveSocket
from realtime.session import CLOSE_BAD_MESSAGE, CLOSE_TOO_SLOW, BrowserSession, Held
from tests.identity.test_sockets import cancel_the_rest
from tests.realtime.test_hub import Somebody, everything, nobody

# The kernel doubles what is asked for.
OWN_BUFFER_BYTES = 16_384
CLOSE = 8
# Here, in both kernels' buffers, and a little for what is on its way.
WAITING_BYTES_MAX = BUFFER_BYTES_MAX + 2 * KERNEL_BUFFER_BYTES + 4 * OWN_BUFFER_BYTES
SOMEBODY = Somebody(uuid7(), uuid7())


async def somebody() -> Held:
    return Held(SOMEBODY, ends_in_s=3_600)


@asynccontextmanager
async def door() -> AsyncIterator[tuple[str, set[LiveSocket]]]:
    channel_layers.backends.clear()
    sockets: set[LiveSocket] = set()

    async def session(one: LiveSocket) -> BrowserSession:
        return BrowserSession(one, who=somebody, may_follow=everything, over=nobody)

    server = await ws_create_server(lambda _: LiveSocket(new_session=session, all_open=sockets), "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/", sockets
    finally:
        server.close()
        await cancel_the_rest()


def told(number: int, size: int = 10) -> dict[str, Any]:
    text = json.dumps({"type": "told", "number": number, "text": "x" * size})
    return {"type": "hub.news", "news": [{"topic": f"user.{SOMEBODY.user_id}", "text": text}]}


async def opened(url: str) -> ClientConnection:
    one = await connect(url)
    assert '"ready"' in str(await one.recv())
    return one


async def half_asleep(
    url: str, sockets: set[LiveSocket]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, LiveSocket]:
    """A connection that reads only what it is told to read, with little room of its own; and its socket in the server."""
    own = socket.socket()
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, OWN_BUFFER_BYTES)
    own.connect(("127.0.0.1", int(url.split(":")[2].split("/")[0])))
    reader, writer = await asyncio.open_connection(sock=own, limit=1_024)
    writer.write(
        b"GET /ws/ HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")
    (slow,) = sockets
    return reader, writer, slow


def whole_frames(data: bytes) -> list[tuple[int, bytes]]:
    """Operation code and payload of each frame that has come to its end; none of ours here is longer than 64 KiB."""
    frames = []
    while len(data) >= 4:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        if len(data) < start + size:
            break
        frames.append((data[0] & 15, data[start : start + size]))
        data = data[start + size :]
    return frames


@pytest.mark.parametrize("said", ["", "[]", "x" * 3_000, json.dumps({"action": "dance", "call_id": str(UUID(int=7))})])
def test_what_cannot_be_understood_closes_the_socket_with_its_code(said: str) -> None:
    async def story() -> None:
        async with door() as (url, _):
            one = await opened(url)
            await one.send(said)
            with pytest.raises(ConnectionClosed) as closed:
                await one.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == CLOSE_BAD_MESSAGE

    asyncio.run(story())


def test_a_frame_that_breaks_the_protocol_ends_its_socket_and_is_counted_by_a_code(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        async with door() as (url, sockets):
            broken, well = await opened(url), await opened(url)
            # A reserved operation code, and no mask.
            broken.transport.write(b"\x83\x01x")
            async with asyncio.timeout(5):
                await broken.wait_closed()
            hub()._dispatch(told(1))
            assert json.loads(await well.recv())["event"]["number"] == 1
            assert len(sockets) == 1
            await well.close()

    with caplog.at_level("INFO", logger="realtime"):
        asyncio.run(story())
    ours = [record for record in caplog.records if record.name.startswith("realtime")]
    assert [vars(record)["error_code"] for record in ours] == ["peer_failed"]


def test_a_page_that_has_heard_nothing_for_a_while_asks_for_a_word() -> None:
    async def story() -> None:
        async with door() as (url, _):
            one = await opened(url)
            await one.send('{"action":"ping"}')
            assert json.loads(await one.recv())["event"] == {"type": "pong"}

    asyncio.run(story())


def test_frames_of_every_length_arrive_whole_and_a_call_is_followed() -> None:
    async def story() -> None:
        async with door() as (url, _):
            one = await opened(url)
            for number, size in enumerate((0, 40, 125, 126, 60_000, 70_000)):
                hub()._dispatch(told(number, size))
                assert json.loads(await one.recv())["event"] == {"type": "told", "number": number, "text": "x" * size}
            await one.send(json.dumps({"action": "follow", "call_id": str(uuid7())}))
            assert '"following"' in str(await one.recv())

    asyncio.run(story())


def test_a_browser_that_reads_nothing_is_closed_within_its_bound_and_the_others_hear_everything() -> None:
    async def story() -> None:
        async with door() as (url, sockets):
            _, peer, slow = await half_asleep(url, sockets)
            well = await opened(url)
            most = 0
            for number in range(2_000):
                hub()._dispatch(told(number, 1_000))
                assert json.loads(await well.recv())["event"]["number"] == number
                most = max(most, slow._out.get_write_buffer_size())
            assert slow.closed_with == CLOSE_TOO_SLOW
            assert BUFFER_BYTES_MAX < most < BUFFER_BYTES_MAX + 2_000
            async with asyncio.timeout(8):
                await slow.gone()
            assert slow not in sockets
            peer.close()

    asyncio.run(story())


def test_a_browser_that_reads_a_byte_now_and_then_is_closed_and_finds_the_code_behind_what_waited() -> None:
    async def story() -> None:
        async with door() as (url, sockets):
            reader, peer, slow = await half_asleep(url, sockets)
            number, read = 0, b""
            while not whole_frames(read):
                read += await reader.read(1)
            while slow.closed_with is None:
                hub()._dispatch(told(number, 1_000))
                if number % 50 == 0:
                    read += await reader.readexactly(1)
                number += 1
                assert number * 1_000 < WAITING_BYTES_MAX
            assert slow.closed_with == CLOSE_TOO_SLOW
            while not (frames := whole_frames(read)) or frames[-1][0] != CLOSE:
                read += await reader.read(65_536)
            ready, *said, (_, code) = frames
            assert b'"ready"' in ready[1]
            assert [json.loads(text)["event"]["number"] for _, text in said] == list(range(number))
            assert int.from_bytes(code[:2]) == CLOSE_TOO_SLOW
            peer.close()

    asyncio.run(story())


def test_what_was_held_back_for_a_browser_comes_before_what_is_written_at_once_again() -> None:
    async def story() -> None:
        async with asyncio.timeout(30), door() as (url, sockets):
            reader, peer, slow = await half_asleep(url, sockets)
            read = await reader.readuntil(b"}}")
            assert slow.way()
            number = 0
            for _ in range(3):
                while slow.way():
                    hub()._dispatch(told(number, 1_000))
                    number += 1
                while not slow.way():
                    assert slow.closed_with is None
                    # There is room for more in the kernel then, and some of what came before still waits in the transport.
                    read += await reader.read(65_536)
                    hub()._dispatch(told(number, 1_000))
                    number += 1
            hub()._dispatch(told(number))
            while len(frames := whole_frames(read)) < 1 + number + 1:
                read += await reader.read(65_536)
            assert [json.loads(text)["event"]["number"] for _, text in frames[1:]] == list(range(number + 1))
            peer.close()

    asyncio.run(story())


def test_nothing_is_written_to_the_number_of_a_socket_that_has_ended() -> None:
    """Somebody else's file may have it by then."""

    async def story() -> None:
        async with door() as (url, sockets):
            one = await opened(url)
            hub()._dispatch(told(1))
            assert json.loads(await one.recv())["event"]["number"] == 1
            (ended,) = sockets
            # Whoever leaves the topic waits for this.
            async with hub()._joining:
                await one.close()
                if sockets:
                    assert ended._transport
                    await ended._transport.wait_disconnected()
                assert ended not in sockets
                others = [end for _ in range(8) for end in socket.socketpair()]
                hub()._dispatch(told(2))
                for end in others:
                    end.setblocking(False)
                    with pytest.raises(BlockingIOError):
                        end.recv(1)
                for end in others:
                    end.close()

    asyncio.run(story())
