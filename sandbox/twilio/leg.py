"""A call leg while it lives."""

import asyncio
from dataclasses import dataclass, field

from sandbox.audio import Line
from sandbox.phones import Phone
from sandbox.records import CallRecord, CallStatus
from sandbox.twilio.media import MediaStream


@dataclass(frozen=True, slots=True)
class Instructions:
    """Where a leg's TwiML is: at a URL, or given with the request."""

    url: str = ""
    method: str = "POST"
    twiml: str = ""
    fallback_url: str = ""
    fallback_method: str = "POST"


@dataclass(slots=True)
class Leg:
    """microphone: what Twilio receives on this leg (inbound). earpiece: what it sends there (outbound).

    ends_as: the status with which a leg ends that was hung up before it was answered.
    """

    record: CallRecord
    phone: Phone
    instructions: Instructions
    microphone: Line
    earpiece: Line
    ring_timeout_s: float = 60.0
    time_limit_s: float = 14_400.0
    ends_as: CallStatus = "canceled"
    picked_up: asyncio.Event = field(default_factory=asyncio.Event)
    declined: asyncio.Event = field(default_factory=asyncio.Event)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    redirected: asyncio.Event = field(default_factory=asyncio.Event)
    limit_changed: asyncio.Event = field(default_factory=asyncio.Event)
    gathering: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    pressed: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    streams: dict[str, MediaStream] = field(default_factory=dict)

    @property
    def sid(self) -> str:
        return self.record.sid

    def redirect(self, instructions: Instructions) -> None:
        """Let the leg go on with another document, as POST Calls/{sid} does."""
        self.instructions = instructions
        self.redirected.set()

    def limit(self, seconds: float) -> None:
        self.time_limit_s = seconds
        self.limit_changed.set()
