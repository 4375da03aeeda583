"""Real-Time Transcription: posts what is said on a leg, word by word and then as a whole, while it is said.

Nothing is recognised: the people of the sandbox read from scripts, so it is known who says which words when.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox import clock
from sandbox.faults import Faults
from sandbox.records import TranscriptionRecord
from sandbox.speech_library import Turn
from sandbox.twilio.media import TRACKS

# A recogniser waits a moment before it is sure that somebody has finished.
FINAL_AFTER_S = 0.3
CONFIDENCE = 0.95
PROVIDER_ERROR = 32651
TOGETHER_S = 0.02

Report = Callable[[Mapping[str, str]], None]


@dataclass(frozen=True, slots=True)
class Speech:
    """A dialogue that is being spoken on a leg since started_s of the loop's time, until over. inbound: whose voice it sends."""

    turns: tuple[Turn, ...]
    started_s: float
    media_scale: float
    inbound: str
    over: asyncio.Event

    def track_of(self, turn: Turn) -> str:
        return "inbound" if turn["speaker"] == self.inbound else "outbound"

    def at_s(self, ms: float) -> float:
        return self.started_s + ms / 1_000 * self.media_scale


@dataclass(slots=True)
class Talk:
    """All that is spoken on a leg: the dialogues so far, and a sign for whoever waits for the next."""

    speeches: list[Speech]
    more: asyncio.Event

    def begin(self, speech: Speech) -> None:
        self.speeches.append(speech)
        self.more.set()
        self.more = asyncio.Event()


@dataclass(frozen=True, slots=True)
class TranscriptionPlan:
    """track: as TwiML names it. report: posts one callback."""

    track: str
    partial_results: bool
    language: str
    report: Report


class Transcription:
    """Runs from its start until it is stopped or fails."""

    def __init__(self, record: TranscriptionRecord, plan: TranscriptionPlan, faults: Faults, talk: Talk) -> None:
        self.record = record
        self._plan = plan
        self._faults = faults
        self._talk = talk
        self._stopping = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def stop(self) -> None:
        self._stopping.set()

    async def ended(self) -> None:
        await asyncio.wait([self._task])

    def abandon(self) -> None:
        """End without a word, as a carrier that dies does."""
        self._task.cancel()

    async def _run(self) -> None:
        fields = {"CallSid": self.record.call_sid, "TranscriptionSid": self.record.sid}
        if self._faults.strike("twilio.transcription", fields, "drop"):
            # Accepted, and never heard of again.
            await self._stopping.wait()
        else:
            if late := self._faults.strike("twilio.transcription", fields, "delay"):
                await asyncio.sleep(late.value / 1_000)
            failing = self._faults.strike("twilio.transcription", fields, "error")
            self._tell("transcription-started", Track=self._plan.track, LanguageCode=self._plan.language)
            if failing is not None:
                await _first(self._stopping, within_s=failing.value / 1_000)
            else:
                await self._listen()
            if failing is not None and not self._stopping.is_set():
                self._tell(
                    "transcription-error",
                    TranscriptionErrorCode=str(PROVIDER_ERROR),
                    TranscriptionError="Real-time Transcriptions: Provider Error",
                )
                self.record.error = str(PROVIDER_ERROR)
            else:
                self._tell("transcription-stopped")
        self.record.status = "stopped"
        self.record.updated_at = clock.now()

    async def _listen(self) -> None:
        """Follow every speech from now on, until stopped; then what is on its way is still told."""
        since_s, followed = asyncio.get_running_loop().time(), 0
        following: list[asyncio.Task[None]] = []
        while not self._stopping.is_set():
            more = self._talk.more
            for speech in self._talk.speeches[followed:]:
                following += [
                    asyncio.create_task(self._follow(speech, track, since_s)) for track in TRACKS[self._plan.track]
                ]
            followed = len(self._talk.speeches)
            await _first(self._stopping, more)
        if following:
            await asyncio.wait(following)

    async def _follow(self, speech: Speech, track: str, since_s: float) -> None:
        for turn in (turn for turn in speech.turns if speech.track_of(turn) == track):
            if self._stopping.is_set() or speech.over.is_set():
                return
            heard: list[str] = []
            words = turn["text"].split()
            for number, word in enumerate(words, start=1):
                said_s = speech.at_s(turn["start_ms"] + (turn["end_ms"] - turn["start_ms"]) * number / len(words))
                if said_s < since_s:
                    continue
                if not await _reached(said_s, self._stopping, speech.over):
                    break
                heard.append(word)
                if self._plan.partial_results and number < len(words):
                    self._say(track, heard, final=False)
            if heard:
                await _reached(speech.at_s(turn["end_ms"]) + FINAL_AFTER_S * speech.media_scale, self._stopping)
                self._say(track, heard, final=True)

    def _say(self, track: str, words: list[str], *, final: bool) -> None:
        data: dict[str, object] = {"transcript": " ".join(words)}
        told = {"Final": "true" if final else "false", "Track": f"{track}_track", "LanguageCode": self._plan.language}
        if final:
            data["confidence"] = CONFIDENCE
        else:
            told["Stability"] = "0.9"
        self._tell("transcription-content", TranscriptionData=json.dumps(data), **told)

    def _tell(self, event: str, **more: str) -> None:
        self.record.callbacks_sent += 1
        self._plan.report(
            {
                "AccountSid": self.record.account_sid,
                "CallSid": self.record.call_sid,
                "TranscriptionSid": self.record.sid,
                "Timestamp": clock.iso_micros(clock.now()),
                "SequenceId": str(self.record.callbacks_sent),
                "TranscriptionEvent": event,
                **more,
            }
        )


async def _first(*events: asyncio.Event, within_s: float | None = None) -> None:
    """Until one of them is set, or for so long."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _reached(due_s: float, *events: asyncio.Event) -> bool:
    """Whether this moment came before one of the events; those that come together with it come after it."""
    loop = asyncio.get_running_loop()
    if (delay_s := due_s - loop.time()) > 0:
        await _first(*events, within_s=delay_s)
    return loop.time() >= due_s - TOGETHER_S
