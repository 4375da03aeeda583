"""The servers that a media socket can come through, behind one way to speak to them."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any, Protocol, TypeVar

from channels.testing import WebsocketCommunicator
from django.conf import settings
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from config.asgi import application
from config.media_server import MediaServer, listen
from tests.identity.test_sockets import run as play
from voice.gathering import GatheringLoop
from voice.media_session import CLOSE_REFUSED
from voice.media_socket import Sockets

PATH = "/twilio/media/"
Result = TypeVar("Result")


def run(story: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
    """Plays a story on the kind of event loop that the media process has."""
    return play(story, lambda: GatheringLoop(settings.MEDIA_GATHER_MS / 1_000))


def signed_as_the_carrier() -> str:
    """Over the address without any field."""
    proof: str = RequestValidator(settings.TWILIO_AUTH_TOKEN).compute_signature(settings.MEDIA_SOCKET_URL + PATH, {})
    return proof


class Socket(Protocol):
    """A socket as the carrier holds it."""

    async def open(self) -> tuple[bool, int | None]:
        """Whether it was accepted, and the code when it was not."""

    async def say(self, *messages: object) -> None: ...

    async def closed_with(self) -> int: ...

    async def vanish(self) -> None: ...


def text_of(message: object) -> str:
    """Without a space, as the carrier writes."""
    return message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))


class AsgiSocket:
    """Through config/asgi.py, as daphne and any other ASGI server call it."""

    def __init__(self, signed: str | None = None) -> None:
        proof = signed_as_the_carrier() if signed is None else signed
        headers = [(b"x-twilio-signature", proof.encode("latin-1"))] if proof else []
        self._socket = WebsocketCommunicator(application, PATH, headers=headers)

    async def open(self) -> tuple[bool, int | None]:
        accepted, code = await self._socket.connect(timeout=5)
        return bool(accepted), code

    async def say(self, *messages: object) -> None:
        for message in messages:
            await self._socket.send_to(text_data=text_of(message))

    async def closed_with(self) -> int:
        message = await self._socket.receive_output(timeout=15)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def vanish(self) -> None:
        await self._socket.disconnect(timeout=15)


class TcpSocket:
    """Over TCP, to a server that listens on `port()`."""

    def __init__(self, signed: str | None = None) -> None:
        self._signed = signed
        self._socket: ClientConnection | None = None

    @classmethod
    async def port(cls) -> int:
        raise NotImplementedError

    async def open(self) -> tuple[bool, int | None]:
        port = await self.port()
        proof = signed_as_the_carrier() if self._signed is None else self._signed
        headers = {"X-Twilio-Signature": proof} if proof else {}
        try:
            # Twilio pings nobody.
            self._socket = await connect(
                f"ws://127.0.0.1:{port}{PATH}",
                additional_headers=headers,
                compression=None,
                max_queue=None,
                ping_interval=None,
            )
        except InvalidStatus as refused:
            assert refused.response.status_code == 403
            return False, CLOSE_REFUSED
        return True, None

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None
        return self._socket

    async def say(self, *messages: object) -> None:
        for message in messages:
            try:
                await self.socket.send(text_of(message))
            except ConnectionClosed:
                # The server has had enough; what it closed with is asked for next.
                return

    async def closed_with(self) -> int:
        async with asyncio.timeout(15):
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def vanish(self) -> None:
        self.socket.transport.abort()


class PicowsSocket(TcpSocket):
    """To the server of the media process; each story has one on its own event loop."""

    _served: dict[asyncio.AbstractEventLoop, int] = {}

    @classmethod
    async def port(cls) -> int:
        """Of the running loop's server, which is started at the first question."""
        loop = asyncio.get_running_loop()
        if loop not in cls._served:
            server = await listen(MediaServer(Sockets()), host="127.0.0.1", port=0)
            cls._served = {loop: server.sockets[0].getsockname()[1]}
        return cls._served[loop]


class ProcessSocket(TcpSocket):
    """To a media process that runs beside the tests."""

    listens_on = 0

    @classmethod
    async def port(cls) -> int:
        return cls.listens_on


DOORS: dict[str, Any] = {"asgi": AsgiSocket, "picows": PicowsSocket, "daphne": ProcessSocket}


async def ask(request: bytes) -> bytes:
    """Plain bytes to the media server; whatever it answers until it closes."""
    port = await PicowsSocket.port()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()
