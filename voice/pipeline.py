"""From media frames to stored segments and interim text, per track.

Twilio's `inbound` track of the rep's leg is the agent; `outbound` is the lead and whatever the carrier plays.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError

from ai.listening.client import TranscriberClient
from ai.listening.track import TrackListener
from ai.listening.transcriber import Recognition
from compliance.spoken_cards import redact_spoken_cards
from realtime.publish import Topic, publish_ephemeral
from voice import media_threads, transcripts, whole_turns
from voice.events import SegmentInterim, TranscriptionLevel
from voice.heard import Heard
from voice.keeper import keeper
from voice.reception import Ear
from voice.schemas import Speaker
from voice.stillness import Stillness

logger = logging.getLogger(__name__)

SPEAKER_OF_TRACK: dict[str, Speaker] = {"inbound": "agent", "outbound": "callee"}
AWAY = (OperationalError, InterfaceError)
STORE_RETRY_S = 0.5
# After the socket's end: how long the last words may wait for the recognisers and for a database that is away.
FINISH_WITHIN_S = 60.0
CLOSE_WITHIN_S = 60.0
# Who opens the page later hears of it too.
LEVEL_AGAIN_S = 5.0
# Segments and gaps that wait for the database.
WRITES_MAX = 1_000


@lru_cache(maxsize=1)
def _transcriber() -> TranscriberClient:
    return TranscriberClient(settings.TRANSCRIBER_ADDRESS)


@dataclass(frozen=True, slots=True)
class _Write:
    """Something for the transcript.

    loses: in the call's own time, what nobody can read when it is not stored; None where other text stands for it.
    """

    operation: Callable[..., Any]
    loses: tuple[int, int] | None


def _unheard() -> None:
    """Where nobody wants to know."""


class CallPipeline:
    """One media stream's two tracks. `feed` never waits; what cannot be kept up with becomes a marked gap."""

    def __init__(self, stream: transcripts.OpenStream, *, began_s: float) -> None:
        """began_s: when the stream's time 0 was, by the running event loop's clock."""
        loop = asyncio.get_running_loop()

        def elapsed_ms() -> int:
            return int((loop.time() - began_s) * 1_000)

        self._stream = stream
        self._topic = Topic.call(stream.workspace_id, stream.call_id)
        self.stream_id, self.call_id = stream.stream_id, stream.call_id
        self.permitted = False
        self.left = False
        # In the call's own time, from when on; None until that is asked for.
        self._permitted_from_ms: int | None = None
        self._settled_ms = stream.offset_ms
        self._unstored = 0
        # Called when the carrier or the clock gave this stream up, or another socket took its place.
        self.on_given_up: Callable[[], None] = _unheard
        self._writes: asyncio.Queue[_Write] = asyncio.Queue(WRITES_MAX)
        # What was not stored and is not marked yet; and whether some of that could not be marked either.
        self._lost: tuple[int, int] | None = None
        self._unmarked = False
        self._tracks = {
            track: TrackListener(
                track=speaker,
                client=_transcriber(),
                context=stream.context,
                on_interim=self._interim(speaker),
                on_final=self._final(speaker),
                on_merged=self._merged(speaker),
                on_gap=self._gap,
                elapsed_ms=elapsed_ms,
                on_level=self._leaves_out,
            )
            for track, speaker in SPEAKER_OF_TRACK.items()
        }
        self._stillness = Stillness(self._heard_until_ms, elapsed_ms)
        self._storing = asyncio.create_task(self._store_in_order())
        self._level = 0
        self._telling: asyncio.Task[None] | None = None
        keeper().add(self)

    def feed(self, track: str, mulaw: bytes, timestamp_ms: int) -> None:
        listener = self._tracks.get(track)
        if listener is not None:
            listener.feed(mulaw, timestamp_ms)

    def ears(self) -> tuple[Ear, Ear]:
        return self._tracks["inbound"].feed, self._tracks["outbound"].feed

    def give_up(self) -> None:
        self.on_given_up()

    def missed(self, track: str, frames: int, until_ms: int) -> None:
        self._tracks[track].missed(frames, until_ms)

    async def finish(self, *, complete: bool) -> None:
        """Recognises and stores what was heard last, then closes the stream's row.

        complete: the carrier said that nothing more will come.
        """
        try:
            if complete:
                until_ms = self._stillness.ended_ms()
                for listener in self._tracks.values():
                    listener.ended(until_ms)
                if until_ms and not self._heard_until_ms():
                    # Nothing ever came, so that no track has begun.
                    await self._gap(0, until_ms)
            async with asyncio.timeout(FINISH_WITHIN_S):
                await asyncio.gather(*(listener.flush() for listener in self._tracks.values()))
                await self._writes.join()
            complete = complete and not self._unmarked
        except Exception as error:
            # Whatever it was, what was not heard to its end is marked as a gap.
            logger.error(
                "last words lost",
                extra={"call_id": str(self._stream.call_id), "error_type": type(error).__name__},
            )
            complete = False
            # They would tell a call that is over what the recognisers leave out, for as long as the process lives.
            await asyncio.gather(*(listener.cancel() for listener in self._tracks.values()), return_exceptions=True)
        finally:
            self._stillness.stop()
            keeper().remove(self)
            self._storing.cancel()
            if self._telling is not None:
                self._telling.cancel()
            dropped = sum(listener.counts.dropped_frames for listener in self._tracks.values())
            close = partial(
                transcripts.finish_stream,
                stream_id=self._stream.stream_id,
                dropped_frames=dropped,
                complete=complete,
                settled_ms=self.position_ms(),
            )
            try:
                async with asyncio.timeout(CLOSE_WITHIN_S):
                    await self._until_stored(close)
            except TimeoutError as error:
                logger.error("stream not closed", extra={"error_type": type(error).__name__})

    def _heard_until_ms(self) -> int:
        return max(listener.heard_until_ms for listener in self._tracks.values())

    def position_ms(self) -> int:
        """Up to where everything said is stored, in the call's own time. Never backwards."""
        if not self._unstored and not self._unmarked:
            heard_ms = min(listener.settled_ms for listener in self._tracks.values())
            self._settled_ms = max(self._settled_ms, heard_ms + self._stream.offset_ms)
        return self._settled_ms

    def _interim(self, speaker: Speaker) -> Callable[[str, int, int], Awaitable[None]]:
        async def publish(text: str, start_ms: int, end_ms: int) -> None:
            if not self.permitted or (self.left and speaker == "callee"):
                return
            if not await self._may_be_shown(start_ms + self._stream.offset_ms):
                return
            event = SegmentInterim(
                call_id=self._stream.call_id,
                speaker=speaker,
                text=redact_spoken_cards(text),
                start_ms=start_ms + self._stream.offset_ms,
                end_ms=end_ms + self._stream.offset_ms,
            )
            publish_ephemeral(self._topic, event)

        return publish

    async def _may_be_shown(self, start_ms: int) -> bool:
        """Of a call that is written down, what was begun before the lead had heard the notice is shown no more than kept."""
        if self._permitted_from_ms is None:
            try:
                self._permitted_from_ms = await media_threads.read_to_keep(
                    transcripts.written_from_ms, call_id=self.call_id
                )
            except AWAY:
                return False
        return start_ms >= self._permitted_from_ms

    def _final(self, speaker: Speaker) -> Callable[[Recognition, int, int], Awaitable[None]]:
        async def store(recognition: Recognition, start_ms: int, end_ms: int) -> None:
            heard = self._heard(speaker, recognition, start_ms, end_ms)
            write = partial(transcripts.add_segment, call_id=self.call_id, stream_id=self.stream_id, heard=heard)
            self._enqueue(_Write(write, (heard.start_ms, heard.end_ms)))

        return store

    def _merged(self, speaker: Speaker) -> Callable[[Recognition, int, int, Sequence[int]], Awaitable[None]]:
        async def store(recognition: Recognition, start_ms: int, end_ms: int, finals_ms: Sequence[int]) -> None:
            heard = self._heard(speaker, recognition, start_ms, end_ms)
            pieces_ms = [each_ms + self._stream.offset_ms for each_ms in finals_ms]
            write = partial(
                whole_turns.replace_segments,
                call_id=self.call_id,
                stream_id=self.stream_id,
                heard=heard,
                pieces_ms=pieces_ms,
            )
            # It comes in the place of its utterances, which are stored already.
            self._enqueue(_Write(write, None))

        return store

    def _heard(self, speaker: Speaker, recognition: Recognition, start_ms: int, end_ms: int) -> Heard:
        """In the call's own time."""
        offset_ms = self._stream.offset_ms
        words = [
            replace(word, start_ms=word.start_ms + offset_ms, end_ms=word.end_ms + offset_ms)
            for word in recognition.words
        ]
        return Heard(speaker, start_ms + offset_ms, end_ms + offset_ms, recognition.text, recognition.confidence, words)

    async def _gap(self, start_ms: int, end_ms: int) -> None:
        stretch = start_ms + self._stream.offset_ms, end_ms + self._stream.offset_ms
        self._enqueue(_Write(self._marking(stretch), stretch))

    def _marking(self, stretch: tuple[int, int]) -> Callable[..., Any]:
        start_ms, end_ms = stretch
        return partial(
            transcripts.add_gap,
            call_id=self._stream.call_id,
            stream_id=self._stream.stream_id,
            start_ms=start_ms,
            end_ms=end_ms,
        )

    async def _leaves_out(self, level: int) -> None:
        """Both tracks report, of the same recognisers: told once."""
        if level == self._level:
            return
        self._level = level
        if self._telling is not None:
            self._telling.cancel()
        self._telling = asyncio.create_task(self._tell_level())

    async def _tell_level(self) -> None:
        event = TranscriptionLevel(call_id=self._stream.call_id, level=self._level)
        publish_ephemeral(self._topic, event)
        while event.level > 0:
            await asyncio.sleep(LEVEL_AGAIN_S)
            publish_ephemeral(self._topic, event)

    def _enqueue(self, write: _Write) -> None:
        try:
            self._writes.put_nowait(write)
            self._unstored += 1
        except asyncio.QueueFull:
            logger.error("segment dropped", extra={"call_id": str(self._stream.call_id)})
            self._lose(write)

    def _lose(self, write: _Write) -> None:
        """However much is lost before one write is done, it becomes one gap."""
        if write.loses is not None:
            start_ms, end_ms = self._lost or write.loses
            self._lost = min(start_ms, write.loses[0]), max(end_ms, write.loses[1])

    async def _store_in_order(self) -> None:
        while True:
            write = await self._writes.get()
            try:
                if not await self._stored(write.operation):
                    self._lose(write)
                if self._lost is not None:
                    lost, self._lost = self._lost, None
                    self._unmarked = not await self._stored(self._marking(lost)) or self._unmarked
            finally:
                self._unstored -= 1
                self._writes.task_done()

    async def _stored(self, operation: Callable[..., Any]) -> bool:
        """False for what the database refuses for good, which must not keep back what comes after it."""
        try:
            await self._until_stored(operation)
        except Exception as error:
            logger.error("segment not stored", extra={"error_type": type(error).__name__})
            return False
        return True

    async def _until_stored(self, store: Callable[..., Any]) -> None:
        """Repeats a write until the database, or who holds a row of it, lets it; each is safe to repeat. Ends with its task."""
        while True:
            try:
                await media_threads.write(store, now=datetime.now(UTC))
                return
            except AWAY as error:
                logger.warning("database away", extra={"error_type": type(error).__name__})
                await asyncio.sleep(STORE_RETRY_S)
