"""Live calls as the carrier and the browser have them: frames in at true pace through the media socket, text out of the
browser's socket, each with the time at which it came."""

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from bench.speech import FRAME_BYTES, Speech, Track

FRAME_S = 0.02
SETTLED_WITHIN_S = 60.0
POLL_S = 0.2
STAGGER_S = 0.35
_TRACKS = {"agent": "inbound", "callee": "outbound"}


@dataclass(frozen=True, slots=True)
class Line:
    """Where a call's three sides are. signature: the carrier's, of the media socket's address."""

    web_port: int
    live_port: int
    media_port: int
    origin: str
    signature: str


@dataclass(frozen=True, slots=True)
class Seat:
    """A rep who may call, with the cookie of the session."""

    workspace_id: UUID
    user_id: UUID
    cookie: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that goes on and may be written down. leg_sid: its rep's leg; token: of its media stream."""

    call_id: UUID
    leg_sid: str
    token: str


@dataclass(slots=True)
class Text:
    """Text as the browser got it. at_s: time since the first frame was due; start_ms, end_ms: of the call."""

    at_s: float
    speaker: str
    start_ms: int
    end_ms: int
    text: str


@dataclass(slots=True)
class Heard:
    """What came of one call. merged: turns that took the place of finals. settled: the transcript that is left at the end."""

    speech: Speech
    interims: list[Text] = field(default_factory=list)
    finals: list[Text] = field(default_factory=list)
    merged: list[Text] = field(default_factory=list)
    settled: list[dict[str, Any]] = field(default_factory=list)
    gaps: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    late_ms: float = 0.0

    def text(self, speaker: str) -> str:
        ordered = sorted((one for one in self.finals if one.speaker == speaker), key=lambda one: one.start_ms)
        return " ".join(one.text for one in ordered)

    def settled_text(self, speaker: str) -> str:
        return " ".join(one["text"] for one in self.settled if one["speaker"] == speaker)


def seats(count: int) -> list[Seat]:
    """So many reps, each in a workspace of their own."""
    from django.conf import settings

    from compliance import policy
    from identity.access import Client
    from identity.operations import create_verified_user
    from identity.schemas import SignUpIn
    from identity.sessions import SessionStore

    now = datetime.now(UTC)
    nobody = Client(address="192.0.2.1", agent="")
    found = []
    for number in range(count):
        form = {
            "first_name": "Bench",
            "last_name": "Mark",
            "email": f"bench-{number}@example.com",
            "mobile": f"+1 202 555 {110 + number:04d}",
            "password": "correct horse battery",
            "sms_consent": True,
            "policy_version": policy.current_version(),
            "policy_accepted": True,
            "transfer_consent": True,
        }
        member = create_verified_user(form=SignUpIn.model_validate(form), client=nobody, now=now)
        session = SessionStore()
        session.begin(user=member.user, membership=member, client=nobody, now=now)
        assert session.phone_verified(now=now)
        cookie = f"{settings.SESSION_COOKIE_NAME}={session.session_key}"
        found.append(Seat(member.workspace_id, member.user_id, cookie))
    return found


def played(line: Line, seats: list[Seat], speeches: list[Speech], starts_s: Sequence[float] = ()) -> list[Heard]:
    """Plays these calls side by side, ends them and returns what came of them.

    starts_s: when each call begins; without, a little after the one before.
    """
    from voice.models import Call

    placed = [_placed(seat, speech) for seat, speech in zip(seats, speeches, strict=False)]
    found = heard(line, list(zip(seats, speeches, placed, strict=False)), starts_s)
    ids = [one.call_id for one in placed]
    Call.objects.get_queryset().filter(id__in=ids).update(status="completed", ended_at=datetime.now(UTC))
    return found


def heard(
    line: Line,
    spoken: Sequence[tuple[Seat, Speech, Placed]],
    starts_s: Sequence[float] = (),
    until: Callable[[], bool] = lambda: False,
) -> list[Heard]:
    """As `played`, in calls that are there and are not ended. until: whether all are to be silent from now on."""

    async def story() -> list[Heard]:
        calls = [
            _Call(line, *one, until).live(starts_s[number] if starts_s else number * STAGGER_S)
            for number, one in enumerate(spoken)
        ]
        return list(await asyncio.gather(*calls))

    return asyncio.run(story())


def _placed(seat: Seat, speech: Speech) -> Placed:
    from voice import transcripts
    from voice.models import Call, CallLeg, Lead

    now = datetime.now(UTC)
    lead = Lead.objects.create(
        workspace_id=seat.workspace_id,
        first_name="Lead",
        company=", ".join(speech.names)[:120],
        phone_e164=f"+1312{uuid4().int % 10**7:07d}",
        created_at=now,
    )
    call = Call.objects.create(
        workspace_id=seat.workspace_id,
        lead=lead,
        user_id=seat.user_id,
        idempotency_key=uuid4().hex,
        status="in_progress",
        transcript_state="on",
        rate_card_id=uuid4(),
        created_at=now,
        answered_at=now,
        max_duration_s=3_600,
    )
    leg = CallLeg.objects.create(workspace_id=seat.workspace_id, call=call, role="agent", sid=f"CA{uuid4().hex}")
    return Placed(call.id, leg.sid, transcripts.issue_stream_token(call=call, now=now))


