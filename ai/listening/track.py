"""One track of a live call: frames in at real pace, interim and final text out, in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from ai.listening.audio import SAMPLES_PER_MS, decode_mulaw
from ai.listening.client import TranscriberClient
from ai.listening.early import EarlyFinals
from ai.listening.hearing import hearing
from ai.listening.interim import InterimText
from ai.listening.jobs import INTERIM_FRESH_S
from ai.listening.levels import LevelReports
from ai.listening.merging import Piece, TurnMerger
from ai.listening.outcomes import Outcome, in_stream_time
from ai.listening.segmenter import Event, Gap, InterimDue, Listening, Segmenter, SpeechEnded, SpeechPaused
from ai.listening.timeline import Frame, Timeline, joined
from ai.listening.transcriber import Recognition
from ai.listening.turns import TurnEnded
from ai.listening.vad import SileroDetector
from processors.errors import DomainError

log = logging.getLogger(__name__)

OnInterim = Callable[[str, int, int], Awaitable[None]]
OnFinal = Callable[[Recognition, int, int], Awaitable[None]]
OnMerged = Callable[[Recognition, int, int, list[int]], Awaitable[None]]
OnGap = Callable[[int, int], Awaitable[None]]
OnLevel = Callable[[int], Awaitable[None]]

MAX_WAITING_BYTES = 80_000  # ten seconds of mu-law
MAX_UNFINISHED = 32
# A track that ends so much before the others of its stream was cut short.
CUT_SHORT_MS = 500


@dataclass(slots=True)
class TrackCounts:
    """What this track has seen.

    dropped_frames: came faster than they could be worked off, were oversized, or bore a time that could not be true.
    """

    frames: int = 0
    dropped_frames: int = 0
    interims: int = 0
    dropped_interims: int = 0
    finals: int = 0
    failed_finals: int = 0


async def _unused(*_: object) -> None:
    """For reports that nobody has asked for."""


class TrackListener:
    """Listens to one track and reports through coroutines, all times in milliseconds of stream time:

    on_interim(text, start_ms, end_ms): what the current utterance seems to say so far; replaces the last one.
        Empty text takes it back: the utterance turned out to be no speech.
    on_final(recognition, start_ms, end_ms): an utterance's words, their times in stream time too.
    on_gap(start_ms, end_ms): a stretch of which there is no text: audio that was lost, or speech that nobody recognised.
    on_merged(recognition, start_ms, end_ms, finals_ms): a turn heard as a whole; this replaces all finals of this track that
        lie within start_ms and end_ms, which are those that begin at finals_ms. All of them have been reported before.

    elapsed_ms(): real time since the stream's time 0; where the carrier's times jump ahead, they are not believed beyond it.

    on_level(level): the transcriber leaves out more or less than before for lack of time: 0 nothing; 1 interim text;
        2 also merged turns, and finals are recognised more cheaply; 3 finals come from a smaller model; 4 they come late.

    Finals and gaps keep their order; an interim result never follows its utterance's final, nor comes before that of the utterance
    before. A report that raises is logged and counted, and the next one still comes.
    """

    def __init__(
        self,
        *,
        track: str,
        client: TranscriberClient,
        on_interim: OnInterim,
        on_final: OnFinal,
        on_gap: OnGap,
        elapsed_ms: Callable[[], int],
        on_merged: OnMerged = _unused,
        on_level: OnLevel = _unused,
        context: str = "",
        detector: SileroDetector | None = None,
    ) -> None:
        self.track = track
        self.context = context
        self.counts = TrackCounts()
        self._client = client
        self._on_interim = on_interim
        self._on_final = on_final
        self._on_gap = on_gap
        self._on_merged = on_merged
        self._merger = TurnMerger(client=client, context=context, on_turn=self._report_turn)
        self._early = EarlyFinals(client, context)
        self._seeming = InterimText(client, context)
        self._pieces: list[Outcome] = []
        self._levels = LevelReports(client, lambda level: self._reported(on_level(level)))
        self._detector = detector or SileroDetector()
        self._segmenter = Segmenter(self._detector)
        self._timeline = Timeline(self._count_dropped, elapsed_ms)
        self._waiting: deque[Frame] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        # Sound comes all the time while a call goes on, so whoever had some at a tick takes part in the next one.
        self._goes_on = False
        self._ending = False
        self._outcomes: asyncio.Queue[Outcome | None] = asyncio.Queue(MAX_UNFINISHED)
        self._unreported: deque[Outcome] = deque()
        self._handed_out_ms = 0
        self._taken_until_ms = 0
        self._unheard: Gap | None = None
        self._interim: asyncio.Task[None] | None = None
        self._utterance = 1
        self._shown_utterance = 0
        self._reporting = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def heard_until_ms(self) -> int:
        """Where the sound that has come ends, in stream time."""
        return self._timeline.next_ms

    @property
    def settled_ms(self) -> int:
        """Whatever was said before this has been reported; the stream time up to which this listener owes nothing."""
        return min((outcome.start_ms for outcome in self._unreported), default=self._handed_out_ms)

    def feed(self, mulaw: bytes, timestamp_ms: int, frames: int = 1) -> None:
        """The next frame, of any length, or some that follow one another.

        Never waits: when too much is waiting, the oldest is dropped and counted.
        """
        if self._ending:
            return
        self._begin()
        self.counts.frames += frames
        if len(mulaw) > MAX_WAITING_BYTES:
            self.counts.dropped_frames += frames
            return
        self._take(self._timeline.placed(timestamp_ms, mulaw, frames))
        while self._waiting_bytes > MAX_WAITING_BYTES:
            # The hole that this leaves in the timestamps becomes a gap in the segmenter.
            _, dropped, dropped_frames = self._waiting.popleft()
            self._waiting_bytes -= len(dropped)
            self.counts.dropped_frames += dropped_frames
        self._arrived.set()

    def missed(self, frames: int, until_ms: int) -> None:
        """So many frames were dropped before they came here, the last of which ends there."""
        if self._ending:
            return
        self._begin()
        self.counts.frames += frames
        self.counts.dropped_frames += frames
        begins_ms = self._timeline.next_ms
        for frame in self._timeline.missed(until_ms):
            self._await_tick(frame, begins_ms=begins_ms)
        self._arrived.set()

    def ended(self, at_ms: int) -> None:
        """The stream went on until there, in stream time: where this track had begun and broke off before, the rest is missing."""
        if self._tasks and not self._ending:
            self._take(self._timeline.last())
            if at_ms - self._timeline.next_ms >= CUT_SHORT_MS:
                self._take(self._timeline.ended(at_ms))
            self._arrived.set()

    def _take(self, placed: Iterable[Frame]) -> None:
        for frame in placed:
            self._await_tick(frame, begins_ms=frame[0])

    def _begin(self) -> None:
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._report())]

    def _await_tick(self, frame: Frame, *, begins_ms: int) -> None:
        """begins_ms: of the stream, where this is the first that comes of it."""
        if not self._taken_until_ms and not self._waiting:
            # What is dropped before the first tick must be missing to the segmenter too.
            self._handed_out_ms = begins_ms
            self._segmenter.begin(begins_ms)
        self._waiting.append(frame)
        self._waiting_bytes += len(frame[1])

    def _count_dropped(self, frames: int) -> None:
        self.counts.dropped_frames += frames

    async def flush(self) -> None:
        """The stream has ended: returns when every utterance has been reported. May be called again."""
        self._ending = True
        self._take(self._timeline.last())
        self._arrived.set()
        if self._tasks:
            await asyncio.gather(*self._tasks)
        await self._merger.finish()
        await self._levels.finish()

    async def cancel(self) -> None:
        """Stop at once, without reporting what is unfinished."""
        self._ending = True
        # First, whatever else fails here.
        await self._levels.finish()
        for task in (*self._tasks, *([self._interim] if self._interim else [])):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._early.cancel()
        await self._merger.cancel()
        while not self._outcomes.empty():
            outcome = self._outcomes.get_nowait()
            if outcome is not None and outcome.recognition is not None:
                outcome.recognition.cancel()

    async def _listen(self) -> None:
        while not self._ending or self._waiting:
            if not self._goes_on:
                await self._arrived.wait()
            try:
                events = await hearing().at_next_tick(self._detector, self._listening)
            except Exception as error:
                self._begin_anew(error)
            else:
                if self._goes_on:
                    await self._hand_out(events)
            if self._ending:
                self._arrived.set()
        try:
            events = self._segmenter.finish()
        except Exception as error:
            self._begin_anew(error)
            events = []
        await self._hand_out(events)
        await self._outcomes.put(None)

    def _listening(self) -> Listening:
        """Takes what has come, and begins to listen to it."""
        self._arrived.clear()
        batch = joined(self._waiting)
        self._goes_on = bool(batch)
        self._waiting.clear()
        self._waiting_bytes = 0
        for timestamp_ms, mulaw in batch:
            self._taken_until_ms = max(self._taken_until_ms, timestamp_ms + len(mulaw) // SAMPLES_PER_MS)
        return self._segmented(batch)

    def _begin_anew(self, error: Exception) -> None:
        """Whatever was open, and what has just come, is lost: that much is a gap, as soon as something is heard again."""
        if self._unheard is None:
            log.error("a stretch of sound was not heard", extra={"error_type": type(error).__name__})
        self._unheard = Gap(self._handed_out_ms, max(self._handed_out_ms, self._taken_until_ms))
        self._early.cancel()
        self._detector.reset()
        self._segmenter = Segmenter(self._detector)
        self._segmenter.begin(self._unheard.end_ms)

    async def _hand_out(self, events: list[Event]) -> None:
        unheard, self._unheard = self._unheard, None
        await self._handle([unheard, *events] if unheard is not None else events)
        # Kept here, where no utterance is between the segmenter's thread and the outcomes.
        self._handed_out_ms = self._segmenter.settled_ms

    def _segmented(self, batch: list[tuple[int, bytes]]) -> Listening:
        events: list[Event] = []
        for timestamp_ms, mulaw in batch:
            events += yield from self._segmenter.feeding(decode_mulaw(mulaw), timestamp_ms)
        return events

    async def _handle(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, InterimDue):
                self._seeming.due(event, self._utterance)
                if self._interim is None or self._interim.done():
                    self._interim = asyncio.create_task(self._show_interim(event, self._utterance))
                else:
                    self.counts.dropped_interims += 1
            elif isinstance(event, SpeechPaused):
                self._early.paused(event)
            elif isinstance(event, SpeechEnded):
                recognition = self._early.ended(event)
                outcome = Outcome(event.start_ms, event.end_ms, self._utterance, event.audio_start_ms, recognition)
                self._utterance += 1
                self._pieces = [*self._pieces[-MAX_UNFINISHED:], outcome]
                await self._await_report(outcome)
            elif isinstance(event, TurnEnded):
                self._merger.merge(event, self._pieces_of(event))
            elif isinstance(event, Gap):
                await self._await_report(Outcome(event.start_ms, event.end_ms))

    def _pieces_of(self, turn: TurnEnded) -> list[Piece]:
        """The outcomes of the turn's utterances; those before them belong to no turn any more."""
        within = [piece for piece in self._pieces if turn.start_ms <= piece.start_ms and piece.end_ms <= turn.end_ms]
        self._pieces = [piece for piece in self._pieces if piece.start_ms >= turn.end_ms]
        return [Piece(piece.start_ms, piece.reported) for piece in within]

    async def _await_report(self, outcome: Outcome) -> None:
        self._unreported.append(outcome)
        await self._outcomes.put(outcome)

    async def _show_interim(self, due: InterimDue, utterance: int) -> None:
        try:
            async with asyncio.timeout(INTERIM_FRESH_S):
                text = await self._seeming.text(due.pcm)
                await self._reported_before(utterance)
        except (DomainError, TimeoutError):
            self.counts.dropped_interims += 1
            return
        async with self._reporting:
            if not text or utterance != self._utterance:
                return
            self.counts.interims += 1
            self._shown_utterance = utterance
            await self._reported(self._on_interim(text, due.start_ms, due.end_ms))

    async def _reported_before(self, utterance: int) -> None:
        """A page shows one unsettled line of a speaker, so what is not settled yet would vanish for the next one."""
        before = [outcome.reported for outcome in self._unreported if outcome.utterance < utterance]
        if before:
            await asyncio.wait(before)

    async def _report(self) -> None:
        while (outcome := await self._outcomes.get()) is not None:
            recognition = await self._recognition(outcome)
            async with self._reporting:
                await self._reported(self._report_of(outcome, recognition))
            self._unreported.popleft()
            outcome.reported.set_result(recognition)
        if self._interim is not None:
            self._interim.cancel()

    async def _report_turn(self, recognition: Recognition, turn: TurnEnded, finals_ms: list[int]) -> None:
        placed = in_stream_time(recognition, turn)
        async with self._reporting:
            await self._reported(self._on_merged(placed, turn.start_ms, turn.end_ms, finals_ms))

    async def _recognition(self, outcome: Outcome) -> Recognition | None:
        if outcome.recognition is None:
            return None
        try:
            return await outcome.recognition
        except DomainError as error:
            self.counts.failed_finals += 1
            log.warning("an utterance was not recognised", extra={"code": error.code})
        except Exception as error:
            # Who asks for the next utterance must not be gone.
            self.counts.failed_finals += 1
            log.error("an utterance was not recognised", extra={"error_type": type(error).__name__})
        return None

    async def _report_of(self, outcome: Outcome, recognition: Recognition | None) -> None:
        if recognition is None:
            await self._on_gap(outcome.start_ms, outcome.end_ms)
        elif recognition.text:
            self.counts.finals += 1
            placed = in_stream_time(recognition, outcome)
            await self._on_final(placed, outcome.start_ms, outcome.end_ms)
        elif self._shown_utterance == outcome.utterance:
            await self._on_interim("", outcome.start_ms, outcome.end_ms)

    async def _reported(self, report: Awaitable[None]) -> None:
        try:
            await report
        except Exception as error:
            # Whoever listens decides what its own failure means; the rest of the call must still be heard.
            log.error("a report of recognised speech failed", extra={"error_type": type(error).__name__})
