"""What the recognisers leave out is told to those who read a call, for as long as it is heard.

Planted bug that this catches: a call whose last words never came, and that goes on telling after its end.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from channels.layers import get_channel_layer
from pytest_django import Settings

from ai.listening.transcriber import TranscriberUnavailable
from ai.listening.wire import Answer
from identity.models import Membership
from realtime.publish import Topic, own_group, publish_ephemeral
from tests.listening.test_silent_transcriber import answering
from tests.voice.media_doors import PicowsSocket, run
from tests.voice.test_marked_losses import conversation, says_all
from tests.voice.test_media_socket import start, streams, token_for, until
from voice import pipeline
from voice.events import TranscriptionLevel

pytestmark = pytest.mark.django_db(transaction=True)
LAST = 9


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
        layer = get_channel_layer()
        assert layer is not None
        channel = await layer.new_channel()
        for group in (topic.name, own_group(channel)):
            await layer.group_add(group, channel)
        busy.set()
        # Another call's words, which come late.
        with pytest.raises(TranscriberUnavailable):
            await pipeline._transcriber().transcribe(b"\x00" * 320, "final")
        await asyncio.sleep(0.2)
        publish_ephemeral(topic, TranscriptionLevel(call_id=UUID(placed.call_id), level=LAST))
        levels: list[int] = []
        async with asyncio.timeout(5):
            while LAST not in levels:
                levels += [json.loads(each["text"])["level"] for each in (await layer.receive(channel))["news"]]
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
