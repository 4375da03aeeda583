"""The limit where there is no C compiler: an asyncio program that writes each message, framed once, to every socket.

usage: python -m bench.native.writer PORT VALKEY_SOCKET CHANNEL
"""

import asyncio
import sys

import redis.asyncio

ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: none\r\n\r\n"
)
open_sockets: set[asyncio.Transport] = set()


class Browser(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data.startswith(b"GET "):
            self._transport.write(ACCEPT)
            open_sockets.add(self._transport)
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        open_sockets.discard(self._transport)


def framed(text: bytes) -> bytes:
    assert len(text) < 65_536
    head = bytes([0x81, len(text)]) if len(text) < 126 else bytes([0x81, 126]) + len(text).to_bytes(2)
    return head + text


async def main(port: int, valkey_socket: str, channel: str) -> None:
    async with redis.asyncio.Redis(unix_socket_path=valkey_socket).pubsub() as subscription:
        await subscription.subscribe(channel)
        await asyncio.get_running_loop().create_server(Browser, "127.0.0.1", port, backlog=1024)
        async for message in subscription.listen():
            if message["type"] == "message":
                frame = framed(message["data"])
                for transport in tuple(open_sockets):
                    transport.write(frame)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
