"""A network between the browser and the product that can swallow everything, as a tunnel or a dead access point does."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

CHUNK_BYTES = 65_536


class Relay:
    """Forwards connections to a port of this machine. Its loop runs in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._swallows = False
        self._alive: set[object] = set()
        self._loop = asyncio.new_event_loop()
        self.port = 0

    def swallow(self) -> None:
        """Every connection goes on to exist at both ends, and nothing arrives any more."""
        self._swallows = True
        self._alive.clear()

    def recover(self) -> None:
        """New connections get through; the old ones stay dead, and nobody tells their ends."""
        self._swallows = False

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = object()
        if not self._swallows:
            self._alive.add(connection)
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        with suppress(ConnectionError):
            await asyncio.wait(
                [
                    asyncio.create_task(self._forward(connection, reader, far_writer)),
                    asyncio.create_task(self._forward(connection, far_reader, writer)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        if connection in self._alive:
            writer.close()
            far_writer.close()

    async def _forward(self, connection: object, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(CHUNK_BYTES):
                if connection in self._alive:
                    sink.write(data)
                    await sink.drain()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]


@contextmanager
def relay(target_port: int) -> Iterator[Relay]:
    running = Relay(target_port)
    running._loop.run_until_complete(running._listen())
    thread = threading.Thread(target=running._loop.run_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running._loop.call_soon_threadsafe(running._loop.stop)
        thread.join()
