"""The live process from its start to its end: when it is ready, whom it lets in, and where its pages go when it stops."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from channels.layers import channel_layers
from django.conf import settings
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from config.live_server import serve
from realtime.publish import CLOSE_RESTARTING
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_sockets import SIGNED_OUT, run

PORT = urlsplit(settings.LIVE_SOCKET_URL).port or 0
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\nUpgrade: websocket\r\nConnection: {connection}\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@asynccontextmanager
async def served() -> AsyncIterator[asyncio.Task[None]]:
    channel_layers.backends.clear()
    serving = asyncio.create_task(serve(host="127.0.0.1", port=PORT))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{PORT}") as http, asyncio.timeout(15):
            # As the supervisor does it: a process that starts has nobody else to tell.
            while not await is_ready(http):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        yield serving
    finally:
        if not serving.done():
            os.kill(os.getpid(), signal.SIGTERM)
            await serving


async def is_ready(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


async def first_line(*, path: str = "/ws/", origin: str = settings.PUBLIC_URL, connection: str = "Upgrade") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    writer.write(HANDSHAKE.format(path=path, origin=origin, connection=connection).encode())
    async with asyncio.timeout(5):
        line = await reader.readline()
    writer.close()
    return line


@pytest.mark.django_db(transaction=True)
def test_every_browser_that_asks_for_an_upgrade_gets_one_and_nobody_else() -> None:
    async def story() -> None:
        async with served():
            # Chromium and Safari, Firefox, and what a proxy may make of it.
            for connection in ("Upgrade", "keep-alive, Upgrade", "upgrade,keep-alive"):
                assert b" 101 " in await first_line(connection=connection), connection
            for connection in ("keep-alive", "close", "upgraded"):
                assert b" 101 " not in await first_line(connection=connection), connection
            assert b" 403 " in await first_line(origin="https://evil.example")
            assert b" 404 " in await first_line(path="/elsewhere/")

    run(story)


@pytest.mark.django_db(transaction=True)
def test_a_page_that_is_signed_out_is_told_so() -> None:
    async def story() -> None:
        async with (
            served(),
            connect(f"ws://127.0.0.1:{PORT}/ws/", additional_headers={"Origin": settings.PUBLIC_URL}) as page,
        ):
            with pytest.raises(ConnectionClosed) as closed:
                await page.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == SIGNED_OUT

    run(story)


def test_on_sigterm_every_page_is_sent_elsewhere_and_the_process_ends(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    cookie = f"{settings.SESSION_COOKIE_NAME}={sign_in(make_account()).session_cookie}"
    headers = {"Origin": settings.PUBLIC_URL, "Cookie": cookie}

    async def story() -> None:
        async with served() as serving:
            pages = [await connect(f"ws://127.0.0.1:{PORT}/ws/", additional_headers=headers) for _ in range(3)]
            assert all(['"ready"' in str(await page.recv()) for page in pages])
            os.kill(os.getpid(), signal.SIGTERM)
            for page in pages:
                with pytest.raises(ConnectionClosed) as closed:
                    async with asyncio.timeout(3):
                        await page.recv()
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == CLOSE_RESTARTING
            async with asyncio.timeout(10):
                await serving
            with pytest.raises(OSError):
                await connect(f"ws://127.0.0.1:{PORT}/ws/", additional_headers=headers)

    run(story)
