"""Whatever of a call cannot be stored is a gap in its transcript; and what a mad carrier sends into a stream harms no other frame.

Planted bugs that this catches: a segment that the database refuses, or for which there is no room, with the stream said to be
complete; a nonsense frame that ends a stream, or moves the time of those after it; frames that go unnoticed, or a stop, because
so much came before the token was looked up; one row that somebody holds and that keeps back the text of every call.
"""

import asyncio
import base64
import json
import logging
import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from ai.listening.transcriber import Recognition
from ai.listening.wire import Request
from identity.models import Membership
from tests.identity.test_sockets import elsewhere
from tests.listening.answering import Answering, says, transcriber, yes
from tests.listening.speech import mulaw, turns
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.held_rows import hold_row
from tests.voice.hostile import framed
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from voice import media_session, pipeline
from voice.models import Call, Callback, MediaStream, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
# Both of these turns are in the callee's first ten seconds.
SPOKEN = turns("smoke", "callee")[:2]
SPEECH = mulaw("smoke", "callee")[: (SPOKEN[-1]["end_ms"] + 700) * 8]
FRAME_MS, FRAME_BYTES = 20, 160
HOSTILE_MESSAGES = 2_000
# So small that a server reads more of them at once than may wait; and from one to the next.
TINY_FRAMES, TINY_MS = 680, 3
STOP = framed(b'{"event": "stop"}')
Story = Callable[[], Coroutine[Any, Any, None]]


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    return conversation(make_account())


def conversation(member: Membership) -> Placed:
    """The rep has answered, and the transcript is allowed."""
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
    return placed


@pytest.fixture
def play(tmp_path: Path, settings: Settings) -> Iterator[Callable[..., None]]:
    """Plays a story with a transcriber that answers as it is told to."""
    path = f"{tmp_path}/s"
    settings.TRANSCRIBER_ADDRESS = f"unix://{path}"
    pipeline._transcriber.cache_clear()

    def played(story: Story, answering: Answering = yes) -> None:
        async def with_transcriber() -> None:
            async with transcriber(path, answering):
                await story()

        run(with_transcriber)

    yield played
    pipeline._transcriber.cache_clear()


def spoken(number: int) -> dict[str, object]:
    sound = SPEECH[number * FRAME_BYTES : (number + 1) * FRAME_BYTES]
    payload = base64.b64encode(sound).decode()
    return {"event": "media", "media": {"track": "outbound", "timestamp": str(number * FRAME_MS), "payload": payload}}


FRAMES = len(SPEECH) // FRAME_BYTES


async def says_all(socket: PicowsSocket, first: int = 0, until: int = FRAMES) -> None:
    """A few times as fast as a call, so that nothing has to wait for long."""
    for number in range(first, until):
        await socket.say(spoken(number), frame(number))
        if number % 25 == 0:
            await asyncio.sleep(0.05)


async def ends(socket: PicowsSocket, placed: Placed) -> None:
    await socket.say({"event": "stop"})
    assert await socket.closed_with() == media_session.CLOSE_DONE
    await until(lambda: streams(placed) == ["finished"])


def gaps(placed: Placed) -> list[tuple[int, int]]:
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id, kind="gap").order_by("start_ms")
    return list(rows.values_list("start_ms", "end_ms"))


def texts(placed: Placed) -> list[str]:
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id, kind="speech").order_by("start_ms")
    return list(rows.values_list("text", flat=True))


@pytest.mark.parametrize("mute", ["inbound", "outbound"])
def test_a_track_that_breaks_off_while_the_other_goes_on_is_a_gap_from_there(
    placed: Placed, play: Callable[..., None], mute: str
) -> None:
    async def story() -> None:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, await sync_to_async(token_for)(placed)))
        for number in range(150):
            tracks = {"outbound": spoken(number), "inbound": frame(number)}
            if number >= 100:
                del tracks[mute]
            await socket.say(*tracks.values())
        await ends(socket, placed)

    play(story)
    assert gaps(placed) == [(2_000, 3_000)]


@pytest.mark.parametrize(("left_ms", "gap"), [(2_100, []), (4_500, [(2_000, 5_000)])])
def test_what_is_missing_of_the_lead_after_they_have_left_is_no_gap_and_what_was_missing_before_is(
    placed: Placed, play: Callable[..., None], left_ms: int, gap: list[tuple[int, int]]
) -> None:
    """Nothing comes on their track any more, while the rep is heard until the carrier ends that leg too."""

    def leave() -> None:
        post(*placed.after("answered"))
        Call.objects.get_queryset().filter(id=placed.call_id).update(transcript_state="on")
        left_at = (placed.row.media_started_at or datetime.now(UTC)) + timedelta(milliseconds=left_ms)
        Callback.objects.get_queryset().filter(call_id=placed.call_id, kind="after").update(received_at=left_at)

    async def story() -> None:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, await sync_to_async(token_for)(placed)))
        for number in range(250):
            await socket.say(*([spoken(number)] if number < 100 else []), frame(number))
            if number == 100:
                await until(lambda: streams(placed) == ["connected"])
                await sync_to_async(leave)()
        await ends(socket, placed)

    play(story)
    assert gaps(placed) == gap


