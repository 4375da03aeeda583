"""The carrier's media socket as the carrier, and as somebody else, opens it.

Planted bugs that this catches: a token that opens a second socket, a start message that is believed before its signature,
an application that ends and leaves its socket open, a last sentence that is forgotten where the network goes in it.
"""

import asyncio
import base64
import json
import logging
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from pytest_django import Settings
from websockets.exceptions import ConnectionClosed

from ai.listening.audio import decode_mulaw
from ai.listening.transcriber import Recognition
from ai.listening.wire import Request
from tests.identity.test_sockets import elsewhere
from tests.listening.answering import says, transcriber
from tests.listening.speech import mulaw, turns
from tests.voice.carrier import Placed, sid
from tests.voice.held_rows import cut_who_waits, hold_row
from tests.voice.media_doors import DOORS, ProcessSocket, TcpSocket, ask, run
from tests.voice.media_doors import Socket as AnySocket
from tests.voice.media_process import MediaProcess, media_process
from voice import media_session, pipeline, transcripts
from voice.models import Call, MediaStream, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
REFUSED, MALFORMED = media_session.CLOSE_REFUSED, media_session.CLOSE_MALFORMED
# What a peer that got no closing code notes (RFC 6455, section 7.4.1).
CUT_OFF = 1006
Story = Callable[[], Coroutine[Any, Any, Any]]
# What the callee says, up to the last word's end.
SPEECH = mulaw("smoke", "callee")
SPOKEN = turns("smoke", "callee")[:2]
SPOKEN_UNTIL_MS = SPOKEN[1]["end_ms"]
SENTENCES = [turn["text"] for turn in SPOKEN]


