"""One media socket's conversation, whatever server carries it: start, frames, stop. Parse, hand on, wait for nothing.

The server has checked the carrier's signature on the upgrade; the one-use token of the start message is checked here, and
until it is, no audio is kept and nothing is recognised.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from django.db import InterfaceError, OperationalError

from ai.listening.audio import SAMPLES_PER_MS
from voice import media_threads, scripted_call, transcripts
from voice.media_messages import Media, MessageInvalid, Start, Stop, parse
from voice.pipeline import SPEAKER_OF_TRACK, CallPipeline
from voice.reception import Ear

logger = logging.getLogger(__name__)

START_WITHIN_S: Final = 10.0
# Twilio sends a frame every 20 ms; a socket that is silent for this long, or up to twice as long, is dead.
SILENT_AFTER_S: Final = 30.0
INVALID_MESSAGES_MAX: Final = 20
# What a server had read together with the start message, and delivers before it can be held: five seconds of a call's frames, and
# of messages as large as they may be a few. Thrown away unread when the token is refused.
WAITING_MESSAGES_MAX: Final = 500
WAITING_BYTES_MAX: Final = 256 * 1024
NO_ROOM: Final = "no_room_before_claim"
CLOSE_REFUSED: Final = 4403
CLOSE_MALFORMED: Final = 4400
CLOSE_SILENT: Final = 4408
CLOSE_GIVEN_UP: Final = 4409
CLOSE_TRY_AGAIN: Final = 4503
CLOSE_DONE: Final = 1000

Message = str | bytes


class Hearing(Protocol):
    """Who hears a socket: a call's pipeline, or whoever only counts what a test call brings."""

    on_given_up: Callable[[], None]

    def feed(self, track: str, mulaw: bytes, timestamp_ms: int) -> None: ...

    def ears(self) -> tuple[Ear, Ear]:
        """Of the two tracks, inbound and outbound: who takes their sound without `feed`."""

    def missed(self, track: str, frames: int, until_ms: int) -> None:
        """So many frames came, for which there was no room; the last one ends there."""

    async def finish(self, *, complete: bool) -> None: ...


