"""A call leg while it lives."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sandbox import clock
from sandbox.audio import Line
from sandbox.phones import Phone
from sandbox.records import CallRecord, CallStatus
from sandbox.twilio.media import MediaStream
from sandbox.twilio.transcription import Talk, Transcription


@dataclass(frozen=True, slots=True)
class Instructions:
    """Where a leg's TwiML is: at a URL, or given with the request. params: told to the URL beside the common fields."""

    url: str = ""
    method: str = "POST"
    twiml: str = ""
    fallback_url: str = ""
    fallback_method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Leg:
    """microphone: what Twilio receives on this leg (inbound). earpiece: what it sends there (outbound).

    left_dial: a dialled leg that was redirected lives on by itself; of no meaning for the others.
    ends_as: the status with which a leg ends that was hung up before it was answered.
    """

    record: CallRecord
    phone: Phone
    instructions: Instructions
    microphone: Line
    earpiece: Line
    ring_timeout_s: float = 60.0
    ends_as: CallStatus = "canceled"
    picked_up: asyncio.Event = field(default_factory=asyncio.Event)
    declined: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    redirected: asyncio.Event = field(default_factory=asyncio.Event)
    left_dial: asyncio.Event = field(default_factory=asyncio.Event)
    limit_changed: asyncio.Event = field(default_factory=asyncio.Event)
    gathering: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    pressed: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    streams: dict[str, MediaStream] = field(default_factory=dict)
    transcriptions: dict[str, Transcription] = field(default_factory=dict)
    talk: Talk = field(default_factory=lambda: Talk([], asyncio.Event()))

    @property
    def listeners(self) -> Iterator[MediaStream | Transcription]:
        yield from self.streams.values()
        yield from self.transcriptions.values()

    @property
    def sid(self) -> str:
        return self.record.sid

    @property
    def is_gone_from_dial(self) -> bool:
        return self.hung_up.is_set() or self.left_dial.is_set()

    async def gone_from_dial(self) -> None:
        """Until a dialled leg hangs up, or is sent elsewhere."""
        ways = [asyncio.create_task(self.hung_up.wait()), asyncio.create_task(self.left_dial.wait())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()

    async def until_limit(self) -> None:
        """True seconds from the answer: a time limit is what the product relies on, so it is never scaled."""
        while True:
            self.limit_changed.clear()
            answered_at = self.record.answered_at or clock.now()
            left_s = self.record.time_limit_s - (clock.now() - answered_at).total_seconds()
            try:
                async with asyncio.timeout(max(0.0, left_s)):
                    await self.limit_changed.wait()
            except TimeoutError:
                return

    def redirect(self, instructions: Instructions) -> None:
        """Let the leg go on with another document, as POST Calls/{sid} does."""
        self.instructions = instructions
        self.left_dial.set()
        self.redirected.set()

    def limit(self, seconds: float) -> None:
        self.record.time_limit_s = seconds
        self.limit_changed.set()
