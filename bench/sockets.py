"""The browsers' side of fan-out: many sockets in one process, each frame stamped when it is read.

It is its own program, so that it can be pinned away from the servers; one loop over epoll reads 1,000 sockets in a few ms.
It obeys lines on its standard input and answers each with one line of JSON:

    open PORT COUNT READY HEADERS   READY: frames that a server sends on its own first; HEADERS: JSON object
    expect SEQUENCE                 waits until every socket has had the event with this number, or the limit is over
    close                           closes all of them at once, without a word
"""

import json
import resource
import select
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

WAIT_LIMIT_S = 15.0
OPENING_AT_ONCE = 50
_MARK = b'"sequence":'
_CLOSE, _PING = 8, 9
_NO_MASK = bytes(4)


class Refused(RuntimeError):
    """A socket was not opened, or was closed by the server."""


@dataclass(slots=True)
class Browser:
    """unread: bytes of a frame that is not complete yet. ready: frames still to come before the socket counts.
    arrived: how many sockets of the crowd have had which event."""

    connection: socket.socket
    ready: int
    arrived: Counter[int]
    upgraded: bool = False
    unread: bytes = b""
    seen: dict[int, int] = field(default_factory=dict)

    def read(self, now_ns: int) -> None:
        """Takes what has come. Raises Refused."""
        data = self.unread + self.connection.recv(65_536)
        if not data:
            raise Refused("The server closed a socket.")
        if not self.upgraded:
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self.unread = head
                return
            if b" 101 " not in head[:16]:
                raise Refused(head[:200].decode("latin-1"))
            self.upgraded = True
        while frame := _frame(data):
            opcode, payload, data = frame
            if opcode == _CLOSE:
                raise Refused(f"closed with {int.from_bytes(payload[:2])}")
            if opcode == _PING:
                self.connection.sendall(bytes([0x8A, 0x80 | len(payload)]) + _NO_MASK + payload)
            else:
                self._take(payload, now_ns)
        self.unread = data

    def _take(self, payload: bytes, now_ns: int) -> None:
        at = payload.find(_MARK)
        if at < 0:
            self.ready -= 1
            return
        digits = payload[at + len(_MARK) : at + len(_MARK) + 12]
        sequence = int(digits.split(b",")[0])
        if sequence not in self.seen:
            self.seen[sequence] = now_ns
            self.arrived[sequence] += 1


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """The first whole frame's opcode and payload, and the rest; servers do not mask, and ours are below 64 KiB."""
    if len(data) < 2:
        return None
    length, start = data[1] & 127, 2
    if length == 126:
        length, start = int.from_bytes(data[2:4]), 4
    if len(data) < start + length:
        return None
    return data[0] & 15, data[start : start + length], data[start + length :]


def upgrade_request(port: int, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return (
        f"GET /ws/ HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n{lines}\r\n"
    ).encode()


class Crowd:
    """All sockets to one server."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._browsers: dict[int, Browser] = {}
        self._arrived: Counter[int] = Counter()

    def open(self, port: int, count: int, ready: int, headers: dict[str, str]) -> dict[str, Any]:
        request = upgrade_request(port, headers)
        began = time.monotonic()
        limit = began + 4 * WAIT_LIMIT_S
        for first in range(0, count, OPENING_AT_ONCE):
            opening = []
            for _ in range(min(OPENING_AT_ONCE, count - first)):
                connection = socket.create_connection(("127.0.0.1", port), timeout=WAIT_LIMIT_S)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(request)
                browser = Browser(connection, ready, self._arrived)
                self._browsers[connection.fileno()] = browser
                self._poll.register(connection, select.EPOLLIN)
                opening.append(browser)
            while not all(one.upgraded and one.ready <= 0 for one in opening):
                self._read(limit - time.monotonic())
                if time.monotonic() > limit:
                    raise Refused("Not all sockets opened in time.")
        return {"opened": count, "seconds": time.monotonic() - began}

    def expect(self, sequence: int) -> dict[str, Any]:
        """When each socket had the event, in ns of the monotonic clock; lost: how many never had it."""
        limit = time.monotonic() + WAIT_LIMIT_S
        while self._arrived[sequence] < len(self._browsers) and (left := limit - time.monotonic()) > 0:
            self._read(left)
        times = [browser.seen[sequence] for browser in self._browsers.values() if sequence in browser.seen]
        return {"times": times, "lost": len(self._browsers) - len(times)}

    def close(self) -> dict[str, Any]:
        for browser in self._browsers.values():
            browser.connection.close()
        closed = len(self._browsers)
        self._browsers.clear()
        self._poll.close()
        self._poll = select.epoll()
        return {"closed": closed}

    def descriptor(self) -> int:
        return self._poll.fileno()

    def answer_pings(self) -> None:
        """Between commands the servers still want to know that the browsers live."""
        self._read(0)

    def _read(self, seconds: float) -> None:
        for descriptor, _ in self._poll.poll(max(0.0, seconds)):
            self._browsers[descriptor].read(time.monotonic_ns())


def obey(crowd: Crowd, line: str) -> dict[str, Any]:
    command, _, rest = line.strip().partition(" ")
    if command == "open":
        port, count, ready, headers = rest.split(" ", 3)
        return crowd.open(int(port), int(count), int(ready), json.loads(headers))
    return crowd.expect(int(rest)) if command == "expect" else crowd.close()


def main() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    crowd = Crowd()
    failure = ""
    while True:
        ready, _, _ = select.select([sys.stdin, crowd.descriptor()], [], [])
        try:
            if sys.stdin not in ready:
                crowd.answer_pings()
                continue
            # Each command waits for its answer, so a line is never behind another in the buffer.
            if not (line := sys.stdin.readline()):
                return
            answer = {"error": failure} if failure else obey(crowd, line)
        except (Refused, OSError) as error:
            failure = f"{type(error).__name__}: {error}"
            answer = {"error": failure}
            if sys.stdin not in ready:
                crowd.close()
                continue
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
