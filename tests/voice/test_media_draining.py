"""A media process that is asked to make way while people talk, on its own and without anybody who holds its port.

Planted bugs that this catches: sockets that a process ends without their code, last words that are thrown away with the process, a
stream that ended so and is not asked for anew, a drain without an end, a port that a process keeps for as long as it drains; those
who come in the turn in which a process makes way cut off without an answer, by a closed server or by its end, those who come
later turned away, and a process without calls that does not wait until its port is given away.
"""

import asyncio
import gc
import http.client
import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from huey.contrib.djhuey import HUEY
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from config.media_server import Inherited, serve
from identity.models import Membership
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Placed, give_credit, place, post, sid
from tests.voice.ears import WORDS, ears
from tests.voice.media_doors import PATH, ProcessSocket, run, signed_as_the_carrier
from tests.voice.media_process import MediaProcess, media_process
from tests.voice.test_media_proof import BEHIND_IT, IN_MID_SENTENCE, spoken
from tests.voice.test_media_socket import frame, start, streams, token_for, until
from tests.voice.transcriptionist import joined
from voice import media_session, transcripts
from voice.models import TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
AN_HOUR = "3600"
# How far beside a text's last word the sound ends of which it is the text.
BESIDE_MS = 500
ANSWERED = "HTTP/1.1 101"


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    """A conversation that is written down."""
    member = make_account()
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    joined(placed)
    return placed


def lines(placed: Placed, kind: str) -> list[TranscriptSegment]:
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id, kind=kind)
    return list(rows.order_by("start_ms"))


async def in_mid_sentence(placed: Placed, media: MediaProcess) -> ProcessSocket:
    """A socket on which the lead has begun to speak."""
    ProcessSocket.listens_on = media.port
    call = ProcessSocket()
    await call.open()
    await call.say(start(placed, await sync_to_async(token_for)(placed)))
    await until(lambda: streams(placed) == ["connected"])
    await say(call, 0, IN_MID_SENTENCE)
    return call


async def say(call: ProcessSocket, first: int, last: int) -> None:
    await call.say(*(each for number in range(first, last) for each in (spoken(number), frame(number))))


def worked_off(limit_s: float = 10.0) -> None:
    """What the process has left for a worker, done."""
    until_s = time.monotonic() + limit_s
    while (task := HUEY.dequeue()) is None:
        assert time.monotonic() < until_s, "nothing was asked for"
        time.sleep(0.05)
    while task is not None:
        HUEY.execute(task)
        task = HUEY.dequeue()


def readiness(port: int) -> tuple[int, list[str]]:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    asked.request("GET", "/readyz")
    answer = asked.getresponse()
    status, said = answer.status, json.loads(answer.read())
    asked.close()
    return status, said.get("missing", [])


def is_free(port: int) -> bool:
    """Whether a successor could listen there."""
    with socket.socket() as successor:
        successor.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            successor.bind(("127.0.0.1", port))
            successor.listen()
        except OSError:
            return False
    return True


def upgrade() -> bytes:
    """What the carrier sends first on a new socket."""
    asked = ClientProtocol(parse_uri(f"ws://127.0.0.1{PATH}")).connect()
    asked.headers["X-Twilio-Signature"] = signed_as_the_carrier()
    return asked.serialize()


def answer(one: socket.socket) -> str | None:
    """The status with which an upgrade is answered, empty where the connection was cut off instead; None where nothing happens."""
    try:
        one.settimeout(2)
        one.sendall(upgrade())
        return one.recv(65_536)[:12].decode()
    except TimeoutError:
        return None
    except ConnectionError:
        return ""


def test_a_second_signal_stores_the_last_words_and_has_the_stream_asked_for_anew(
    placed: Placed, sandbox: Sandbox, settings: Any, tmp_path: Path
) -> None:
    HUEY.flush()

    async def story() -> int:
        async with ears(settings) as heard:
            told = {"TRANSCRIBER_ADDRESS": settings.TRANSCRIBER_ADDRESS, "MEDIA_DRAIN_S": AN_HOUR}
            with media_process("picows", tmp_path / "media.log", **told) as media:
                call = await in_mid_sentence(placed, media)
                await until(lambda: heard.asked["interim"] > 0)
                media.process.send_signal(signal.SIGTERM)
                await until(lambda: readiness(media.port) == (503, ["draining"]))
                assert not await sync_to_async(lines)(placed, "speech")
                media.process.send_signal(signal.SIGTERM)
                code = await call.closed_with()
                assert await asyncio.to_thread(media.process.wait, 20) == 0
                return code

    assert run(story) == media_session.CLOSE_TRY_AGAIN
    [words] = lines(placed, "speech")
    assert (words.speaker, words.text) == ("callee", WORDS)
    assert streams(placed) == ["lost"]
    # The carrier fails over it, so that this call, which it does not know, goes on.
    sandbox.fail("twilio.rest", "error", value=500)
    worked_off()
    assert streams(placed) == ["lost", "issued"]
    later = datetime.now(UTC) + timedelta(seconds=5)
    transcripts.claim_stream(token=token_for(placed), stream_sid=sid("MZ"), call_sid=placed.agent_sid, now=later)
    gap = lines(placed, "gap")[-1]
    assert abs(gap.start_ms - words.end_ms) < BESIDE_MS
    assert gap.end_ms - gap.start_ms > 2_000


