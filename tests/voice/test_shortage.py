"""What the recognisers leave out is told to those who read a call, for as long as it is heard.

Planted bugs that this catches: a call whose last words never came, and that goes on telling after its end; a call that tells
nothing of it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import groupby
from pathlib import Path
from uuid import UUID

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings

from ai.listening.transcriber import TranscriberUnavailable
from ai.listening.wire import Answer
from identity.models import Membership
from realtime.publish import Topic, own_group, publish_ephemeral
from tests.listening.answering import says
from tests.listening.test_silent_transcriber import answering
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_marked_losses import conversation, ends, says_all
from tests.voice.test_media_socket import start, streams, token_for, until
from voice import pipeline
from voice.events import TranscriptionLevel

pytestmark = pytest.mark.django_db(transaction=True)
LAST = 9
# No interim text, a smaller model, late text, and everything again.
STEPS = [1, 3, 4, 0]
PATIENCE_S = 30


async def page_of(topic: Topic) -> Callable[[], Awaitable[list[int]]]:
    """A page that opens now; each time it is asked it waits, and says which levels it has been told since."""
    layer = get_channel_layer()
    assert layer is not None
    channel = await layer.new_channel()
    for group in (topic.name, own_group(channel)):
        await layer.group_add(group, channel)

    async def told() -> list[int]:
        news = [json.loads(each["text"]) for each in (await layer.receive(channel))["news"]]
        return [event["level"] for event in news if event["type"] == "transcription.level"]

    return told


def test_every_step_in_which_less_is_written_down_is_told_to_the_pages_and_that_it_is_over_too(
    make_account: Callable[..., Membership], tmp_path: Path, settings: Settings
) -> None:
    placed = conversation(make_account())
    token = token_for(placed)
    topic = Topic.call(placed.row.workspace_id, placed.row.id)
    settings.TRANSCRIBER_ADDRESS = f"unix://{tmp_path}/s"
    pipeline._transcriber.cache_clear()
    level = 0

    async def answers(_number: int, _op: str) -> Answer:
        return Answer(0, says("yes"), level=level)

    async def story() -> list[int]:
        nonlocal level
        told: list[int] = []
        async with answering(tmp_path / "s", answers), asyncio.timeout(PATIENCE_S):
            page = await page_of(topic)
            socket = PicowsSocket()
            await socket.open()
            await socket.say(start(placed, token))
            await until(lambda: streams(placed) == ["connected"])
            for level in STEPS:
                # Another call's words: the recognisers are the same for all.
                await pipeline._transcriber().transcribe(b"\x00" * 320, "final")
                while told[-1:] != [level]:
                    told += await page()
            await ends(socket, placed)
        return told

    # Each is told again and again while it lasts.
    assert [each for each, _ in groupby(run(story))] == STEPS
    pipeline._transcriber.cache_clear()


def test_a_call_whose_last_words_were_waited_for_in_vain_tells_nothing_after_its_end(
    make_account: Callable[..., Membership], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recognisers have no answer for it, and soon after have much to do for others."""
    placed = conversation(make_account())
    token = token_for(placed)
    topic = Topic.call(placed.row.workspace_id, placed.row.id)
    monkeypatch.setattr(pipeline, "FINISH_WITHIN_S", 0.5)
    monkeypatch.setattr(pipeline, "LEVEL_AGAIN_S", 0.05)
    settings.TRANSCRIBER_ADDRESS = f"unix://{tmp_path}/s"
    pipeline._transcriber.cache_clear()
    busy = asyncio.Event()

    async def answers(_number: int, op: str) -> Answer | None:
        return Answer(0, level=2 if busy.is_set() else 0) if op == "ping" or busy.is_set() else None

    async def told() -> list[int]:
        page = await page_of(topic)
        busy.set()
        # Another call's words, which come late.
        with pytest.raises(TranscriberUnavailable):
            await pipeline._transcriber().transcribe(b"\x00" * 320, "final")
        await asyncio.sleep(0.2)
        publish_ephemeral(topic, TranscriptionLevel(call_id=UUID(placed.call_id), level=LAST))
        levels: list[int] = []
        async with asyncio.timeout(5):
            while LAST not in levels:
                levels += await page()
        return levels

    async def story() -> list[int]:
        async with answering(tmp_path / "s", answers):
            socket = PicowsSocket()
            await socket.open()
            await socket.say(start(placed, token))
            await until(lambda: streams(placed) == ["connected"])
            await says_all(socket)
            await socket.say({"event": "stop"})
            await until(lambda: streams(placed) == ["lost"])
            return await told()

    assert run(story) == [LAST]
    pipeline._transcriber.cache_clear()