class _Call:
    def __init__(self, line: Line, seat: Seat, speech: Speech, placed: Placed, until: Callable[[], bool]) -> None:
        self._line, self._seat, self._speech, self._until = line, seat, speech, until
        self._call_id, self._leg_sid, self._token = placed.call_id, placed.leg_sid, placed.token
        self._began_s = 0.0
        self._heard = Heard(speech)

    async def live(self, wait_s: float) -> Heard:
        await asyncio.sleep(wait_s)
        headers = {"Cookie": self._seat.cookie}
        url = f"ws://localhost:{self._line.live_port}/ws/"
        async with connect(url, origin=Origin(self._line.origin), additional_headers=headers) as browser:
            await browser.send(json.dumps({"action": "follow", "call_id": str(self._call_id)}))
            reading = asyncio.create_task(self._read(browser))
            await self._speak()
            await self._settled()
            reading.cancel()
        return self._heard

    async def _read(self, browser: ClientConnection) -> None:
        async for frame in browser:
            now_s = time.monotonic() - self._began_s
            event = json.loads(frame)["event"]
            kind = event["type"]
            self._heard.kinds[kind] = self._heard.kinds.get(kind, 0) + 1
            if kind == "segment.interim" and event["text"]:
                self._heard.interims.append(_text(now_s, event))
            elif kind == "segment.added" and event["segment"]["replaces"]:
                self._heard.merged.append(_text(now_s, event["segment"]))
            elif kind == "segment.added" and event["segment"]["kind"] == "speech":
                self._heard.finals.append(_text(now_s, event["segment"]))
            elif kind == "segment.added":
                self._heard.gaps += 1

    async def _speak(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._line.media_port)
        writer.write(
            (
                f"GET /twilio/media/ HTTP/1.1\r\nHost: localhost:{self._line.media_port}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
                f"X-Twilio-Signature: {self._line.signature}\r\n\r\n"
            ).encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer, answer
        ignoring = asyncio.create_task(reader.read())
        writer.write(_framed({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        writer.write(_framed(self._start()))
        await self._send_all(writer)
        writer.write(_framed({"event": "stop", "stop": {"callSid": self._leg_sid}}))
        await writer.drain()
        await asyncio.wait_for(ignoring, SETTLED_WITHIN_S)
        writer.close()

    async def _send_all(self, writer: asyncio.StreamWriter) -> None:
        """Frame n holds 20 ms that have just passed, so it is sent at their end."""
        tracks = {_TRACKS[speaker]: track for speaker, track in self._speech.tracks().items()}
        frames = max(len(track.mulaw) for track in tracks.values()) // FRAME_BYTES
        self._began_s = time.monotonic()
        for number in range(frames):
            if self._until():
                break
            due_s = self._began_s + (number + 1) * FRAME_S
            if (wait_s := due_s - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            else:
                self._heard.late_ms = max(self._heard.late_ms, -wait_s * 1_000)
            for name, track in tracks.items():
                if number not in track.lost:
                    writer.write(_media(name, track, number))

    def _start(self) -> dict[str, Any]:
        return {
            "event": "start",
            "sequenceNumber": "1",
            "start": {
                "accountSid": os.environ["TWILIO_ACCOUNT_SID"],
                "streamSid": f"MZ{uuid4().hex}",
                "callSid": self._leg_sid,
                "tracks": ["inbound", "outbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"token": self._token},
            },
        }

    async def _settled(self) -> None:
        """The transcript as a page loads it, once nothing more comes."""
        from asgiref.sync import sync_to_async

        from voice.models import MediaStream

        streams = MediaStream.objects.get_queryset().filter(call_id=self._call_id, state="connected")
        for _ in range(int(SETTLED_WITHIN_S / POLL_S)):
            if not await sync_to_async(streams.exists)():
                break
            await asyncio.sleep(POLL_S)
        # The last event is on its way still.
        await asyncio.sleep(0.5)
        async with httpx.AsyncClient(base_url=f"http://localhost:{self._line.web_port}") as http:
            path = f"/api/calls/{self._call_id}/segments"
            answer = await http.get(path, headers={"Cookie": self._seat.cookie}, timeout=30)
        answer.raise_for_status()
        self._heard.settled = sorted(
            (one for one in answer.json()["items"] if one["kind"] == "speech"), key=lambda one: int(one["start_ms"])
        )


def _text(at_s: float, shown: dict[str, Any]) -> Text:
    return Text(at_s, shown["speaker"], shown["start_ms"], shown["end_ms"], shown["text"])


def _media(name: str, track: Track, number: int) -> bytes:
    chunk = track.mulaw[number * FRAME_BYTES : (number + 1) * FRAME_BYTES]
    if not chunk:
        chunk = b"\xff" * FRAME_BYTES
    payload = base64.b64encode(chunk).decode()
    chunk_number, at_ms = number + 1, number * 20
    return _framed(
        f'{{"event":"media","sequenceNumber":"{chunk_number}","media":{{"track":"{name}","chunk":"{chunk_number}",'
        f'"timestamp":"{at_ms}","payload":"{payload}"}},"streamSid":"MZ"}}'
    )


def _framed(message: dict[str, Any] | str) -> bytes:
    """A masked text frame; the mask is zero, which every server takes and costs no time."""
    payload = (message if isinstance(message, str) else json.dumps(message)).encode()
    if len(payload) < 126:
        return bytes([0x81, 0x80 | len(payload)]) + bytes(4) + payload
    return bytes([0x81, 0x80 | 126]) + len(payload).to_bytes(2) + bytes(4) + payload
