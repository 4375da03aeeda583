"""The Dial verb: ring the called party, let them hear the whisper, join the two, and say how it went."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urljoin

from sandbox import audio, clock
from sandbox.records import CallbackTarget, CallStatus
from sandbox.twilio import callbacks
from sandbox.twilio.exchange import E164, Exchange
from sandbox.twilio.flow import HangUp, Next
from sandbox.twilio.leg import Instructions, Leg
from sandbox.twilio.transcription import Speech
from sandbox.twilio.twiml import Document, Verb

DEFAULT_TIMEOUT_S = 30
MAX_TIME_LIMIT_S = 14_400
VOICEMAIL_RECORDS_S = 6.0
AMD_AFTER_S = 1.0

Whisper = Callable[[Exchange, Leg], Awaitable[None]]


class Dial:
    """One Dial on the parent's leg. The child's leg lives inside it: whatever ends the Dial ends the child, unless the
    child was redirected, which ends the Dial and lets the child live on."""

    def __init__(self, exchange: Exchange, parent: Leg, verb: Verb, document: Document, *, whisper: Whisper) -> None:
        self._exchange = exchange
        self._parent = parent
        self._verb = verb
        self._document = document
        self._whisper = whisper

    async def run(self) -> Next | None:
        child = self._place()
        if child is None:
            # Nobody was dialled, so there is no leg to speak of.
            return self._report({"DialCallStatus": "failed", "DialBridged": "false"})
        status: CallStatus | None = None
        try:
            status = await self._hold(child)
        finally:
            if not child.left_dial.is_set():
                self._end(child, status)
        return self._report(self._outcome(child))

    def _end(self, child: Leg, status: CallStatus | None) -> None:
        self._exchange.finish(child, status or ("completed" if child.record.answered_at else "canceled"))
        if status is None and self._verb.get("action"):
            # The parent hung up: Twilio still requests the action, but nobody is left to obey the answer.
            self._exchange.start(self._report_to_nobody(child))

    def _report(self, outcome: dict[str, str]) -> Next | None:
        if not self._verb.get("action"):
            return None
        return Next(self._action_url, self._verb.get("method", "POST"), outcome)

    def _place(self) -> Leg | None:
        numbers = [noun for noun in self._verb.children if noun.name == "Number"]
        noun = numbers[0] if numbers else Verb("Number", {}, self._verb.text, ())
        if len(numbers) > 1:
            self._exchange.store.alert(0, "The sandbox dials only the first Number of a Dial", self._parent.sid)
        if not E164.fullmatch(noun.text):
            self._exchange.store.alert(13223, "Dial: Invalid phone number format", self._parent.sid)
            return None
        caller_id = self._verb.get("callerId", self._parent.record.from_)
        if self._exchange.caller_id not in ("", caller_id):
            self._exchange.store.alert(13214, "Dial: Invalid callerId value", self._parent.sid)
            return None
        callback, whisper = noun.get("statusCallback"), noun.get("url")
        return self._exchange.place(
            to=noun.text,
            from_=caller_id,
            account_sid=self._parent.record.account_sid,
            instructions=Instructions(self._absolute(whisper) if whisper else "", noun.get("method", "POST")),
            target=CallbackTarget(
                url=self._absolute(callback) if callback else "",
                method=noun.get("statusCallbackMethod", "POST"),
                events=tuple(noun.get("statusCallbackEvent", "completed").split()),
            ),
            parent=self._parent,
            ring_timeout_s=min(600, max(5, self._verb.whole("timeout", DEFAULT_TIMEOUT_S))),
            time_limit_s=min(MAX_TIME_LIMIT_S, self._verb.whole("timeLimit", MAX_TIME_LIMIT_S)),
        )

    async def _hold(self, child: Leg) -> CallStatus:
        """The whole life of the child; returns how it ended."""
        loop = asyncio.get_running_loop()
        ringback = self._parent.earpiece.play(audio.RINGBACK, at_s=loop.time(), loop=True)
        try:
            result = await self._exchange.ring(child)
            if result == "canceled":
                return child.ends_as
            if result != "answered":
                return result
            self._tell_whether_machine(child)
            if child.instructions.url and not await self._whispered(child):
                return "completed"
        finally:
            self._parent.earpiece.stop(ringback, at_s=loop.time())
        await self._talk(child)
        return "completed"

    async def _whispered(self, child: Leg) -> bool:
        """Let the child hear its own document; False when it hung up or was hung up in it.

        The one who called hears it ring until the two are joined.
        """
        whisper = asyncio.ensure_future(self._whisper(self._exchange, child))
        gone = asyncio.create_task(child.gone_from_dial())
        try:
            await asyncio.wait([whisper, gone], return_when=asyncio.FIRST_COMPLETED)
            if not whisper.done() or gone.done():
                return False
            whisper.result()
        except HangUp:
            return False
        finally:
            whisper.cancel()
            gone.cancel()
        return True

    async def _talk(self, child: Leg) -> None:
        """The two are joined: the dialogue is spoken at true pace until one hangs up or the limit is reached."""
        child.record.bridged_at = self._parent.record.bridged_at = clock.now()
        self._exchange.start(self._speak(child))
        limit = asyncio.create_task(child.until_limit())
        gone = asyncio.create_task(child.gone_from_dial())
        try:
            await asyncio.wait([limit, gone], return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
            gone.cancel()

    async def _speak(self, child: Leg) -> None:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        if child.phone.behaviour == "voicemail":
            for line in (child.microphone, self._parent.earpiece):
                line.play(audio.BEEP, at_s=started_s)
            await self._exchange.pace.wait(VOICEMAIL_RECORDS_S)
            child.hung_up.set()
            return
        dialogue = self._exchange.speech.pick(child.phone.dialogue, child.phone.e164)
        child.record.note = dialogue.id
        while not child.is_gone_from_dial:
            clips = [
                (line, line.play(track, at_s=started_s))
                for line, track in (
                    (self._parent.microphone, dialogue.agent),
                    (child.earpiece, dialogue.agent),
                    (child.microphone, dialogue.callee),
                    (self._parent.earpiece, dialogue.callee),
                )
            ]
            over = asyncio.Event()
            for leg, voice in ((self._parent, "agent"), (child, "callee")):
                leg.talk.begin(Speech(dialogue.turns, started_s, self._exchange.pace.media, voice, over))
            started_s += dialogue.duration_s * self._exchange.pace.media
            gone = asyncio.create_task(child.gone_from_dial())
            await asyncio.wait([gone], timeout=started_s - loop.time())
            gone.cancel()
            over.set()
            for line, clip in clips:
                line.stop(clip, at_s=min(started_s, loop.time()))
            if not child.phone.loop:
                break
        await self._exchange.pace.wait(self._exchange.hang_up_after_s)
        if not child.left_dial.is_set():
            child.hung_up.set()

    def _tell_whether_machine(self, child: Leg) -> None:
        numbers = [noun for noun in self._verb.children if noun.name == "Number"]
        wanted = numbers[0].get("amdStatusCallback") if numbers and numbers[0].get("machineDetection") else ""
        if wanted:
            self._exchange.start(self._answered_by(child, self._absolute(wanted)))

    async def _answered_by(self, child: Leg, url: str) -> None:
        await self._exchange.pace.wait(AMD_AFTER_S)
        params = {
            "AccountSid": child.record.account_sid,
            "AnsweredBy": child.record.answered_by or "human",
            "CallSid": child.sid,
            "MachineDetectionDuration": "1000",
        }
        self._exchange.webhooks.notify(url, "POST", params, service="twilio.callbacks", event="amd")

    async def _report_to_nobody(self, child: Leg) -> None:
        await self._parent.over.wait()
        params = callbacks.common_fields(self._parent.record) | self._outcome(child)
        method = self._verb.get("method", "POST")
        await self._exchange.webhooks.request(
            self._action_url, method, params, service="twilio.twiml", event="dial-action"
        )

    def _outcome(self, child: Leg) -> dict[str, str]:
        outcome = {
            "DialCallStatus": "answered" if child.left_dial.is_set() else child.record.status,
            "DialCallSid": child.sid,
            "DialBridged": "true" if child.record.bridged_at else "false",
        }
        if child.record.answered_at:
            outcome["DialCallDuration"] = str(child.record.duration_s)
        return outcome

    @property
    def _action_url(self) -> str:
        return self._absolute(self._verb.get("action"))

    def _absolute(self, url: str) -> str:
        return urljoin(self._document.url, url)