def test_text_that_the_database_refuses_is_a_gap_and_the_next_is_stored(
    placed: Placed, play: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    refused = iter(["what no\x00text may hold"])

    async def answer(request: Request, _pcm: bytes) -> Recognition:
        return says(next(refused, "yes") if request.kind == "final" else "yes")

    async def story() -> None:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, token_of))
        await says_all(socket)
        await ends(socket, placed)

    token_of = token_for(placed)
    play(story, answer)
    first = SPOKEN[0]
    [(start_ms, end_ms)] = gaps(placed)
    assert abs(start_ms - first["start_ms"]) < 400
    assert abs(end_ms - first["end_ms"]) < 400
    assert texts(placed) == ["yes"]
    assert "segment not stored" in caplog.messages


def test_what_there_is_no_room_for_while_the_database_holds_still_is_one_gap(
    placed: Placed, play: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Holes come one after the other in both tracks, each a gap that has to be written down."""
    room, holes = 5, 20
    monkeypatch.setattr(pipeline, "WRITES_MAX", room)
    token = token_for(placed)

    async def story() -> None:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, token), frame(0), frame(0, "outbound"))
        await until(lambda: streams(placed) == ["connected"])
        held, release = threading.Event(), threading.Event()
        holder = asyncio.create_task(elsewhere(lambda: hold_row(placed, held, release)))
        await asyncio.to_thread(held.wait)
        for number in range(1, holes + 1):
            # Half a second is missing before each.
            await socket.say(frame(number * 25), frame(number * 25, "outbound"))
        await asyncio.sleep(1.5)
        release.set()
        await holder
        await ends(socket, placed)

    play(story)
    found = gaps(placed)
    ends_ms = holes * 25 * FRAME_MS
    assert len(found) <= 2 * room < holes
    assert max(end_ms for _, end_ms in found) == ends_ms
    missing = [at for at in range(0, ends_ms, FRAME_MS) if at % (25 * FRAME_MS)]
    assert all(any(start_ms <= at < end_ms for start_ms, end_ms in found) for at in missing)


def test_a_row_that_somebody_holds_keeps_back_the_text_of_its_own_call_alone(
    placed: Placed, make_account: Callable[..., Membership], play: Callable[..., None]
) -> None:
    other = conversation(make_account(email="eve@example.com", mobile="+12025550199"))
    tokens = {each.call_id: token_for(each) for each in (placed, other)}

    async def story() -> None:
        first, second = PicowsSocket(), PicowsSocket()
        for socket, call in ((first, placed), (second, other)):
            await socket.open()
            await socket.say(start(call, tokens[call.call_id]))
        await until(lambda: streams(placed) + streams(other) == ["connected"] * 2)
        held, release = threading.Event(), threading.Event()
        holder = asyncio.create_task(elsewhere(lambda: hold_row(placed, held, release)))
        await asyncio.to_thread(held.wait)
        await asyncio.gather(says_all(first), says_all(second))
        await ends(second, other)
        assert await sync_to_async(texts)(placed) == []
        release.set()
        await holder
        await ends(first, placed)

    play(story)
    assert texts(placed) == texts(other) == ["yes", "yes"]
    assert gaps(placed) == gaps(other) == []


def tiny(number: int) -> bytes:
    """A message as short as one can be, with a millisecond of sound in it."""
    media = f'{{"track":"outbound","timestamp":{number * TINY_MS},"payload":"//////////8="}}'
    return framed(f'{{"event":"media","media":{media}}}'.encode())


@pytest.mark.parametrize("last", [STOP, b""], ids=["said to be over", "cut off"])
def test_what_came_with_the_start_and_had_no_room_until_the_token_was_looked_up_is_counted_and_is_a_gap(
    placed: Placed, play: Callable[..., None], caplog: pytest.LogCaptureFixture, last: bytes
) -> None:
    """All at once, as after a moment without a network; the last of it is all that is ever said."""
    token = token_for(placed)
    sound = [tiny(number) for number in range(TINY_FRAMES)]

    async def story() -> None:
        socket = PicowsSocket()
        await socket.open()
        held, release = threading.Event(), threading.Event()
        holder = asyncio.create_task(elsewhere(lambda: hold_row(placed, held, release)))
        await asyncio.to_thread(held.wait)
        # The server has learned to read much at once.
        await socket.say(*[{"event": "connected", "protocol": "x" * 60_000}] * 6)
        await asyncio.sleep(0.2)
        socket.socket.transport.write(framed(json.dumps(start(placed, token)).encode()) + b"".join(sound) + last)
        await asyncio.sleep(TINY_FRAMES * TINY_MS / 1_000 - 0.7)
        release.set()
        await holder
        if last == STOP:
            assert await socket.closed_with() == media_session.CLOSE_DONE
            await until(lambda: streams(placed) == ["finished"])
        else:
            await until(lambda: gaps(placed) != [])
            await socket.vanish()
            await until(lambda: streams(placed) == ["lost"])

    play(story)
    no_room = len(sound) - media_session.WAITING_MESSAGES_MAX
    heard_ms = (media_session.WAITING_MESSAGES_MAX - 1) * TINY_MS + 1
    assert gaps(placed) == [(heard_ms, (TINY_FRAMES - 1) * TINY_MS + 1)]
    assert MediaStream.objects.get_queryset().get().dropped_frames == no_room
    [told] = [record.__dict__ for record in caplog.records if record.message == "media messages passed over"]
    assert (told["error_code"], told["count"]) == (media_session.NO_ROOM, no_room)


def nonsense(chance: random.Random, now_ms: int) -> str:
    """A message that a stream which runs has to take, whatever it is worth."""

    def media(track: object, timestamp: object, payload: bytes) -> str:
        sound = base64.b64encode(payload).decode()
        return json.dumps({"event": "media", "media": {"track": track, "timestamp": timestamp, "payload": sound}})

    return chance.choice(
        [
            media("sideways", now_ms, chance.randbytes(160)),
            media("outbound", now_ms + chance.randrange(5_000, 10**8), chance.randbytes(160)),
            media("outbound", str(now_ms + 999_000_000), chance.randbytes(1)),
            media("outbound", max(0, now_ms - 5_000), b""),
            media("outbound", max(0, now_ms - 20), SPEECH[:0]),
            json.dumps({"event": "mark", "mark": {"name": "x" * 1_000}}),
            json.dumps({"event": "dtmf", "dtmf": {"track": "inbound", "digit": "5"}}),
            json.dumps({"event": "connected", "protocol": "Call", "version": "9.9"}),
            json.dumps({"event": "something new", "media": [1, {"a": None}]}),
            json.dumps(start_again(chance)),
        ]
    )


def start_again(chance: random.Random) -> dict[str, object]:
    """A start in a stream that has begun."""
    return {"event": "start", "start": {"streamSid": f"MZ{chance.randrange(10**31)}", "callSid": "CA1"}}


# Each comes three times in the course of the stream, which bears twenty of them.
MALFORMED = ["{", "[]", '{"event":"media"}', '{"event":"media","media":{"track":7}}', "x" * 65_600]
COUNTED = {"message_malformed": 12, "message_too_large": 3}


def test_what_a_mad_carrier_sends_into_a_stream_harms_neither_its_own_frames_nor_another_call(
    placed: Placed,
    make_account: Callable[..., Membership],
    play: Callable[..., None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Thousands of messages between the frames of a signed stream, beside a call that gets none."""
    other = conversation(make_account(email="eve@example.com", mobile="+12025550199"))
    chance = random.Random(11)
    tokens = {each.call_id: token_for(each) for each in (placed, other)}

    async def calls(call: Placed, hostile: int) -> None:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(call, tokens[call.call_id]))
        each = hostile // FRAMES
        for number in range(FRAMES):
            await socket.say(*(nonsense(chance, number * FRAME_MS) for _ in range(each)))
            if hostile and number % 100 == 45:
                await socket.say(*[MALFORMED[number // 100]] * 3)
            await says_all(socket, number, number + 1)
        await ends(socket, call)

    async def story() -> None:
        await asyncio.gather(calls(placed, HOSTILE_MESSAGES), calls(other, 0))

    play(story)
    assert texts(placed) == texts(other) == ["yes", "yes"]
    assert gaps(placed) == gaps(other) == []
    places = [
        list(TranscriptSegment.objects.get_queryset().filter(call_id=one.call_id).values_list("start_ms", "end_ms"))
        for one in (placed, other)
    ]
    assert sorted(places[0]) == sorted(places[1])
    dropped = {one.call_id: one.dropped_frames for one in MediaStream.objects.get_queryset()}
    # Those with a time far ahead are counted; all others are nobody's sound.
    assert dropped[placed.row.id] > HOSTILE_MESSAGES // 10
    assert dropped[other.row.id] == 0
    passed_over = [record for record in caplog.records if record.message == "media messages passed over"]
    assert {record.__dict__["error_code"]: record.__dict__["count"] for record in passed_over} == COUNTED
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
