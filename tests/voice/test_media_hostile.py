"""What somebody sends who wants the media process to fall over, beside a call that goes on; on each server that it may use.

Planted bugs that this catches: an exception of the application at a message that is no text, a socket that after its closing
code still counts and answers each frame.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded.processes import MEDIA_SERVERS
from tests.voice.carrier import Placed
from tests.voice.hostile import KINDS, SLOW_FRAME, SLOW_HANDSHAKE, UNSIGNED, Attacker
from tests.voice.media_doors import ProcessSocket, run
from tests.voice.media_process import MediaProcess, media_process
from tests.voice.test_media_socket import frame, start, token_for, until
from voice import media_session
from voice.models import MediaStream, TranscriptSegment

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES = 10_000
# What a process needs for good it has after the first ones. Growth is looked at on the server that media processes use unless
# told otherwise: with autobahn's objects, which go in circles, it takes 24,000 messages until a process on daphne has it.
FIRST_MESSAGES = {"picows": 12_000, "daphne": 0}
# Twisted gives the head of a request a minute.
LEFT_OPEN: dict[str, set[str]] = {"picows": set(), "daphne": {SLOW_HANDSHAKE}}
GROWTH_MAX = 0.05
FRAME_S = 0.02
# By what each socket is counted. Who does not even finish asking for one has none.
CODES = {
    UNSIGNED: "signature_invalid",
    SLOW_FRAME: "start_missing",
    "malformed": "message_malformed",
    "truncated": "message_malformed",
    "binary": "message_malformed",
    "oversized": "message_too_large",
    "forged": "stream_refused",
    "reordered": "stream_refused",
}
# What is no WebSocket any more, or no message that a server bears, is ended by the server; daphne does not tell it from a lost connection.
BROKEN = {
    "picows": {
        **dict.fromkeys(("enormous", "unmasked", "reserved"), "protocol_violated"),
        "never whole": "message_too_large",
    },
    "daphne": dict.fromkeys(("enormous", "unmasked", "reserved", "never whole"), "connection_lost"),
}


@pytest.fixture(params=MEDIA_SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def media(server: str, db: None, tmp_path: Path) -> Iterator[MediaProcess]:
    with media_process(server, tmp_path / "media.log") as process:
        yield process


def test_ten_thousand_hostile_messages_are_refused_and_a_call_beside_them_is_heard(
    placed: Placed, server: str, media: MediaProcess
) -> None:
    token = token_for(placed)
    ended: list[float] = []
    grown: list[float] = []
    attacker = Attacker(port=media.port, public_url=settings.MEDIA_SOCKET_URL, auth_token=settings.TWILIO_AUTH_TOKEN)
    ProcessSocket.listens_on = media.port

    async def story() -> None:
        call = ProcessSocket()
        await call.open()
        await call.say(start(placed, token))
        attacking = asyncio.create_task(attack())
        number = 0
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not attacking.done():
            await call.say(frame(number), frame(number, "outbound"))
            number += 1
            await asyncio.sleep(began + number * FRAME_S - loop.time())
        await attacking
        await call.say({"event": "stop"})
        assert await call.closed_with() == media_session.CLOSE_DONE
        await until(lambda: MediaStream.objects.get_queryset().get().state == "finished")
        ended.append(number * FRAME_S * 1000)

    async def attack() -> None:
        dawdling = asyncio.create_task(attacker.dawdle())
        before = await memory_after(FIRST_MESSAGES[server])
        after = await memory_after(FIRST_MESSAGES[server] + MESSAGES)
        grown.append(after / before - 1)
        await dawdling

    async def memory_after(messages: int) -> int:
        """The least of the last rounds, since each has sockets that are just being closed."""
        sizes = [media.memory_bytes()]
        while attacker.sent < messages:
            await attacker.round()
            sizes.append(media.memory_bytes())
        return min(sizes[-3:])

    run(story)
    logger.info("%s on %s", attacker.outcomes, server)
    logger.info("the process grew by %.1f %%", grown[0] * 100)
    if FIRST_MESSAGES[server]:
        assert grown[0] < GROWTH_MAX
    assert attacker.outcomes.keys() == {*KINDS, UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME}
    assert set(attacker.outcomes[UNSIGNED]) == {"403"}
    assert {kind for kind, outcomes in attacker.outcomes.items() if "left open" in outcomes} == LEFT_OPEN[server]
    said = media.said()
    code_of = CODES | BROKEN[server]
    sent: Counter[str] = Counter()
    for kind, outcomes in attacker.outcomes.items():
        if kind != SLOW_HANDSHAKE:
            sent[code_of[kind]] += outcomes.total()
    assert Counter(line["error_code"] for line in said if "error_code" in line) == sent
    assert not [line for line in said if line.get("level") not in ("INFO", "WARNING") or "trace" in line]
    stream = MediaStream.objects.get_queryset().get()
    assert stream.dropped_frames == 0
    assert stream.settled_ms >= ended[0] - 500
    assert not TranscriptSegment.objects.get_queryset().exists()
