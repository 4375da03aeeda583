"""The transcriber's wire format: length, JSON header, length, raw audio. Both lengths are 4 bytes, big-endian.

Fields that one side does not know are passed over, so that the two need not be updated in the same moment.
"""

from __future__ import annotations

import asyncio
import struct
from typing import Literal

import msgspec

from ai.listening.audio import BYTES_PER_SAMPLE, TELEPHONE_RATE_HZ
from ai.listening.transcriber import MAX_CONTEXT_CHARACTERS, MAX_SPEECH_S, Kind, Recognition, SpeechRefused

MAX_HEADER_BYTES = 64 * 1024
MAX_EARLY_MS = 1_000
MAX_PAYLOAD_BYTES = MAX_SPEECH_S * TELEPHONE_RATE_HZ * BYTES_PER_SAMPLE
_LENGTH = struct.Struct(">I")


class Request(msgspec.Struct, frozen=True):
    """id: chosen by the sender, repeated in the answer. The audio follows as the payload; a ping has none.

    early_ms: a final that nobody needs for so long, and perhaps not at all: its utterance may be over by then.
    patience_ms: how much longer somebody waits for the answer, when this is sent; 0 where that is not said.
    thrifty, smaller_model: set by the server for its recognisers while much is waiting.
    """

    id: int
    op: Literal["transcribe", "ping"]
    kind: Kind = "final"
    context: str = ""
    early_ms: int = 0
    patience_ms: int = 0
    thrifty: bool = False
    smaller_model: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """Why there is no recognition. code: as the exceptions of ai.listening.transcriber."""

    code: str
    message: str


class Answer(msgspec.Struct, frozen=True):
    """Exactly one of recognition and refusal is given, except for a ping and for a recogniser that begins.

    queued_ms, computed_ms: how long the speech waited for a recogniser, and how long that worked on it.
    workers: recognisers that are ready (ping). is_proved: whether each model has been loaded once, and found usable (ping).
    has_smaller_model: of a recogniser that begins, whether it has a smaller model beside that of usual text.
    level: [0, 4], what is left out for lack of time; see ai.listening.load.
    """

    id: int
    recognition: Recognition | None = None
    refusal: Refusal | None = None
    queued_ms: int = 0
    computed_ms: int = 0
    workers: int = 0
    is_proved: bool = False
    has_smaller_model: bool = False
    level: int = 0


class BrokenFraming(Exception):
    """The bytes are not ours: nothing after them can be understood, so the connection has to be closed."""


def packed(header: Request | Answer, payload: bytes = b"") -> bytes:
    encoded = msgspec.json.encode(header)
    return b"".join((_LENGTH.pack(len(encoded)), encoded, _LENGTH.pack(len(payload)), payload))


async def read_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next header (still encoded) and payload.

    :raises asyncio.IncompleteReadError: when the other side has gone.
    :raises BrokenFraming: when a length is out of bounds.
    """
    header = await reader.readexactly(await _length(reader, MAX_HEADER_BYTES))
    payload = await reader.readexactly(await _length(reader, MAX_PAYLOAD_BYTES))
    return header, payload


async def _length(reader: asyncio.StreamReader, most: int) -> int:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > most:
        raise BrokenFraming(f"A part of {length} bytes was announced, at most {most} are accepted.")
    return int(length)


def request_of(header: bytes, payload: bytes) -> Request:
    """The checked request.

    :raises BrokenFraming: when the header is no request at all, so that not even its id can be answered.
    :raises SpeechRefused: when it is one, but asks for something that cannot be done; carries the id as request_id.
    """
    try:
        request = msgspec.json.decode(header, type=Request)
    except msgspec.DecodeError as error:
        raise BrokenFraming("The header is no request.") from error
    if len(request.context) > MAX_CONTEXT_CHARACTERS:
        raise RequestRefused(request.id, f"The context is longer than {MAX_CONTEXT_CHARACTERS} characters.")
    if not 0 <= request.early_ms <= (MAX_EARLY_MS if request.kind == "final" else 0):
        raise RequestRefused(request.id, f"Only a final may be early, and by at most {MAX_EARLY_MS} ms.")
    if request.patience_ms < 0:
        raise RequestRefused(request.id, "Nobody has less than no patience.")
    if len(payload) % BYTES_PER_SAMPLE:
        raise RequestRefused(request.id, "The audio is not a whole number of 16-bit samples.")
    if request.op == "transcribe" and not payload:
        raise RequestRefused(request.id, "There is no audio.")
    return request


class RequestRefused(SpeechRefused):
    """A well-formed request that cannot be done. request_id: which one."""

    def __init__(self, request_id: int, message: str) -> None:
        super().__init__(message)
        self.request_id = request_id
