"""The carrier's media socket as the carrier, and as somebody else, opens it.

Planted bugs that this catches: a token that opens a second socket, a start message that is believed before its signature,
an application that ends and leaves its socket open.
"""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.db import connection, transaction
from twilio.request_validator import RequestValidator

from config.asgi import application
from identity.models import Membership
from tests.identity.test_sockets import elsewhere, run
from tests.voice.carrier import Placed, give_credit, place, post, sid
from voice import media_stream, transcripts
from voice.models import Call, MediaStream, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/twilio/media/"
REFUSED, MALFORMED = media_stream.CLOSE_REFUSED, media_stream.CLOSE_MALFORMED
Story = Callable[[], Coroutine[Any, Any, Any]]


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    """A call whose rep has answered."""
    member = make_account()
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    return placed


class Socket:
    """signed: None as the carrier signs, over the address without any field."""

    def __init__(self, signed: str | None = None) -> None:
        validator = RequestValidator(settings.TWILIO_AUTH_TOKEN)
        proof = validator.compute_signature(settings.MEDIA_SOCKET_URL + PATH, {}) if signed is None else signed
        headers = [(b"x-twilio-signature", proof.encode("latin-1"))] if proof else []
        self._socket = WebsocketCommunicator(application, PATH, headers=headers)

    async def open(self) -> tuple[bool, int | None]:
        accepted, code = await self._socket.connect(timeout=5)
        return bool(accepted), code

    async def say(self, *messages: object) -> None:
        for message in messages:
            await self._socket.send_to(text_data=message if isinstance(message, str) else json.dumps(message))

    async def closed_with(self) -> int:
        message = await self._socket.receive_output(timeout=15)
        assert message["type"] == "websocket.close", message
        return int(message["code"])

    async def vanish(self) -> None:
        await self._socket.disconnect(timeout=15)


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
    payload = base64.b64encode(b"\xff" * 160).decode()
    return {"event": "media", "media": {"track": track, "timestamp": str(number * 20), "payload": payload}}


def streams(placed: Placed) -> list[str]:
    rows = MediaStream.objects.get_queryset().filter(call_id=placed.call_id).order_by("issued_at")
    return list(rows.values_list("state", flat=True))


@pytest.mark.parametrize("signed", ["", "AAAA", "x" * 5_000, "\u00e4"])
def test_an_upgrade_that_the_carrier_did_not_sign_is_refused(placed: Placed, signed: str) -> None:
    token_for(placed)

    async def story() -> tuple[bool, int | None]:
        return await Socket(signed).open()

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
        socket = Socket()
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
            socket = Socket()
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
        return codes, used, await first.closed_with()

    codes, used, done = run(story)
    assert codes == dict.fromkeys(wrong, REFUSED)
    assert (used, done) == (REFUSED, media_stream.CLOSE_DONE)
    assert streams(placed) == ["lost", "finished"]


def test_garbage_in_a_running_stream_is_passed_over_and_a_flood_of_it_ends_the_stream(placed: Placed) -> None:
    token = token_for(placed)

    async def story() -> int:
        socket = Socket()
        await socket.open()
        await socket.say(start(placed, token))
        garbage = ["{", frame(0) | {"media": {"track": "inbound", "timestamp": "-1", "payload": "/w=="}}]
        for number in range(10):
            await socket.say(*garbage, frame(number), frame(number, "outbound"), frame(number, "sideways"))
        await until(lambda: streams(placed) == ["connected"])
        await socket.say(*garbage)
        return await socket.closed_with()

    assert run(story) == MALFORMED
    assert streams(placed) == ["lost"]


def test_a_socket_that_vanishes_is_lost_and_not_finished(placed: Placed) -> None:
    token = token_for(placed)

    async def story() -> None:
        socket = Socket()
        await socket.open()
        await socket.say(start(placed, token), *(frame(number) for number in range(50)))
        await until(lambda: streams(placed) == ["connected"])
        await socket.vanish()
        await until(lambda: streams(placed) == ["lost"])

    run(story)
    assert not TranscriptSegment.objects.get_queryset().exists()


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
        return code

    assert run(story) == media_stream.CLOSE_GIVEN_UP


def test_what_a_broken_database_connection_took_back_is_stored_again(placed: Placed) -> None:
    """The write waits for a row that somebody holds, and its connection is cut there."""
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    token = token_for(placed)

    async def story() -> None:
        socket = Socket()
        await socket.open()
        await socket.say(start(placed, token), frame(0), frame(0, "outbound"))
        await until(lambda: streams(placed) == ["connected"])
        held, release = threading.Event(), threading.Event()
        holder = asyncio.create_task(elsewhere(lambda: hold_row(placed, held, release)))
        await asyncio.to_thread(held.wait)
        # Five seconds are missing: a gap that has to be written down.
        await socket.say(*(frame(number, track) for number in range(250, 300) for track in ("inbound", "outbound")))
        for _ in range(2):
            assert await elsewhere(cut_who_waits)
        release.set()
        await holder
        await until(lambda: TranscriptSegment.objects.get_queryset().filter(kind="gap").exists())
        await socket.vanish()

    run(story)
    assert TranscriptSegment.objects.get_queryset().get().end_ms == 5_000


def hold_row(placed: Placed, held: threading.Event, release: threading.Event) -> None:
    with transaction.atomic():
        Call.objects.get_queryset().select_for_update().get(id=placed.call_id)
        held.set()
        release.wait(timeout=30)


def cut_who_waits(limit_s: float = 10.0) -> bool:
    """Ends the session that waits for a lock, as a server that is shut down does; False when none comes to wait."""
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone():
                return True
        time.sleep(0.05)
    return False


async def until(condition: Callable[[], bool], limit_s: float = 10.0) -> None:
    for _ in range(round(limit_s / 0.05)):
        if await sync_to_async(condition)():
            return
        await asyncio.sleep(0.05)
    raise AssertionError("waited in vain")
