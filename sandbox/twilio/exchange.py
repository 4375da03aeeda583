"""The telephone exchange: legs from their creation to their end."""

import asyncio
import contextlib
import re
from collections.abc import Coroutine, Mapping
from typing import Any, Literal

from sandbox import audio, clock, ids
from sandbox.clock import Clock
from sandbox.faults import Faults
from sandbox.phones import Phone, default_phone
from sandbox.records import CallbackTarget, CallRecord, CallStatus, Direction, StreamRecord, TranscriptionRecord
from sandbox.speech_library import SpeechLibrary
from sandbox.store import Store
from sandbox.twilio import callbacks
from sandbox.twilio.leg import Instructions, Leg
from sandbox.twilio.media import MediaStream, StreamPlan
from sandbox.twilio.transcription import Transcription, TranscriptionPlan
from sandbox.twilio.webhooks import TwilioWebhooks

RingResult = Literal["answered", "busy", "no-answer", "failed", "canceled"]

E164 = re.compile(r"\+[1-9]\d{6,14}")
QUEUED_S = 0.1
INITIATED_S = 0.2
BUSY_AFTER_S = 0.6
PRESS_AFTER_S = 0.5
HANG_UP_AT_ONCE_S = 0.4
VOICEMAIL_AFTER_S = 3.0
ENDED_WITHIN_S = 2.0
PRICE_AFTER_S = 5.0
PRICE_PER_MINUTE_USD = 0.014


