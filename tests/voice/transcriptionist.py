"""Twilio's side of a transcription: what it would post of a call, signed."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from realtime.publish import Topic, own_group, publish_ephemeral
from tests.identity.test_sockets import elsewhere, run
from tests.voice.carrier import Answer, Placed, post, sid
from voice.events import TranscriptionLevel
from voice.models import MediaStream, TranscriptSegment

PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Transcriptionist:
    """One transcription of a call that was answered. Seconds count from when it was asked for."""

    placed: Placed
    stream_id: str
    began_at: datetime
    sid: str = field(default_factory=lambda: sid("GT"))

    @property
    def path(self) -> str:
        return self.placed.path(f"transcription/{self.stream_id}")

    @property
    def row(self) -> MediaStream:
        return MediaStream.objects.get_queryset().get(id=self.stream_id)

    def form(self, event: str, number: int, at_s: float, **more: str) -> dict[str, str]:
        at = (self.began_at + timedelta(seconds=at_s)).isoformat().replace("+00:00", "Z")
        known = {"CallSid": self.placed.agent_sid, "TranscriptionSid": self.sid, "SequenceId": str(number)}
        return {**known, "TranscriptionEvent": f"transcription-{event}", "Timestamp": at, **more}

    def content(self, number: int, at_s: float, track: str, text: str, *, final: bool = True) -> dict[str, str]:
        data = {"transcript": text, **({"confidence": 0.93} if final else {})}
        told = {"Track": f"{track}_track", "Final": str(final).lower(), "LanguageCode": "en-US"}
        return self.form("content", number, at_s, TranscriptionData=json.dumps(data), **told)

    def says(self, number: int, at_s: float, track: str, text: str, *, final: bool = True) -> Answer:
        return post(self.path, self.content(number, at_s, track, text, final=final))

    def tells(self, event: str, number: int, at_s: float) -> Answer:
        return post(self.path, self.form(event, number, at_s))


def answered(placed: Placed) -> tuple[Answer, Transcriptionist]:
    """The rep picks up; Twilio obeys the document."""
    answer = post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    return answer, newest(placed)


def going_on(placed: Placed) -> Transcriptionist:
    """Of a conversation, with the notice heard."""
    _, twilio = answered(placed)
    twilio.tells("started", 1, 0.1)
    joined(placed)
    return twilio


def newest(placed: Placed) -> Transcriptionist:
    """The transcription that was asked for last."""
    row = MediaStream.objects.get_queryset().filter(call_id=placed.call_id).order_by("-issued_at")[0]
    return Transcriptionist(placed, str(row.id), row.issued_at)


def joined(placed: Placed, *, key: str = "") -> None:
    """The lead picks up and hears the notice. key: pressed by the lead in it."""
    post(*placed.callee("in-progress", at_s=1, sequence=2))
    digits = {"Digits": key} if key else {}
    post(placed.path("notice/played"), {"CallSid": placed.callee_sid, "ParentCallSid": placed.agent_sid, **digits})


def text_of(placed: Placed) -> list[tuple[str | None, int, int, str]]:
    """The transcript as a page orders it."""
    rows = TranscriptSegment.objects.get_queryset().filter(call_id=placed.call_id).order_by("start_ms", "sequence")
    return [(row.speaker, row.start_ms, row.end_ms, row.text) for row in rows]


def heard_by_pages(placed: Placed, act: Callable[[], object], topic: Topic | None = None) -> list[dict[str, Any]]:
    """The events of a call that reach whoever follows it, or listens to this topic."""
    topic = topic or Topic.call(placed.row.workspace_id, placed.row.id)

    async def story() -> list[dict[str, Any]]:
        layer = get_channel_layer()
        assert layer is not None
        channel = await layer.new_channel()
        # As a hub joins: by its own group it is told what the topics that it is in have.
        for group in (topic.name, own_group(channel)):
            await layer.group_add(group, channel)
        await elsewhere(act)
        # Sent last, so it comes last.
        publish_ephemeral(topic, TranscriptionLevel(call_id=UUID(placed.call_id), level=0))
        events: list[dict[str, Any]] = []
        async with asyncio.timeout(PATIENCE_S):
            while not events or events[-1]["type"] != "transcription.level":
                events += [json.loads(each["text"]) for each in (await layer.receive(channel))["news"]]
        return events[:-1]

    return run(story)


def now() -> datetime:
    return datetime.now(UTC)
