"""What somebody sends who wants the media process to fall over, beside a call that goes on."""

import asyncio
import logging
from collections.abc import Callable

import psutil
import pytest
from django.conf import settings

from config.logs import WithoutPeersFaults
from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.hostile import KINDS, SLOW_FRAME, SLOW_HANDSHAKE, UNSIGNED, Attacker
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_media_socket import frame, start, token_for, until
from voice import media_session
from voice.models import MediaStream, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
MESSAGES = 10_000
GROWTH_MAX = 0.05
FRAME_S = 0.02
CODES = ("signature_invalid", "message_malformed", "message_too_large", "start_missing", "protocol_violated")


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    """A call whose rep has answered."""
    member = make_account()
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    return placed


def test_ten_thousand_hostile_messages_are_refused_and_a_call_beside_them_is_heard(
    placed: Placed, caplog: pytest.LogCaptureFixture
) -> None:
    token = token_for(placed)
    ended: list[float] = []
    attackers: list[Attacker] = []

    async def story() -> None:
        _, port = await PicowsSocket.address()
        attacker = Attacker(port=port, public_url=settings.MEDIA_SOCKET_URL, auth_token=settings.TWILIO_AUTH_TOKEN)
        attackers.append(attacker)
        call = PicowsSocket()
        await call.open()
        await call.say(start(placed, token))
        attacking = asyncio.create_task(attack(attacker))
        number = 0
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not attacking.done():
            await call.say(frame(number), frame(number, "outbound"))
            number += 1
            await asyncio.sleep(began + number * FRAME_S - loop.time())
        await call.say({"event": "stop"})
        assert await call.closed_with() == media_session.CLOSE_DONE
        await until(lambda: MediaStream.objects.get_queryset().get().state == "finished")
        ended.append(number * FRAME_S * 1000)

    async def attack(attacker: Attacker) -> None:
        process = psutil.Process()
        await attacker.round()
        before = process.memory_info().rss
        while attacker.sent < MESSAGES:
            await attacker.round()
        assert process.memory_info().rss / before - 1 < GROWTH_MAX

    run(story)
    (attacker,) = attackers
    logging.getLogger(__name__).info("%s", attacker.outcomes)
    assert attacker.outcomes.keys() == {*KINDS, UNSIGNED, SLOW_HANDSHAKE, SLOW_FRAME}
    assert set(attacker.outcomes[UNSIGNED]) == {"403"}
    assert not [kind for kind, outcomes in attacker.outcomes.items() if "left open" in outcomes]
    codes = {getattr(record, "error_code", None) for record in caplog.records}
    assert set(CODES) <= codes
    shown = logging.Filterer()
    shown.addFilter(WithoutPeersFaults())
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR and shown.filter(record)]
    stream = MediaStream.objects.get_queryset().get()
    assert stream.dropped_frames == 0
    assert stream.settled_ms >= ended[0] - 500
    assert not TranscriptSegment.objects.get_queryset().exists()