class Exchange:
    """Owns the live legs. What a leg hears and does is the interpreter's matter.

    caller_id: the account's own number, the only one that may call; "" lets every number call.
    """

    def __init__(
        self,
        *,
        store: Store,
        faults: Faults,
        webhooks: TwilioWebhooks,
        speech: SpeechLibrary,
        pace: Clock,
        auth_token: str,
        hang_up_after_s: float,
        caller_id: str,
    ) -> None:
        self.store = store
        self.faults = faults
        self.webhooks = webhooks
        self.speech = speech
        self.pace = pace
        self.hang_up_after_s = hang_up_after_s
        self.caller_id = caller_id
        self.legs: dict[str, Leg] = {}
        self._auth_token = auth_token
        self._tasks: set[asyncio.Task[None]] = set()

    def place(
        self,
        *,
        to: str,
        from_: str,
        account_sid: str,
        instructions: Instructions,
        target: CallbackTarget,
        parent: Leg | None = None,
        ring_timeout_s: float = 60.0,
        time_limit_s: float = 14_400.0,
    ) -> Leg:
        """A new leg, queued; nothing rings yet."""
        direction: Direction = "outbound-dial" if parent else "outbound-api"
        record = self._record(to, from_, account_sid, direction, target)
        record.parent_sid = parent.sid if parent else None
        record.time_limit_s = time_limit_s
        return self._enter(record, self.phone(to), instructions, ring_timeout_s)

    def come_in(self, *, from_: str, account_sid: str, instructions: Instructions, target: CallbackTarget) -> Leg:
        """A new leg of somebody who calls; it rings until its document answers it."""
        record = self._record("", from_, account_sid, "inbound", target)
        record.started_at, record.status = record.created_at, "ringing"
        return self._enter(record, Phone(""), instructions, ring_timeout_s=0.0)

    def _record(
        self, to: str, from_: str, account_sid: str, direction: Direction, target: CallbackTarget
    ) -> CallRecord:
        moment = clock.now()
        return CallRecord(
            sid=ids.sid("CA"),
            account_sid=account_sid,
            to=to,
            from_=from_,
            direction=direction,
            created_at=moment,
            updated_at=moment,
            callbacks=target,
        )

    def _enter(self, record: CallRecord, phone: Phone, instructions: Instructions, ring_timeout_s: float) -> Leg:
        leg = Leg(
            record=record,
            phone=phone,
            instructions=instructions,
            microphone=audio.Line(self.pace.media),
            earpiece=audio.Line(self.pace.media),
            ring_timeout_s=ring_timeout_s,
        )
        self.store.calls[record.sid] = record
        self.legs[record.sid] = leg
        return leg

    def phone(self, e164: str) -> Phone:
        return self.store.phones.setdefault(e164, default_phone(e164))

    def answer(self, leg: Leg) -> None:
        """A call that comes in is answered by its document; all others are by then."""
        if leg.record.answered_at is None:
            leg.record.answered_at = clock.now()
            self.move(leg, "in-progress")

    async def ring(self, leg: Leg) -> RingResult:
        """From queued to answered, or to the reason why not. Statuses and callbacks follow."""
        await self.pace.wait(QUEUED_S)
        if leg.hung_up.is_set():
            return "canceled"
        leg.record.started_at = clock.now()
        self.move(leg, "initiated")
        callbacks.progress(self.webhooks, leg.record, "initiated")
        await self.pace.wait(INITIATED_S)
        if leg.phone.behaviour == "failed":
            return "failed"
        if leg.phone.behaviour == "busy":
            await self.pace.wait(BUSY_AFTER_S)
            return "busy"
        self.move(leg, "ringing")
        callbacks.progress(self.webhooks, leg.record, "ringing")
        result = await self._until_answered(leg)
        if result == "answered":
            leg.record.answered_at = clock.now()
            self.move(leg, "in-progress")
            callbacks.progress(self.webhooks, leg.record, "answered")
            self._behave(leg)
        return result

    async def _until_answered(self, leg: Leg) -> RingResult:
        waits: dict[asyncio.Task[object], RingResult] = {
            asyncio.create_task(leg.hung_up.wait()): "canceled",
            asyncio.create_task(leg.declined.wait()): "busy",
            asyncio.create_task(leg.picked_up.wait()): "answered",
            asyncio.create_task(self._rung_out(leg)): "no-answer",
        }
        if leg.phone.behaviour not in ("manual", "no-answer"):
            extra_s = VOICEMAIL_AFTER_S if leg.phone.behaviour == "voicemail" else 0.0
            waits[asyncio.create_task(self.pace.wait(leg.phone.answer_after_s + extra_s))] = "answered"
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
        return next(result for task, result in waits.items() if task in done)

    async def _rung_out(self, leg: Leg) -> None:
        """A phone that somebody is at rings in their time, however short the others' is."""
        if leg.phone.behaviour == "manual":
            await asyncio.sleep(leg.ring_timeout_s)
        else:
            await self.pace.wait(leg.ring_timeout_s)

    def _behave(self, leg: Leg) -> None:
        """What the person, or the machine, at this phone does by itself once the call stands."""
        if leg.phone.behaviour == "hang-up":
            self.start(self._hang_up_at_once(leg))
        if leg.phone.behaviour == "press":
            self.start(self._press_while_asked(leg))
        if leg.phone.behaviour == "voicemail":
            leg.record.answered_by = "machine_start"

    async def _hang_up_at_once(self, leg: Leg) -> None:
        await self.pace.wait(HANG_UP_AT_ONCE_S)
        leg.hung_up.set()

    async def _press_while_asked(self, leg: Leg) -> None:
        await leg.gathering.wait()
        await self.pace.wait(PRESS_AFTER_S)
        for digit in leg.phone.digits:
            leg.pressed.put_nowait(digit)

    def move(self, leg: Leg, status: CallStatus) -> None:
        leg.record.status = status
        leg.record.updated_at = clock.now()

    def finish(self, leg: Leg, status: CallStatus) -> None:
        """End a leg once and for all: streams, record, callback, price."""
        if leg.over.is_set():
            return
        leg.over.set()
        leg.hung_up.set()
        for listener in leg.listeners:
            listener.stop()
        was_queued = leg.record.started_at is None
        leg.record.ended_at = clock.now()
        self.move(leg, status)
        self.legs.pop(leg.sid, None)
        # A call that is cancelled while it is queued sends no callback; that is Twilio's way.
        if not was_queued:
            callbacks.progress(self.webhooks, leg.record, "completed")
        if leg.record.duration_s:
            self.start(self._price_later(leg.record))

    async def _price_later(self, record: CallRecord) -> None:
        await self.pace.wait(PRICE_AFTER_S)
        minutes = -(-record.duration_s // 60)
        record.price = f"{-minutes * PRICE_PER_MINUTE_USD:.5f}"
        record.updated_at = clock.now()

    def open_stream(
        self, leg: Leg, *, url: str, track: str, name: str, parameters: dict[str, str], target: CallbackTarget
    ) -> StreamRecord:
        """Start a media stream on a live leg."""
        record = StreamRecord(
            sid=ids.sid("MZ"),
            account_sid=leg.record.account_sid,
            call_sid=leg.sid,
            name=name,
            url=url,
            updated_at=clock.now(),
        )
        record.name = name or record.sid
        fields = callbacks.stream_fields(record.account_sid, record.call_sid, record.sid, record.name)

        def report(event: str, error: str) -> None:
            if error:
                self.store.alert(int(error[:5]), error, leg.sid)
            if target.url:
                told = callbacks.stream_event(fields, event, error)
                self.webhooks.notify(target.url, target.method, told, service="twilio.stream", event=event)

        plan = StreamPlan(url, track, parameters, self._auth_token, self.pace.media, report)
        self.store.streams[record.sid] = record
        leg.streams[record.sid] = MediaStream(
            record, plan, self.faults, microphone=leg.microphone, earpiece=leg.earpiece
        )
        return record

    def open_transcription(
        self, leg: Leg, *, name: str, track: str, partial_results: bool, language: str, target: CallbackTarget
    ) -> TranscriptionRecord:
        """Start to transcribe a live leg."""
        record = TranscriptionRecord(
            sid=ids.sid("GT"),
            account_sid=leg.record.account_sid,
            call_sid=leg.sid,
            name=name,
            updated_at=clock.now(),
        )

        def report(fields: Mapping[str, str]) -> None:
            event = fields["TranscriptionEvent"]
            if "TranscriptionErrorCode" in fields:
                self.store.alert(int(fields["TranscriptionErrorCode"]), fields["TranscriptionError"], leg.sid)
            if target.url:
                self.webhooks.notify(target.url, target.method, fields, service="twilio.transcription", event=event)

        self.store.transcriptions[record.sid] = record
        plan = TranscriptionPlan(track, partial_results, language, report)
        leg.transcriptions[record.sid] = Transcription(record, plan, self.faults, leg.talk)
        return record

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background until done, or until the sandbox closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def end_what_a_restart_cut(self) -> None:
        """Calls that lived when an earlier process died: a carrier that comes back reports them as ended."""
        for record in self.store.calls.values():
            if not record.is_over:
                record.ended_at = clock.now()
                record.status = "completed" if record.answered_at else "failed"
                record.updated_at = clock.now()
                callbacks.progress(self.webhooks, record, "completed")

    async def hang_up_all(self) -> None:
        """Every live leg ends; bounded, since one may hang in an answer of the product."""
        endings = []
        for leg in list(self.legs.values()):
            leg.hung_up.set()
            endings.append(asyncio.create_task(leg.over.wait()))
        if endings:
            await asyncio.wait(endings, timeout=ENDED_WITHIN_S)
        for ending in endings:
            ending.cancel()

    async def close(self) -> None:
        for leg in list(self.legs.values()):
            for listener in leg.listeners:
                listener.abandon()
        for task in list(self._tasks):
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
