"""Time in the sandbox: waiting can be shortened for tests; timestamps are always true."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """waiting: factor on every pretended wait. media: factor on the length of audio."""

    waiting: float
    media: float

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) * self.waiting)


def now() -> datetime:
    return datetime.now(UTC)


def rfc2822(moment: datetime) -> str:
    """As Twilio's 2010 API and its call-progress events write time."""
    return format_datetime(moment.replace(microsecond=0))


def iso_seconds(moment: datetime) -> str:
    """As Verify writes time: 2026-11-23T10:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_micros(moment: datetime) -> str:
    """As Paddle and the stream callbacks write time: 2026-11-23T10:00:00.123456Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
