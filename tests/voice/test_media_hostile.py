"""What somebody sends who wants the media process to fall over, beside a call that goes on; on each server that it may use.

Planted bugs that this catches: an exception of the application at a message that is no text, a socket that after its closing
code still counts and answers each frame, a few kilobytes that are kept of each socket that was refused.
"""

import asyncio
import hashlib
import logging
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded.processes import MEDIA_SERVERS
from tests.voice.carrier import Placed
from tests.voice.hostile import (
    BENIGN,
    BORNE_IN_MID_STREAM,
    KINDS,
    MID_STREAM,
    SLOW_FRAME,
    SLOW_HANDSHAKE,
    UNSIGNED,
    Attacker,
)
from tests.voice.media_doors import ProcessSocket, run
from tests.voice.media_process import MediaProcess, media_process
from tests.voice.test_media_socket import frame, start, token_for, until
from voice import media_session
from voice.models import MediaStream, TranscriptSegment
from voice.scripted_models import ScriptedCall

logger = logging.getLogger(__name__)

pytestmark = pytest.mark.django_db(transaction=True)
# More where it does not take longer: the more there are, the less may be kept of each.
JUDGED_MIN = {"picows": 30_000, "daphne": 10_000}
DAWDLERS_OF_A_KIND = 25
SOCKETS_OF_A_KIND = 12
# More at once than an attack has sockets, so that the process has what it needs for these before it is weighed.
BENIGN_AT_ONCE, BENIGN_ROUNDS = 200, 4
TOKENS = 2_000
# Twisted gives the head of a request a minute.
LEFT_OPEN: dict[str, set[str]] = {"picows": set(), "daphne": {SLOW_HANDSHAKE}}
GROWTH_MAX = 0.05
FRAME_S = 0.02
# By what each socket is counted. Who does not even finish asking for one has none.
CODES = {
    UNSIGNED: "signature_invalid",
    SLOW_FRAME: "start_missing",
    MID_STREAM: "message_malformed",
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


def tokens_of_test_calls(count: int) -> list[str]:
    tokens = [secrets.token_urlsafe(32) for _ in range(count)]
    now = datetime.now(UTC)
    ScriptedCall.objects.bulk_create(
        ScriptedCall(token_hash=hashlib.sha256(token.encode()).hexdigest(), placed_at=now) for token in tokens
    )
    return tokens


def test_ten_thousand_hostile_messages_are_refused_and_a_call_beside_them_is_heard(
    placed: Placed, server: str, media: MediaProcess
) -> None:
    token = token_for(placed)
    ended: list[float] = []
    grown: list[float] = []
    attacker = Attacker(
        port=media.port,
        public_url=settings.MEDIA_SOCKET_URL,
        auth_token=settings.TWILIO_AUTH_TOKEN,
        tokens=tokens_of_test_calls(TOKENS),
    )
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
        for _ in range(BENIGN_ROUNDS):
            await attacker.behave(BENIGN_AT_ONCE)
        before = await memory()
        dawdling = asyncio.create_task(attacker.dawdle(DAWDLERS_OF_A_KIND))
        while attacker.judged < JUDGED_MIN[server]:
            await attacker.round(SOCKETS_OF_A_KIND)
            grown.append(media.memory_bytes() / before - 1)
        await dawdling
        grown.append(await memory() / before - 1)

    async def memory() -> int:
        """The least of a moment, in which the last sockets are being closed."""
        sizes = [media.memory_bytes()]
        for _ in range(10):
            await asyncio.sleep(0.1)
            sizes.append(media.memory_bytes())
        return min(sizes)

    run(story)
    logger.info("%s frames judged on %s: %s", attacker.judged, server, attacker.outcomes)
    logger.info("the process grew by %.1f %%, %.1f %% at the most", grown[-1] * 100, max(grown) * 100)
    assert grown[-1] < GROWTH_MAX
    assert attacker.outcomes.pop(BENIGN) == {str(media_session.CLOSE_DONE): BENIGN_AT_ONCE * BENIGN_ROUNDS}
    assert attacker.outcomes.keys() == {*KINDS, UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME, MID_STREAM}
    assert set(attacker.outcomes[UNSIGNED]) == {"403"}
    assert {kind for kind, outcomes in attacker.outcomes.items() if "left open" in outcomes} == LEFT_OPEN[server]
    said = media.said()
    code_of = CODES | BROKEN[server]
    sent: Counter[str] = Counter()
    for kind, outcomes in attacker.outcomes.items():
        if kind != SLOW_HANDSHAKE:
            sent[code_of[kind]] += outcomes.total()
    passed_over = [line["count"] for line in said if "error_code" in line and "count" in line]
    assert passed_over == [BORNE_IN_MID_STREAM + 1] * attacker.outcomes[MID_STREAM].total()
    assert Counter(line["error_code"] for line in said if "error_code" in line and "count" not in line) == sent
    assert not [line for line in said if line.get("level") not in ("INFO", "WARNING") or "trace" in line]
    stream = MediaStream.objects.get_queryset().get()
    assert stream.dropped_frames == 0
    assert stream.settled_ms >= ended[0] - 500
    assert not TranscriptSegment.objects.get_queryset().exists()
