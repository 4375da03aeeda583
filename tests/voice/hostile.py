"""What somebody sends who wants the media process to fall over: plain bytes, each kind many times.

Those who sign have the carrier's key; they stand for a carrier that has gone mad, and for whoever stole the key.
"""

import asyncio
import base64
import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from twilio.request_validator import RequestValidator

PATH = "/twilio/media/"
TEXT, BINARY, RESERVED, CLOSE = 1, 2, 3, 8
# As many of a kind in one write: a receiver that ends the socket at the first has to cope with the rest.
MESSAGES_A_SOCKET = 20
ANSWER_WITHIN_S = 20.0
# Of sound in one message, as much as it may have.
LARGE_BYTES = 32_000
# Between two bytes of a slow frame.
DRIP_S = 0.5
# Of a stream that runs so many bad messages are passed over; the next one ends it.
BORNE_IN_MID_STREAM = 20
_MASK = b"\x37\xfa\x21\x3d"
FORGED: Mapping[str, str] = {"token": "x" * 43}
STOP = b'{"event":"stop"}'

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


def media(chance: random.Random, sound_bytes: int = 160) -> bytes:
    payload = base64.b64encode(chance.randbytes(sound_bytes)).decode()
    frame = {"track": "inbound", "timestamp": str(chance.randrange(10**6)), "payload": payload}
    return json.dumps({"event": "media", "media": frame}).encode()


def start(chance: random.Random, parameters: Mapping[str, str] = FORGED) -> bytes:
    begun = {"streamSid": f"MZ{chance.randrange(10**31)}", "callSid": f"CA{chance.randrange(10**31)}"}
    return json.dumps({"event": "start", "start": {**begun, "customParameters": parameters}}).encode()


def bad(chance: random.Random) -> bytes:
    """A message that is none, of the kinds that a stream which runs passes over."""
    return KINDS[chance.choice(["malformed", "truncated", "binary"])](chance)


KINDS: Mapping[str, Kind] = {
    "malformed": lambda chance: framed(chance.choice([b"{", b"[]", b"[" * 9_000, b'{"event":"start","start":7}'])),
    "truncated": lambda chance: framed(media(chance)[: chance.randrange(1, 200)]),
    "oversized": lambda chance: framed(b"x" * 70_000),
    "enormous": lambda chance: bytes([0x80 | TEXT, 0xFF]) + (2**40).to_bytes(8) + _MASK + chance.randbytes(500),
    "binary": lambda chance: framed(chance.randbytes(300), BINARY),
    "forged": lambda chance: framed(start(chance)),
    "reordered": lambda chance: (framed(media(chance)) + framed(STOP)) * 5 + framed(start(chance)),
    "unmasked": lambda chance: framed(b"{", masked=False),
    "reserved": lambda chance: framed(b"{}", RESERVED),
    "never whole": lambda chance: framed(b"x" * 9_000, final=False) + framed(b"x" * 9_000, 0, final=False) * 9,
}
UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME = "unsigned", "slow handshake", "slow frame"
MID_STREAM, BENIGN = "mid-stream", "benign"
# Frames of a socket that are looked at before it is ended; of the other kinds it is the first alone.
JUDGED = {"reordered": 11, "never whole": 8, MID_STREAM: BORNE_IN_MID_STREAM + 1}


class Attacker:
    """tokens: of test calls, each for one stream that is begun as it should be."""

    def __init__(self, *, port: int, public_url: str, auth_token: str, tokens: Iterable[str] = ()) -> None:
        self._port = port
        self._proof: str = RequestValidator(auth_token).compute_signature(public_url + PATH, {})
        self._chance = random.Random(7)
        self._tokens = list(tokens)
        self.sent = self.judged = 0
        self.outcomes: dict[str, Counter[Outcome]] = {}

    async def round(self, sockets: int = 12) -> None:
        """Every kind at once, so many sockets of each; returns when each has been answered and closed."""
        kinds = [*KINDS, UNSIGNED, *([MID_STREAM] if self._tokens else [])]
        await asyncio.gather(*(self._attack(kind) for kind in kinds * sockets))

    async def behave(self, sockets: int) -> None:
        """So many streams at once as the carrier sends them, with messages as large as they may be."""
        await asyncio.gather(*(self._attack(BENIGN) for _ in range(sockets)))

    async def dawdle(self, sockets: int = 1) -> None:
        """So many of each who begin and hardly go on; returns when they have been closed, which takes as long as they are given."""
        await asyncio.gather(*(self._attack(kind) for kind in [SLOW_HANDSHAKE, SLOW_FRAME] * sockets))

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
        closed = asyncio.ensure_future(self._closed(reader))
        if kind == SLOW_FRAME:
            for each in framed(media(self._chance)):
                writer.write(bytes([each]))
                if (await asyncio.wait({closed}, timeout=DRIP_S))[0]:
                    break
        else:
            writer.write(self._written(kind))
        return await closed

    async def _closed(self, reader: asyncio.StreamReader) -> Outcome:
        opcode, size = await reader.readexactly(2)
        if opcode & 15 != CLOSE:
            return f"said {opcode & 15}"
        return str(int.from_bytes((await reader.readexactly(size))[:2]))

    def _written(self, kind: str) -> bytes:
        if kind == BENIGN:
            large = media(self._chance, LARGE_BYTES)
            messages = [self._begun(), *(media(self._chance) for _ in range(50)), large, STOP]
            return b"".join(framed(message) for message in messages)
        self.sent += MESSAGES_A_SOCKET
        self.judged += JUDGED.get(kind, 1)
        if kind == MID_STREAM:
            return framed(self._begun()) + b"".join(bad(self._chance) for _ in range(MESSAGES_A_SOCKET * 2))
        return b"".join(KINDS[kind](self._chance) for _ in range(MESSAGES_A_SOCKET))

    def _begun(self) -> bytes:
        return start(self._chance, {"check": self._tokens.pop()})

    def _upgrade(self, proof: str) -> bytes:
        key = base64.b64encode(os.urandom(16)).decode()
        return (
            f"GET {PATH} HTTP/1.1\r\nHost: localhost:{self._port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nX-Twilio-Signature: {proof}\r\n\r\n"
        ).encode()
