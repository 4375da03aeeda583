"""What a media socket brings before its token is accepted.

Planted bugs that this catches: messages that are kept as many and as large as they come, or after their token was refused.
"""

import base64
import json
import weakref
from collections.abc import Callable

import pytest

from identity.models import Membership
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.media_doors import run
from tests.voice.test_media_socket import start, until
from voice import media_session

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    """A call whose rep has answered."""
    member = make_account()
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    return placed


class Text(str):
    """A message of which can be told whether somebody still keeps it."""


def frame_of(samples: int, number: int) -> Text:
    media = {"track": "inbound", "timestamp": number * 20, "payload": base64.b64encode(b"\xff" * samples).decode()}
    return Text(json.dumps({"event": "media", "media": media}))


@pytest.mark.parametrize("samples", [160, 8_000])
def test_what_came_with_a_token_that_is_refused_is_kept_within_bounds_and_thrown_away(
    placed: Placed, samples: int
) -> None:
    async def story() -> tuple[int, int, list[int]]:
        codes: list[int] = []
        session = media_session.MediaSession(close=codes.append, hold=lambda _: None)
        session.receive(json.dumps(start(placed, "x" * 43)))
        sent = []
        for number in range(1_000):
            message = frame_of(samples, number)
            sent.append(weakref.ref(message))
            session.receive(message)
        del message
        waiting = sum(one() is not None for one in sent)
        await until(lambda: bool(codes))
        session.receive(frame_of(samples, 1_000))
        return waiting, sum(one() is not None for one in sent), codes

    waiting, kept, codes = run(story)
    assert 0 < waiting <= 500 and waiting * samples <= 256 * 1024
    assert (kept, codes) == (0, [media_session.CLOSE_REFUSED])
