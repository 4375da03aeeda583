"""Sockets that the compiled reader reads, as the tests hold both their ends."""

import base64
import json
import os
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from voice.reception import Reception

FRAME_MS = 20
LONG_S = 3_600.0
TEXT, CONTINUATION, BINARY, CLOSE, PING = 0x81, 0x80, 0x82, 0x88, 0x89


def media(timestamp: object = "40", track: str = "inbound", sound: bytes = b"\x7f\x00" * 80, sid: str = "MZ0") -> bytes:
    """As the carrier writes it."""
    payload = base64.b64encode(sound).decode()
    body = {"track": track, "chunk": "3", "timestamp": timestamp, "payload": payload}
    whole = {"event": "media", "sequenceNumber": "4", "media": body, "streamSid": sid}
    return json.dumps(whole, separators=(",", ":")).encode()


def framed(message: bytes, kind: int = TEXT, mask: bytes = b"\x01\xfe\x80\x7f") -> bytes:
    length = len(message)
    head = bytes([kind, 0x80 | length]) if length < 126 else bytes([kind, 0x80 | 126]) + struct.pack(">H", length)
    return head + mask + bytes(each ^ mask[at & 3] for at, each in enumerate(message))


def messages_of(frames: bytes) -> list[bytes]:
    """The messages of whole masked frames."""
    found = []
    while frames:
        length, head = frames[1] & 127, 2
        if length == 126:
            length, head = int.from_bytes(frames[2:4], "big"), 4
        mask, body = frames[head : head + 4], frames[head + 4 : head + 4 + length]
        assert len(body) == length, "a frame is torn"
        found.append(bytes(each ^ mask[at & 3] for at, each in enumerate(body)))
        frames = frames[head + 4 + length :]
    return found


@dataclass
class Line:
    """A socket that is read, and all that was handed over of it, in order: (track, time, sound, frames), or frames as they came."""

    near: socket.socket
    far: socket.socket
    came: list[tuple[str, int, bytes, int] | bytes] = field(default_factory=list)
    let_go: bool = False
    fails: bool = False
    is_broken: bool = False

    def ear(self, track: str, mulaw: bytes, start_ms: int, frames: int) -> None:
        if self.fails:
            raise ValueError("no ear for it")
        self.came.append((track, start_ms, mulaw, frames))

    def inbound(self, mulaw: bytes, start_ms: int, frames: int) -> None:
        self.ear("inbound", mulaw, start_ms, frames)

    def outbound(self, mulaw: bytes, start_ms: int, frames: int) -> None:
        self.ear("outbound", mulaw, start_ms, frames)

    def other(self, frames: bytes) -> None:
        self.came.append(frames)

    def broken(self) -> None:
        self.is_broken = True

    @property
    def number(self) -> int:
        return self.near.fileno()

    @property
    def heard(self) -> dict[str, list[tuple[int, bytes]]]:
        """Byte by byte of time, so that it does not matter how it was cut."""
        tracks: dict[str, list[tuple[int, bytes]]] = {"inbound": [], "outbound": []}
        for each in self.came:
            if not isinstance(each, bytes):
                track, start_ms, sound, _ = each
                if tracks[track] and tracks[track][-1][0] + len(tracks[track][-1][1]) / 8 == start_ms:
                    begun_ms, before = tracks[track].pop()
                    tracks[track].append((begun_ms, before + sound))
                else:
                    tracks[track].append((start_ms, sound))
        return tracks

    @property
    def others(self) -> bytes:
        return b"".join(each for each in self.came if isinstance(each, bytes))


@dataclass
class Bench:
    reception: Reception
    lines: list[Line]
    nothing: int
    failed: list[Exception] = field(default_factory=list)

    def bring(self, *, until: int = 1) -> None:
        """Looks until the sockets have nothing more, and hands over."""
        for _ in range(until):
            self.reception.wait(self.nothing, 0.005)
            self.reception.hand_over(self._let_go, self.failed.append)

    def _let_go(self, number: int) -> None:
        next(line for line in self.lines if line.number == number).let_go = True


@contextmanager
def bench(lines: int = 1, *, hears: bool = True, gather_s: float = 0.0, hold_s: float = LONG_S) -> Iterator[Bench]:
    nothing = os.eventfd(0)
    pairs = [socket.socketpair() for _ in range(lines)]
    with select.epoll() as sockets:
        reception = Reception(sockets.fileno(), gather_s=gather_s, hold_s=hold_s)
        made = [Line(*pair) for pair in pairs]
        for line in made:
            line.near.setblocking(False)
            sockets.register(line.number, select.EPOLLIN)
            reception.take(line.number, line)
            if hears:
                reception.hear(line.number, (line.inbound, line.outbound))
        yield Bench(reception, made, nothing)
        reception.close()
    for pair in pairs:
        for end in pair:
            end.close()
    os.close(nothing)