def test_a_process_that_drains_hears_its_calls_gives_its_port_away_and_ends_them_in_the_end(
    placed: Placed, settings: Any, tmp_path: Path
) -> None:
    async def story() -> int:
        async with ears(settings) as heard:
            told = {"TRANSCRIBER_ADDRESS": settings.TRANSCRIBER_ADDRESS, "MEDIA_DRAIN_S": "6", "MEDIA_HANDOVER_S": "2"}
            with media_process("picows", tmp_path / "media.log", **told) as media:
                call = await in_mid_sentence(placed, media)
                await until(lambda: heard.asked["interim"] > 0)
                media.process.send_signal(signal.SIGTERM)
                await until(lambda: readiness(media.port) == (503, ["draining"]))
                # Whom the load balancer still sends here is not asked for again by the carrier.
                late = ProcessSocket()
                assert await late.open() == (True, None)
                await late.vanish()
                assert not is_free(media.port)
                await say(call, IN_MID_SENTENCE, BEHIND_IT)
                await until(lambda: is_free(media.port))
                await asyncio.sleep(0.5)
                assert call.socket.close_code is None
                await until(lambda: [each.text for each in lines(placed, "speech")] == [WORDS])
                assert await sync_to_async(streams)(placed) == ["connected"]
                code = await call.closed_with()
                assert await asyncio.to_thread(media.process.wait, 20) == 0
                return code

    assert run(story) == media_session.CLOSE_TRY_AGAIN
    assert streams(placed) == ["lost"]


def test_a_process_without_calls_hears_whoever_comes_until_its_port_is_given_away(
    placed: Placed, settings: Any, tmp_path: Path
) -> None:
    handover_s = 8

    async def story() -> None:
        async with ears(settings) as heard:
            told = {"TRANSCRIBER_ADDRESS": settings.TRANSCRIBER_ADDRESS, "MEDIA_HANDOVER_S": str(handover_s)}
            with media_process("picows", tmp_path / "media.log", **told) as media:
                asked_s = time.monotonic()
                media.process.send_signal(signal.SIGTERM)
                await asyncio.sleep(handover_s - 2)
                call = await in_mid_sentence(placed, media)
                await until(lambda: is_free(media.port))
                assert time.monotonic() - asked_s >= handover_s
                await say(call, IN_MID_SENTENCE, BEHIND_IT)
                await until(lambda: heard.asked["interim"] > 0)
                await until(lambda: [each.text for each in lines(placed, "speech")] == [WORDS])
                await call.vanish()
                assert await asyncio.to_thread(media.process.wait, 20) == 0

    run(story)


@pytest.mark.parametrize("turns", range(5))
def test_whoever_comes_in_the_very_moment_of_a_deploy_is_heard(turns: int, settings: Any) -> None:
    """turns: of the loop, after which one comes; a server that is closed at once cuts off those of one turn."""
    # Each turn looks at the sockets.
    settings.MEDIA_GATHER_MS = 0
    reading, told = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as held, ExitStack() as opened:
        opened.callback(os.close, told)
        opened.callback(os.close, reading)
        opened.callback(gc.set_threshold, *gc.get_threshold())
        opened.callback(gc.unfreeze)
        port = held.getsockname()[1]

        def come() -> socket.socket:
            return opened.enter_context(socket.create_connection(("127.0.0.1", port)))

        async def story() -> None:
            inherited = Inherited(os.dup(held.fileno()), told)
            serving = asyncio.create_task(serve(host="", port=0, drain_s=60, handover_s=0, inherited=inherited))
            await until(lambda: readiness(port) == (200, []))
            taken = [come() for _ in range(3)]
            await asyncio.sleep(0.1)
            os.kill(os.getpid(), signal.SIGTERM)
            for _ in range(turns):
                await asyncio.sleep(0)
            taken.append(come())
            made_way, *_ = await asyncio.to_thread(select.select, [reading], [], [], 10)
            assert made_way
            await asyncio.sleep(0)
            late = come()
            answers = await asyncio.gather(*(asyncio.to_thread(answer, one) for one in taken))
            # Whom it has not taken, a successor takes out of the port's queue.
            assert answers[:-1] == [ANSWERED] * 3
            assert answers[-1] in (ANSWERED, None)
            assert await asyncio.to_thread(answer, late) is None
            for one in taken:
                one.close()
            os.kill(os.getpid(), signal.SIGTERM)
            await serving

        run(story)
