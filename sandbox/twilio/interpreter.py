"""Obeys TwiML on one leg."""

import asyncio
from urllib.parse import urljoin, urlsplit

from sandbox import audio
from sandbox.records import CallbackTarget
from sandbox.twilio import callbacks, twiml
from sandbox.twilio.dial import Dial
from sandbox.twilio.exchange import Exchange
from sandbox.twilio.flow import HangUp, Next
from sandbox.twilio.leg import Instructions, Leg
from sandbox.twilio.media import TRACKS
from sandbox.twilio.twiml import Document, TwimlInvalid, Verb

# A machine's voice speaks about fourteen letters a second.
LETTERS_PER_S = 14.0
SAY_LEAST_S = 0.7
KEYS_APART_S = 5.0
# A leg that is sent from document to document without end is a fault of the product.
MAX_DOCUMENTS = 100
APPLICATION_ERROR_S = 3.0
# All other verbs answer a call that comes in, Hangup too.
LEAVE_UNANSWERED = frozenset({"Redirect", "Reject"})


class Interpreter:
    """Runs documents on a leg until one ends without naming another. whisper: on the called party, before the bridge."""

    def __init__(self, exchange: Exchange, leg: Leg, *, whisper: bool = False) -> None:
        self.exchange = exchange
        self.leg = leg
        self._whisper = whisper

    async def run(self, instructions: Instructions) -> None:
        """:raises HangUp: when the document says so."""
        document = await self._first(instructions)
        for _ in range(MAX_DOCUMENTS):
            following = await self._obey(document)
            if following is None:
                return
            document = await self.fetch(following)
        self.exchange.store.alert(11200, "Too many documents one after another", self.leg.sid)
        raise HangUp

    async def _first(self, instructions: Instructions) -> Document:
        if instructions.twiml:
            return self._parsed(instructions.twiml, instructions.url)
        fallback = Next(instructions.fallback_url, instructions.fallback_method) if instructions.fallback_url else None
        first = Next(instructions.url, instructions.method, dict(instructions.params))
        return await self.fetch(first, fallback)

    async def fetch(self, wanted: Next, fallback: Next | None = None) -> Document:
        """The document at a URL of the product.

        :raises HangUp: when there is none, after the caller heard that an application error has occurred.
        """
        params = callbacks.common_fields(self.leg.record) | wanted.params
        reply = await self.exchange.webhooks.request(
            wanted.url, wanted.method, params, service="twilio.twiml", event=urlsplit(wanted.url).path
        )
        if reply.is_success and "xml" in reply.content_type:
            return self._parsed(reply.body, wanted.url)
        if reply.is_success and not reply.body.strip():
            return Document((), wanted.url)
        if fallback is not None:
            params = {"ErrorCode": "11200", "ErrorUrl": wanted.url}
            return await self.fetch(Next(fallback.url, fallback.method, params))
        code = 12300 if reply.is_success else 11200
        self.exchange.store.alert(code, f"{wanted.url} answered {reply.outcome} {reply.content_type}", self.leg.sid)
        await self.exchange.pace.wait(APPLICATION_ERROR_S)
        raise HangUp

    def _parsed(self, text: str | bytes, url: str) -> Document:
        store = self.exchange.store
        try:
            document = twiml.parse(text, url=url)
        except TwimlInvalid as error:
            store.alert(error.code, str(error), self.leg.sid)
            raise HangUp from None
        for warning in document.warnings:
            store.alert(12200, warning, self.leg.sid)
        store.received.note("twilio.twiml", document.fields())
        return document

    async def _obey(self, document: Document) -> Next | None:
        for verb in document.verbs:
            following = await self._do(verb, document)
            if following is not None:
                return following
        return None

    async def _do(self, verb: Verb, document: Document) -> Next | None:
        if verb.name not in LEAVE_UNANSWERED:
            self.exchange.answer(self.leg)
        match verb.name:
            case "Say":
                await self._say(verb)
            case "Play" | "Pause":
                seconds = verb.whole("length", 1) if verb.name == "Pause" else 2
                await self.exchange.pace.wait(seconds)
            case "Gather":
                return await self._gather(verb, document)
            case "Redirect":
                return Next(urljoin(document.url, verb.text), verb.get("method", "POST"))
            case "Start":
                for noun in verb.children:
                    start = self._start_stream if noun.name == "Stream" else self._start_transcription
                    start(noun, document)
            case "Stop":
                for noun in verb.children:
                    self._stop(noun)
            case "Dial" if self._whisper:
                self.exchange.store.alert(12200, "Dial is not allowed on the called party's leg", self.leg.sid)
            case "Dial":
                return await Dial(self.exchange, self.leg, verb, document, whisper=run_whisper).run()
            case "Hangup":
                raise HangUp
            case "Reject":
                # As Twilio's default reason: a busy signal, and nobody pays.
                self.leg.ends_as = "busy"
                raise HangUp
        return None

    async def _say(self, verb: Verb) -> None:
        """Nothing is spoken, but the machine's voice takes the time that the words would take."""
        seconds = max(SAY_LEAST_S, len(verb.text) / LETTERS_PER_S) * max(1, verb.whole("loop", 1))
        self.leg.record.heard.append(verb.text)
        loop = asyncio.get_running_loop()
        murmur = self.leg.earpiece.play(audio.MURMUR, at_s=loop.time(), loop=True)
        try:
            await self.exchange.pace.wait(seconds)
        finally:
            self.leg.earpiece.stop(murmur, at_s=loop.time())

    async def _gather(self, verb: Verb, document: Document) -> Next | None:
        """Collect keys while the nested verbs play and for `timeout` seconds after; without a key go on. The first key ends the prompt."""
        wanted = verb.whole("numDigits", 0)
        finish = verb.get("finishOnKey", "#")
        self.leg.gathering.set()
        prompt = asyncio.create_task(self._prompt(verb, document))
        first = asyncio.create_task(self.leg.pressed.get())
        try:
            await asyncio.wait([prompt, first], return_when=asyncio.FIRST_COMPLETED)
            if not first.done():
                wait = asyncio.create_task(self.exchange.pace.wait(verb.whole("timeout", 5)))
                await asyncio.wait([wait, first], return_when=asyncio.FIRST_COMPLETED)
                wait.cancel()
            if not first.done():
                if verb.get("actionOnEmptyResult") != "true":
                    return None
                return self._gathered(verb, document, "", finish)
            digits = await self._more_digits(first.result(), wanted, finish)
            if digits == finish and verb.get("actionOnEmptyResult") != "true":
                # The key that finishes, before any other, is as no key: the prompt ends, and the document goes on.
                return None
        finally:
            prompt.cancel()
            first.cancel()
            self.leg.gathering.clear()
        return self._gathered(verb, document, digits, finish)

    async def _prompt(self, verb: Verb, document: Document) -> None:
        for nested in verb.children:
            await self._do(nested, document)

    async def _more_digits(self, digits: str, wanted: int, finish: str) -> str:
        while digits[-1] not in finish and len(digits) != wanted:
            try:
                async with asyncio.timeout(KEYS_APART_S * self.exchange.pace.waiting):
                    digits += await self.leg.pressed.get()
            except TimeoutError:
                break
        return digits

    def _gathered(self, verb: Verb, document: Document, digits: str, finish: str) -> Next:
        ended_by = digits[-1] if digits and digits[-1] in finish else ""
        params = {"Digits": digits.removesuffix(ended_by), "FinishedOnKey": ended_by, "msg": "Gather End"}
        return Next(urljoin(document.url, verb.get("action", document.url)), verb.get("method", "POST"), params)

    def _start_stream(self, noun: Verb, document: Document) -> None:
        url, track = noun.get("url"), noun.get("track", "inbound_track")
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or parts.query or track not in TRACKS:
            self.exchange.store.alert(12200, f"Stream url {url} or track {track} is not valid", self.leg.sid)
            return
        parameters = {parameter.get("name"): parameter.get("value") for parameter in noun.children}
        if any(len(name) + len(value) >= 500 for name, value in parameters.items()):
            self.exchange.store.alert(12200, "A Stream Parameter has 500 characters or more", self.leg.sid)
            return
        target = self._target(noun, "statusCallback", document)
        self.exchange.open_stream(
            self.leg, url=url, track=track, name=noun.get("name"), parameters=parameters, target=target
        )

    def _start_transcription(self, noun: Verb, document: Document) -> None:
        track = noun.get("track", "both_tracks")
        if track not in TRACKS:
            self.exchange.store.alert(32650, f"Transcription track {track} is not valid", self.leg.sid)
            return
        self.exchange.open_transcription(
            self.leg,
            name=noun.get("name"),
            track=track,
            partial_results=noun.get("partialResults") == "true",
            language=noun.get("languageCode", "en-US"),
            target=self._target(noun, "statusCallbackUrl", document),
        )

    def _target(self, noun: Verb, attribute: str, document: Document) -> CallbackTarget:
        url = noun.get(attribute)
        return CallbackTarget(urljoin(document.url, url) if url else "", noun.get("statusCallbackMethod", "POST"))

    def _stop(self, noun: Verb) -> None:
        listeners = self.leg.streams if noun.name == "Stream" else self.leg.transcriptions
        for listener in listeners.values():
            if listener.record.name == noun.get("name"):
                listener.stop()


async def run_whisper(exchange: Exchange, leg: Leg) -> None:
    """:raises HangUp: when the called party's own document ends the leg."""
    await Interpreter(exchange, leg, whisper=True).run(leg.instructions)