@pytest.fixture(scope="module")
def transcriber_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where a story may answer as a transcriber."""
    return f"{tmp_path_factory.mktemp('t')}/s"


@pytest.fixture(scope="module")
def daphne(
    django_db_setup: None, transcriber_path: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MediaProcess]:
    log = tmp_path_factory.mktemp("media") / "daphne.log"
    with media_process("daphne", log, TRANSCRIBER_ADDRESS=f"unix://{transcriber_path}") as process:
        yield process


@pytest.fixture(params=DOORS, autouse=True)
def door(request: pytest.FixtureRequest) -> str:
    """Every story is told through the application itself and through each server that the media process may use."""
    global Socket
    Socket = DOORS[request.param]
    if Socket is ProcessSocket:
        ProcessSocket.listens_on = request.getfixturevalue("daphne").port
    return str(request.param)


Socket: Any


def token_for(placed: Placed) -> str:
    return transcripts.issue_stream_token(call=placed.row, now=datetime.now(UTC))


def start(placed: Placed, token: str, **changes: object) -> dict[str, object]:
    body = {
        "accountSid": settings.TWILIO_ACCOUNT_SID,
        "streamSid": sid("MZ"),
        "callSid": placed.agent_sid,
        "tracks": ["inbound", "outbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": token},
    }
    return {"event": "start", "sequenceNumber": "1", "start": body | changes}


def frame(number: int, track: str = "inbound") -> dict[str, object]:
    return sound(number, track, b"\xff" * 160)


def spoken(number: int) -> dict[str, object]:
    return sound(number, "outbound", SPEECH[number * 160 : (number + 1) * 160])


def sound(number: int, track: str, mulaw: bytes) -> dict[str, object]:
    """As the carrier says it, field by field."""
    payload = base64.b64encode(mulaw).decode()
    body = {"track": track, "chunk": str(number + 1), "timestamp": str(number * 20), "payload": payload}
    return {"event": "media", "sequenceNumber": str(number + 2), "media": body, "streamSid": "MZ0"}


def written(placed: Placed) -> list[str]:
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id).order_by("start_ms")
    return list(rows.values_list("text", flat=True))


def streams(placed: Placed) -> list[str]:
    rows = MediaStream.objects.get_queryset().filter(call_id=placed.call_id).order_by("issued_at")
    return list(rows.values_list("state", flat=True))


@pytest.mark.parametrize("signed", ["", "AAAA", "x" * 5_000, "\u00e4"])
def test_an_upgrade_that_the_carrier_did_not_sign_is_refused(placed: Placed, signed: str) -> None:
    token_for(placed)

    async def story() -> tuple[bool, int | None]:
        socket: AnySocket = Socket(signed)
        return await socket.open()

    assert run(story) == (False, REFUSED)
    assert streams(placed) == ["issued"]


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        "[]",
        '{"event":"start"}',
        '{"event":"start","start":{"streamSid":1,"callSid":2}}',
        "[" * 60_000,
        "x" * 70_000,
    ],
)
def test_a_malformed_start_closes_the_socket_with_a_code(placed: Placed, message: str) -> None:
    async def story() -> int:
        socket: AnySocket = Socket()
        await socket.open()
        await socket.say(message)
        return await socket.closed_with()

    assert run(story) == REFUSED
    assert streams(placed) == []


def test_only_the_newest_token_of_the_right_call_opens_and_only_once(placed: Placed) -> None:
    old, token = token_for(placed), token_for(placed)
    wrong = {
        "unknown": start(placed, "x" * 43),
        "none": start(placed, token, customParameters={}),
        "strange": start(placed, "\u0000\ud7ff"),
        "older": start(placed, old),
        "of another leg": start(placed, token, callSid=sid()),
    }

    async def story() -> tuple[dict[str, int], int, int]:
        codes = {}
        for name, message in wrong.items():
            socket: AnySocket = Socket()
            await socket.open()
            await socket.say({"event": "connected"}, message)
            codes[name] = await socket.closed_with()
        first, second = Socket(), Socket()
        await first.open()
        await second.open()
        await first.say(start(placed, token), frame(0))
        await until(lambda: streams(placed)[-1] == "connected")
        await second.say(start(placed, token))
        used = await second.closed_with()
        await first.say({"event": "stop", "stop": {}})
        done = await first.closed_with()
        await until(lambda: streams(placed) == ["lost", "finished"])
        return codes, used, done

    codes, used, done = run(story)
    assert codes == dict.fromkeys(wrong, REFUSED)
    assert (used, done) == (REFUSED, media_session.CLOSE_DONE)


def test_garbage_in_a_running_stream_is_passed_over_and_a_flood_of_it_ends_the_stream(placed: Placed) -> None:
    token = token_for(placed)

    async def story() -> int:
        socket: AnySocket = Socket()
        await socket.open()
        await socket.say(start(placed, token))
        garbage = ["{", frame(0) | {"media": {"track": "inbound", "timestamp": "-1", "payload": "/w=="}}]
        for number in range(10):
            await socket.say(*garbage, frame(number), frame(number, "outbound"), frame(number, "sideways"))
        await until(lambda: streams(placed) == ["connected"])
        await socket.say(*garbage)
        code = await socket.closed_with()
        await until(lambda: streams(placed) == ["lost"])
        return code

    assert run(story) == MALFORMED


def test_where_no_stop_comes_every_word_is_written_down_and_the_stream_is_lost_and_not_finished(
    placed: Placed, transcriber_path: str, settings: Settings
) -> None:
    """The network goes in the last sentence, the end of which nobody has noticed yet."""
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    settings.TRANSCRIBER_ADDRESS = f"unix://{transcriber_path}"
    pipeline._transcriber.cache_clear()
    token = token_for(placed)

    async def answer(_request: Request, pcm: bytes) -> Recognition:
        middle_ms = decode_mulaw(SPEECH).index(pcm[len(pcm) // 4 * 2 :][:640]) // 16
        return says(SENTENCES[int(middle_ms > SPOKEN[1]["start_ms"])])

    async def story() -> None:
        async with transcriber(transcriber_path, answer):
            socket: AnySocket = Socket()
            await socket.open()
            await socket.say(start(placed, token))
            for number in range(SPOKEN_UNTIL_MS // 20):
                await socket.say(spoken(number), frame(number))
                if number % 50 == 0:
                    await asyncio.sleep(0.05)
            await until(lambda: written(placed) == SENTENCES[:-1])
            await socket.vanish()
            await until(lambda: streams(placed) == ["lost"])

    run(story)
    pipeline._transcriber.cache_clear()
    assert written(placed) == SENTENCES
    stream = MediaStream.objects.get_queryset().get()
    assert stream.dropped_frames == 0
    assert abs(stream.settled_ms - SPOKEN_UNTIL_MS) < 500


def test_a_stream_whose_place_was_taken_is_closed(placed: Placed) -> None:
    first_token = token_for(placed)

    async def story() -> int:
        first, second = Socket(), Socket()
        await first.open()
        await first.say(start(placed, first_token))
        await until(lambda: streams(placed) == ["connected"])
        token = await sync_to_async(token_for)(placed)
        await second.open()
        await second.say(start(placed, token))
        await until(lambda: streams(placed) == ["lost", "connected"])
        for number in range(200):
            await asyncio.sleep(0.02)
            await first.say(frame(number))
        code = await first.closed_with()
        await second.vanish()
        return int(code)

    assert run(story) == media_session.CLOSE_GIVEN_UP


def test_what_a_broken_database_connection_took_back_is_stored_again(placed: Placed) -> None:
    """The write waits for a row that somebody holds, and its connection is cut there."""
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    token = token_for(placed)

    async def story() -> None:
        socket: AnySocket = Socket()
        await socket.open()
        await socket.say(start(placed, token), frame(0), frame(0, "outbound"))
        await until(lambda: streams(placed) == ["connected"])
        held, release = threading.Event(), threading.Event()
        holder = asyncio.create_task(elsewhere(lambda: hold_row(placed, held, release)))
        await asyncio.to_thread(held.wait)
        # A second is missing: a gap that has to be written down.
        await socket.say(*(frame(number, track) for number in range(50, 100) for track in ("inbound", "outbound")))
        for _ in range(2):
            assert await elsewhere(cut_who_waits)
        release.set()
        await holder
        await until(lambda: TranscriptSegment.objects.get_queryset().filter(kind="gap").exists())
        await socket.vanish()

    run(story)
    assert TranscriptSegment.objects.get_queryset().get().end_ms == 1_000


@pytest.mark.parametrize("door", ["daphne"], indirect=True)
def test_a_server_that_does_not_drain_says_so_when_it_starts(daphne: MediaProcess) -> None:
    said = [line for line in daphne.said() if line["logger"] == "config.media_asgi"]
    assert [(line["level"], "does not drain" in line["message"]) for line in said] == [("WARNING", True)]


def test_a_message_in_pieces_and_one_of_many_frames_at_once_are_heard(placed: Placed, door: str) -> None:
    """A frame is what the network makes of a message; and a lone stop after a silence ends it."""
    token = token_for(placed)

    async def story() -> int:
        socket: AnySocket = Socket()
        await socket.open()
        opening = json.dumps(start(placed, token))
        if isinstance(socket, TcpSocket):
            await socket.socket.send([opening[:10], opening[10:200], opening[200:]])
        else:
            await socket.say(opening)
        big: dict[str, Any] = frame(1)
        big["media"] = {"track": "inbound", "timestamp": 20, "payload": base64.b64encode(b"\xff" * 8_000).decode()}
        for track in ("inbound", "outbound"):
            big["media"]["track"] = track
            await socket.say(frame(0, track), big, *(frame(number, track) for number in range(51, 150)))
        await until(lambda: streams(placed) == ["connected"])
        await asyncio.sleep(0.5)
        await socket.say({"event": "stop"})
        code = await socket.closed_with()
        await until(lambda: streams(placed) == ["finished"])
        return code

    assert run(story) == media_session.CLOSE_DONE
    stream = MediaStream.objects.get_queryset().get()
    assert (stream.state, stream.dropped_frames) == ("finished", 0)
    # All but the last windows, in which a word may have begun.
    assert stream.settled_ms >= 2_800


def test_a_piece_that_never_ends_closes_the_socket(placed: Placed, door: str) -> None:
    token = token_for(placed)

    async def story() -> int:
        socket: AnySocket = Socket()
        await socket.open()
        await socket.say(start(placed, token))
        await until(lambda: streams(placed) == ["connected"])
        if isinstance(socket, TcpSocket):
            with suppress(ConnectionClosed):
                await socket.socket.send("x" * 1_000 for _ in range(1_000))
        else:
            await socket.say(*["x" * 70_000] * 30)
        code = await socket.closed_with()
        await until(lambda: streams(placed) == ["lost"])
        return code

    # Daphne's own bound ends the connection; that comes before any code of ours.
    assert run(story) == (CUT_OFF if door == "daphne" else MALFORMED)


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET /healthz HTTP/1.1", b"200"),
        (b"GET /readyz HTTP/1.1", b"503"),
        (b"GET /api/session HTTP/1.1", b"404"),
        (b"GET /twilio/media/ HTTP/1.1", b"403"),
        (b"POST /twilio/media/ HTTP/1.1", b"4"),
        (b"\x16\x03\x01\x02\x00", b""),
        (b"GET " + b"/x" * 40_000 + b" HTTP/1.1", b""),
    ],
)
def test_whatever_else_comes_to_the_media_port_is_answered_and_ends(
    request_line: bytes, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Readiness is 503 here, since nobody watches it."""

    async def story() -> bytes:
        return await ask(request_line + b"\r\nHost: localhost\r\n\r\n")

    answer = run(story)
    assert answer.partition(b" ")[2].startswith(status)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    for _ in range(round(limit_s / 0.05)):
        if await sync_to_async(condition)():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("waited in vain")