class MediaSession:
    """Belongs to one event loop and is fed from it.

    close(code): asks the server to end the socket; called once at most, and never after `disconnected`.
    hold(yes): asks the server not to deliver for a moment, while the token is looked up; it may be late in obeying.
    hear(ears): from here on the server may give messages that are nothing but sound to these in place of `receive`; None: no longer.
    heard(): whether it has done so since it was last asked.
    """

    def __init__(
        self,
        *,
        close: Callable[[int], None],
        hold: Callable[[bool], None],
        hear: Callable[[tuple[Ear, Ear] | None], None] = lambda _ears: None,
        heard: Callable[[], bool] = lambda: False,
    ) -> None:
        self._close = close
        self._hold = hold
        self._hear = hear
        self._heard_past = heard
        self._loop = asyncio.get_running_loop()
        self._pipeline: Hearing | None = None
        # The pipeline between the token's acceptance and the end.
        self._hearing: Hearing | None = None
        self._claiming: asyncio.Task[None] | None = None
        self._waiting: list[Message] = []
        self._waiting_bytes = 0
        # Of what came then and had no room: how many frames of each track, where they end, and whether the carrier said stop.
        self._missed: Counter[str] = Counter()
        self._missed_until_ms: dict[str, int] = {}
        self._stopped = False
        # Messages of a stream that runs, by the code of what was wrong with them.
        self._invalid: Counter[str] = Counter()
        self._over = False
        self._heard = False
        self._timer = self._loop.call_later(START_WITHIN_S, self._start_missing)
        self._storing: asyncio.Task[None] | None = None

    def receive(self, message: Message) -> None:
        """The next whole message, in order. Nearly all are sound, a hundred a second for each call."""
        self._heard = True
        pipeline = self._hearing
        if pipeline is None:
            self._receive_unheard(message)
            return
        try:
            said = parse(message)
        except MessageInvalid as error:
            self._count_invalid(error)
            return
        if type(said) is Media:
            media = said.media
            pipeline.feed(media.track, media.payload, media.timestamp)
        elif isinstance(said, Stop):
            self._end(CLOSE_DONE)

    def disconnected(self) -> None:
        """The socket is gone."""
        self._end(None)

    async def stored(self) -> None:
        """Returns when all that was heard is stored, and the stream's row is closed."""
        if self._claiming is not None:
            await asyncio.shield(self._claiming)
        if self._storing is not None:
            await asyncio.shield(self._storing)

    def _receive_unheard(self, message: Message) -> None:
        if self._over:
            return
        if self._claiming is None:
            self._await_start(message)
        elif len(self._waiting) < WAITING_MESSAGES_MAX and self._waiting_bytes + len(message) <= WAITING_BYTES_MAX:
            self._waiting.append(message)
            self._waiting_bytes += len(message)
        else:
            # What comes after it has no room either: all that is heard is in one piece.
            self._waiting_bytes = WAITING_BYTES_MAX
            self._miss(message)

    def _miss(self, message: Message) -> None:
        try:
            said = parse(message)
        except MessageInvalid as error:
            self._count_invalid(error)
            return
        if isinstance(said, Media) and said.media.track in SPEAKER_OF_TRACK:
            media = said.media
            ends_ms = media.timestamp + len(media.payload) // SAMPLES_PER_MS
            self._missed[media.track] += 1
            self._missed_until_ms[media.track] = max(ends_ms, self._missed_until_ms.get(media.track, 0))
        elif isinstance(said, Stop):
            self._stopped = True

    def _await_start(self, message: Message) -> None:
        try:
            start = parse(message)
        except MessageInvalid as error:
            self._refuse(error.code)
            return
        if isinstance(start, Start):
            self._timer.cancel()
            self._hold(True)
            self._claiming = self._loop.create_task(self._claim(start, self._loop.time()))

    def _start_missing(self) -> None:
        self._refuse("start_missing")

    def _refuse(self, code: str) -> None:
        logger.warning("media socket refused", extra={"error_code": code})
        self._end(CLOSE_REFUSED)

    async def _claim(self, start: Start, began_s: float) -> None:
        try:
            self._pipeline = await self._claimed(start, began_s)
        except transcripts.StreamRefused as error:
            self._refuse(error.code)
            return
        except Exception as error:
            kind = {"error_type": type(error).__name__}
            if isinstance(error, OperationalError | InterfaceError):
                logger.warning("database away", extra=kind)
            else:
                logger.error("media stream not claimed", extra=kind)
            # Whatever it was, nobody else lets go of a socket that is held. The token is still unused; the carrier reports the loss,
            # and the stream is started again.
            self._end(CLOSE_TRY_AGAIN)
            return
        if self._over:
            # The socket went while the token was looked up; its stream has to be closed like any other.
            self._finish(complete=False)
            return
        self._timer = self._loop.call_later(SILENT_AFTER_S, self._look_for_silence)
        self._hear_what_waited(self._pipeline)
        self._hold(False)

    def _hear_what_waited(self, pipeline: Hearing) -> None:
        waiting, self._waiting = self._waiting, []
        self._hearing = pipeline
        pipeline.on_given_up = lambda: self._end(CLOSE_GIVEN_UP)
        self._hear(pipeline.ears())
        for message in waiting:
            self.receive(message)
        for track, frames in self._missed.items():
            pipeline.missed(track, frames, self._missed_until_ms[track])
        if self._stopped:
            self._end(CLOSE_DONE)

    async def _claimed(self, start: Start, began_s: float) -> Hearing:
        """Raises StreamRefused. began_s: when the start message came, by the loop's clock."""
        parameters, now = start.start.custom_parameters, datetime.now(UTC)
        if (token := parameters.get("check")) is not None:
            counter: Hearing = await media_threads.claim(scripted_call.claim, token=token, now=now)
            return counter
        stream = await media_threads.claim(
            transcripts.claim_stream,
            token=parameters.get("token", ""),
            stream_sid=start.start.stream_sid,
            call_sid=start.start.call_sid,
            now=now,
        )
        return CallPipeline(stream, began_s=began_s)

    def _count_invalid(self, error: MessageInvalid) -> None:
        self._invalid[error.code] += 1
        if self._invalid.total() > INVALID_MESSAGES_MAX:
            logger.warning("media socket closed", extra={"error_code": error.code})
            self._end(CLOSE_MALFORMED)

    def _look_for_silence(self) -> None:
        if not (self._heard_past() or self._heard):
            self._end(CLOSE_SILENT)
        else:
            self._heard = False
            self._timer = self._loop.call_later(SILENT_AFTER_S, self._look_for_silence)

    def _end(self, code: int | None) -> None:
        """code: to close with; None when the socket is gone already."""
        if self._over:
            return
        self._over = True
        self._hearing = None
        self._hear(None)
        self._waiting.clear()
        self._timer.cancel()
        passed_over = self._invalid + Counter({NO_ROOM: self._missed.total()})
        for error_code, count in passed_over.items():
            logger.warning("media messages passed over", extra={"error_code": error_code, "count": count})
        if self._pipeline is not None:
            # Each would know the other.
            self._pipeline.on_given_up = _over
            self._finish(complete=code == CLOSE_DONE)
        if code is not None:
            # A socket that is held does not hear that the peer has agreed to the end, and would wait for it in vain.
            self._hold(False)
            self._close(code)

    def _finish(self, *, complete: bool) -> None:
        assert self._pipeline is not None
        self._storing = self._loop.create_task(self._pipeline.finish(complete=complete))


def _over() -> None:
    """A stream that has ended is given up no more."""
