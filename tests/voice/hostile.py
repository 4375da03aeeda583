"""What somebody sends who wants the media process to fall over: plain bytes, each kind many times.

Those who sign have the carrier's key; they stand for a carrier that has gone mad, and for whoever stole the key.
"""

import asyncio
import base64
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Mapping

from twilio.request_validator import RequestValidator

PATH = "/twilio/media/"
TEXT, BINARY, RESERVED, CLOSE = 1, 2, 3, 8
# As many of a kind in one write: a receiver that ends the socket at the first has to cope with the rest.
MESSAGES_A_SOCKET = 20
ANSWER_WITHIN_S = 20.0
_MASK = b"\x37\xfa\x21\x3d"

Outcome = str
Kind = Callable[[random.Random], bytes]


def framed(payload: bytes, opcode: int = TEXT, *, final: bool = True, masked: bool = True) -> bytes:
    size = len(payload)
    head = bytes([(0x80 if final else 0) | opcode])
    mark = 0x80 if masked else 0
    if size < 126:
        head += bytes([mark | size])
    elif size < 65_536:
        head += bytes([mark | 126]) + size.to_bytes(2)
    else:
        head += bytes([mark | 127]) + size.to_bytes(8)
    if not masked:
        return head + payload
    pattern = (_MASK * (size // 4 + 1))[:size]
    return head + _MASK + (int.from_bytes(payload) ^ int.from_bytes(pattern)).to_bytes(size)


def media(chance: random.Random) -> bytes:
    payload = base64.b64encode(chance.randbytes(160)).decode()
    frame = {"track": "inbound", "timestamp": str(chance.randrange(10**6)), "payload": payload}
    return json.dumps({"event": "media", "media": frame}).encode()


def start(chance: random.Random) -> bytes:
    begun = {"streamSid": f"MZ{chance.randrange(10**31)}", "callSid": f"CA{chance.randrange(10**31)}"}
    return json.dumps({"event": "start", "start": {**begun, "customParameters": {"token": "x" * 43}}}).encode()


KINDS: Mapping[str, Kind] = {
    "malformed": lambda chance: framed(chance.choice([b"{", b"[]", b"[" * 9_000, b'{"event":"start","start":7}'])),
    "truncated": lambda chance: framed(media(chance)[: chance.randrange(1, 200)]),
    "oversized": lambda chance: framed(b"x" * 70_000),
    "enormous": lambda chance: bytes([0x80 | TEXT, 0xFF]) + (2**40).to_bytes(8) + _MASK + chance.randbytes(500),
    "binary": lambda chance: framed(chance.randbytes(300), BINARY),
    "forged": lambda chance: framed(start(chance)),
    "reordered": lambda chance: framed(media(chance)) + framed(b'{"event":"stop"}') + framed(start(chance)),
    "unmasked": lambda chance: framed(b"{", masked=False),
    "reserved": lambda chance: framed(b"{}", RESERVED),
    "never whole": lambda chance: framed(b"x" * 9_000, final=False) + framed(b"x" * 9_000, 0, final=False) * 9,
}
UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME = "unsigned", "slow handshake", "slow frame"


class Attacker:
    def __init__(self, *, port: int, public_url: str, auth_token: str) -> None:
        self._port = port
        self._proof: str = RequestValidator(auth_token).compute_signature(public_url + PATH, {})
        self._chance = random.Random(7)
        self.sent = 0
        self.outcomes: dict[str, Counter[Outcome]] = {}

    async def round(self, sockets: int = 12) -> None:
        """Every kind at once, so many sockets of each; returns when each has been answered and closed."""
        await asyncio.gather(*(self._attack(kind) for kind in [*KINDS, UNSIGNED] * sockets))

    async def dawdle(self) -> None:
        """Those who begin and do not go on; returns when they have been closed, which takes as long as they are given."""
        await asyncio.gather(self._attack(SLOW_HANDSHAKE), self._attack(SLOW_FRAME))

    async def _attack(self, kind: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                outcome = await self._outcome(kind, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            outcome = "cut off"
        except TimeoutError:
            outcome = "left open"
        finally:
            writer.close()
        self.outcomes.setdefault(kind, Counter())[outcome] += 1

    async def _outcome(self, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Outcome:
        upgrade = self._upgrade("AAAA" if kind == UNSIGNED else self._proof)
        if kind == SLOW_HANDSHAKE:
            writer.write(upgrade[:60])
            return "closed" if await reader.read() == b"" else "answered"
        writer.write(upgrade)
        head = await reader.readuntil(b"\r\n\r\n")
        status = head.split(b" ", 2)[1].decode()
        if status != "101":
            return status
        if kind == SLOW_FRAME:
            writer.write(framed(media(self._chance))[:50])
        else:
            writer.write(b"".join(KINDS[kind](self._chance) for _ in range(MESSAGES_A_SOCKET)))
            self.sent += MESSAGES_A_SOCKET
        opcode, size = await reader.readexactly(2)
        if opcode & 15 != CLOSE:
            return f"said {opcode & 15}"
        return str(int.from_bytes((await reader.readexactly(size))[:2]))

    def _upgrade(self, proof: str) -> bytes:
        key = base64.b64encode(os.urandom(16)).decode()
        return (
            f"GET {PATH} HTTP/1.1\r\nHost: localhost:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nX-Twilio-Signature: {proof}\r\n\r\n"
        ).encode()
