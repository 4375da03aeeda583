"""Media Streams: one WebSocket that carries a leg's two tracks to the product at true pace."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from sandbox import audio, clock
from sandbox.audio import Line
from sandbox.faults import Fault, Faults
from sandbox.records import StreamRecord
from sandbox.signing import twilio_signature
from sandbox.twilio.webhooks import LOOPBACK

TRACKS: Mapping[str, tuple[str, ...]] = {
    "inbound_track": ("inbound",),
    "outbound_track": ("outbound",),
    "both_tracks": ("inbound", "outbound"),
}
HANDSHAKE_S = 5.0
# A receiver that takes nothing for so long has lost the stream.
STALLED_S = 10.0

Report = Callable[[str, str], None]


class StreamLost(Exception):
    """The stream ended before the call did; the message begins with Twilio's error code."""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """track: as TwiML names it. parameters: the nested <Parameter> pairs. report: posts a stream callback."""

    url: str
    track: str
    parameters: Mapping[str, str]
    auth_token: str
    media_scale: float
    report: Report


class MediaStream:
    """Runs from start to stop, or until its socket is lost; it is never connected again by itself."""

    def __init__(
        self, record: StreamRecord, plan: StreamPlan, faults: Faults, *, microphone: Line, earpiece: Line
    ) -> None:
        self.record = record
        self._plan = plan
        self._faults = faults
        self._lines = {"inbound": microphone, "outbound": earpiece}
        self._stopping = asyncio.Event()
        self._sequence = 0
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        self._stopping.set()

    async def ended(self) -> None:
        await asyncio.wait([self._task])

    def abandon(self) -> None:
        """End without a word, as a carrier that dies does."""
        self._task.cancel()

    async def _run(self) -> None:
        try:
            await self._hold_open()
        except StreamLost as lost:
            self.record.error = str(lost)
            self._plan.report("stream-error", str(lost))
        self.record.status = "stopped"
        self.record.updated_at = clock.now()
        self._plan.report("stream-stopped", "")

    async def _hold_open(self) -> None:
        fields = {"CallSid": self.record.call_sid, "StreamSid": self.record.sid}
        if late := self._faults.strike("twilio.stream", fields, "delay"):
            await asyncio.sleep(late.value / 1_000)
        if refused := self._faults.strike("twilio.stream", fields, "error"):
            raise StreamLost(f"{refused.value or 31920} - Stream - WebSocket - Handshake Error")
        second = self._faults.strike("twilio.stream", fields, "duplicate")
        loss = self._faults.strike("twilio.stream", fields, "lost_socket", "drop", "reorder")
        async with aiohttp.ClientSession() as session:
            socket = await self._connect(session)
            if second is not None:
                # Twilio has been seen to open a second socket for one stream; the first one stays as it is, mute.
                await self._say(socket, {"event": "connected", "protocol": "Call", "version": "1.0.0"})
                await self._say(socket, self._start_message())
                self._sequence = 0
                socket = await self._connect(session)
            await self._say(socket, {"event": "connected", "protocol": "Call", "version": "1.0.0"})
            await self._say(socket, self._start_message())
            self._plan.report("stream-started", "")
            await self._talk(socket, loss)
            with contextlib.suppress(ConnectionError, StreamLost):
                sid, account = self.record.call_sid, self.record.account_sid
                await self._say(socket, self._numbered("stop", {"accountSid": account, "callSid": sid}))
            await socket.close()

    async def _connect(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """:raises StreamLost: with Twilio's code for what went wrong."""
        if urlsplit(self._plan.url).hostname not in LOOPBACK:
            raise StreamLost("31902 - Stream - WebSocket - the sandbox talks to this machine only")
        headers = {
            "x-twilio-signature": twilio_signature(self._plan.auth_token, self._plan.url, {}),
            "user-agent": "Twilio.TmeWs/1.0",
        }
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                return await session.ws_connect(self._plan.url, headers=headers, max_msg_size=65_536)
        except TimeoutError:
            raise StreamLost("31901 - Stream - WebSocket - Connection Timeout") from None
        except aiohttp.WSServerHandshakeError as error:
            raise StreamLost(f"31920 - Stream - WebSocket - Handshake Error ({error.status})") from None
        except (aiohttp.ClientError, OSError):
            raise StreamLost("31902 - Stream - WebSocket - Connection Refused") from None

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse, loss: Fault | None) -> None:
        """Send frames until stopped.

        :raises StreamLost: when the socket closes or takes nothing any more.
        """
        reader = asyncio.create_task(_read_until_closed(socket))
        loop = asyncio.get_running_loop()
        started_s, frame_s = loop.time(), audio.FRAME_MS / 1_000 * self._plan.media_scale
        swapped: list[dict[str, Any]] = []
        number = 0
        try:
            while not self._stopping.is_set():
                due_s = started_s + (number + 1) * frame_s
                await _sleep_until(due_s, self._stopping)
                if reader.done():
                    raise StreamLost(reader.result())
                if loss is not None and loss.kind == "lost_socket" and number * audio.FRAME_MS >= loss.value:
                    # Leaving the session closes the connection without a closing handshake.
                    raise StreamLost("31924 - Stream - WebSocket - Protocol Error")
                # A frame holds the 20 ms that have just passed, so it can be sent only at their end.
                messages = self._frames(number, started_s + number * frame_s)
                number += 1
                if loss is not None and loss.kind == "drop" and number <= loss.value:
                    continue
                if loss is not None and loss.kind == "reorder" and number <= max(2, loss.value) and number % 2:
                    swapped = messages
                    continue
                for message in messages + swapped:
                    await self._say(socket, message)
                swapped = []
        finally:
            reader.cancel()

    def _frames(self, number: int, at_s: float) -> list[dict[str, Any]]:
        self.record.frames_sent = number + 1
        return [
            self._numbered(
                "media",
                {
                    "track": track,
                    "chunk": str(number + 1),
                    "timestamp": str(number * audio.FRAME_MS),
                    "payload": base64.b64encode(self._lines[track].frame(at_s)).decode(),
                },
            )
            for track in TRACKS[self._plan.track]
        ]

    def _start_message(self) -> dict[str, Any]:
        return self._numbered(
            "start",
            {
                "accountSid": self.record.account_sid,
                "streamSid": self.record.sid,
                "callSid": self.record.call_sid,
                "tracks": list(TRACKS[self._plan.track]),
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": audio.RATE_HZ, "channels": 1},
                "customParameters": dict(self._plan.parameters),
            },
        )

    def _numbered(self, event: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """On the wire every number of a message is a string."""
        self._sequence += 1
        return {"event": event, "sequenceNumber": str(self._sequence), event: body, "streamSid": self.record.sid}

    async def _say(self, socket: aiohttp.ClientWebSocketResponse, message: Mapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(STALLED_S):
                await socket.send_str(json.dumps(message, separators=(",", ":")))
        except TimeoutError:
            raise StreamLost("31924 - Stream - WebSocket - Protocol Error (stalled)") from None
        except (ConnectionError, aiohttp.ClientError):
            raise StreamLost("31924 - Stream - WebSocket - Protocol Error") from None


async def _read_until_closed(socket: aiohttp.ClientWebSocketResponse) -> str:
    """What Twilio says about a socket that the other side closed. Messages to a one-way stream are ignored."""
    async for _ in socket:
        pass
    if socket.close_code in (None, 1006):
        return "31924 - Stream - WebSocket - Protocol Error"
    return f"31921 - Stream - WebSocket - Close Error ({socket.close_code})"


async def _sleep_until(due_s: float, stopping: asyncio.Event) -> None:
    delay_s = due_s - asyncio.get_running_loop().time()
    if delay_s > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), delay_s)
