"""The two servers that a browser's socket can come through, behind one way to speak to them."""

import asyncio
from typing import Any, Protocol

import pytest
from channels.testing import WebsocketCommunicator
from picows import ws_create_server
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from config.asgi import application
from config.live_server import PATH, LiveServer

Headers = list[tuple[bytes, bytes]]


class Door(Protocol):
    """One upgrade and the socket behind it. Messages are those of ASGI: websocket.send with text, websocket.close with code."""

    def __init__(self, headers: Headers) -> None: ...

    async def open(self) -> bool: ...

    async def say(self, text: str) -> None: ...

    async def next(self, timeout_s: float = 5) -> dict[str, Any]: ...

    async def hears_nothing(self, for_s: float) -> bool: ...

    async def leave(self) -> None: ...


class AsgiDoor:
    """Through config/asgi.py, as daphne and any other ASGI server call it."""

    def __init__(self, headers: Headers) -> None:
        self._socket = WebsocketCommunicator(application, PATH, headers=headers)

    async def open(self) -> bool:
        accepted, _ = await self._socket.connect(timeout=5)
        return bool(accepted)

    async def say(self, text: str) -> None:
        await self._socket.send_to(text)

    async def next(self, timeout_s: float = 5) -> dict[str, Any]:
        message: dict[str, Any] = await self._socket.receive_output(timeout=timeout_s)
        return message

    async def hears_nothing(self, for_s: float) -> bool:
        return bool(await self._socket.receive_nothing(timeout=for_s))

    async def leave(self) -> None:
        await self._socket.disconnect()


class LiveDoor:
    """Over TCP, to the server of the live process; each story has one on its own event loop."""

    _served: dict[asyncio.AbstractEventLoop, int] = {}

    def __init__(self, headers: Headers) -> None:
        self._headers = [(name.decode(), value.decode("latin-1")) for name, value in headers]
        self._socket: ClientConnection | None = None
        self._early: list[dict[str, Any]] = []

    @classmethod
    async def port(cls) -> int:
        """Of the running loop's server, which is started at the first question."""
        loop = asyncio.get_running_loop()
        if loop not in cls._served:
            server = await ws_create_server(LiveServer().answer, "127.0.0.1", 0)
            cls._served = {loop: server.sockets[0].getsockname()[1]}
        return cls._served[loop]

    async def open(self) -> bool:
        url = f"ws://127.0.0.1:{await self.port()}{PATH}"
        try:
            self._socket = await connect(url, additional_headers=self._headers, compression=None)
        except InvalidStatus as refused:
            assert refused.response.status_code == 403
            return False
        return True

    async def say(self, text: str) -> None:
        assert self._socket is not None
        await self._socket.send(text)

    async def next(self, timeout_s: float = 5) -> dict[str, Any]:
        if self._early:
            return self._early.pop(0)
        assert self._socket is not None
        try:
            async with asyncio.timeout(timeout_s):
                return {"type": "websocket.send", "text": await self._socket.recv()}
        except ConnectionClosed as closed:
            assert closed.rcvd is not None
            return {"type": "websocket.close", "code": closed.rcvd.code}

    async def hears_nothing(self, for_s: float) -> bool:
        try:
            self._early.append(await self.next(for_s))
        except TimeoutError:
            return True
        return False

    async def leave(self) -> None:
        assert self._socket is not None
        await self._socket.close()


both_doors = pytest.mark.parametrize("door", [AsgiDoor, LiveDoor])
