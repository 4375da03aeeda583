"""The carrier may send its sound in pieces of any size: what is heard and written down is the same.

Planted bug that this catches: sound that is cut where a frame ends between two milliseconds, since its time says only in which.
"""

import asyncio
import base64
from collections.abc import Callable

import pytest

from ai.listening.audio import decode_mulaw
from ai.listening.transcriber import Recognition
from ai.listening.wire import Request
from identity.models import Membership
from tests.listening.answering import says
from tests.voice.carrier import Placed
from tests.voice.media_doors import PicowsSocket
from tests.voice.test_marked_losses import SPEECH, SPOKEN, conversation, ends, gaps
from tests.voice.test_marked_losses import play as play
from tests.voice.test_media_socket import start, streams, token_for, until
from voice.models import TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
SOUND = decode_mulaw(SPEECH)
# Twenty milliseconds, and twelve and a half.
USUAL, ODD = 160, 100


def media(number: int, track: str, sound: bytes, size: int) -> dict[str, object]:
    """As the carrier says it, with a time in whole milliseconds."""
    payload = base64.b64encode(sound).decode()
    time_ms = number * size // 8
    body = {"track": track, "chunk": str(number + 1), "timestamp": str(time_ms), "payload": payload}
    return {"event": "media", "sequenceNumber": str(number + 2), "media": body, "streamSid": "MZ0"}


async def place_of(_request: Request, pcm: bytes) -> Recognition:
    """Where in what was said the sound lies as a whole, in samples; -1 where it lies nowhere."""
    return says(f"sample {SOUND.find(pcm) // 2}")


def written(placed: Placed) -> list[tuple[str, int, int]]:
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id).order_by("start_ms")
    return list(rows.values_list("text", "start_ms", "end_ms"))


def test_a_stream_whose_frames_are_no_whole_milliseconds_has_the_text_of_one_whose_frames_are(
    make_account: Callable[..., Membership], play: Callable[..., None]
) -> None:
    calls = {
        USUAL: conversation(make_account()),
        ODD: conversation(make_account(email="eve@example.com", mobile="+12025550199")),
    }
    tokens = {size: token_for(placed) for size, placed in calls.items()}

    async def plays(size: int, placed: Placed) -> None:
        socket = PicowsSocket()
        await socket.open()
        await socket.say(start(placed, tokens[size]))
        await until(lambda: streams(placed) == ["connected"])
        for number in range(len(SPEECH) // size):
            said = SPEECH[number * size : (number + 1) * size]
            await socket.say(media(number, "outbound", said, size), media(number, "inbound", b"\xff" * size, size))
            if number % 25 == 0:
                await asyncio.sleep(0.05)
        await ends(socket, placed)

    async def story() -> None:
        await asyncio.gather(*(plays(size, placed) for size, placed in calls.items()))

    play(story, place_of)
    assert written(calls[ODD]) == written(calls[USUAL])
    assert len(written(calls[ODD])) >= len(SPOKEN)
    assert "sample -1" not in {text for text, _, _ in written(calls[ODD])}
    assert gaps(calls[ODD]) == []
