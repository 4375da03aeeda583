"""The asking side of the transcriber, for one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from ai.listening.address import parse_address
from ai.listening.jobs import INTERIM_FRESH_S
from ai.listening.load import DELAYED
from ai.listening.transcriber import (
    EarlySkipped,
    InterimDropped,
    Kind,
    MergeSkipped,
    Recognition,
    RecognitionFailed,
    SpeechRefused,
    TextTooLate,
    TranscriberOverloaded,
    TranscriberUnavailable,
)
from ai.listening.wire import Answer, BrokenFraming, Request, packed, read_frame
from processors.errors import DomainError

log = logging.getLogger(__name__)

MAX_UNANSWERED_BYTES = 64 * 1024 * 1024
FINAL_PATIENCE_S = 30.0
MERGED_PATIENCE_S = 15.0
INTERIM_PATIENCE_S = INTERIM_FRESH_S
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0
OVERLOAD_PAUSE_S = 0.5
READY_PAUSE_S = 0.1
CONNECT_WITHIN_S = 3.0
# Sent and not yet taken by the other side: at least half of so much nobody waits for any more.
MAX_UNSENT_BYTES = 2 * MAX_UNANSWERED_BYTES
# However late its texts are, a transcriber answers a ping at once. One that has said nothing at all for so many looks in a row, though
# something is expected of it, hangs or is cut off; early enough for a final to be asked for again within its patience.
LOOK_EVERY_S = 2.0
SILENT_LOOKS_MAX = 5

_REFUSALS: dict[str, type[DomainError]] = {
    kind.code: kind
    for kind in (
        EarlySkipped,
        InterimDropped,
        MergeSkipped,
        TranscriberOverloaded,
        TranscriberUnavailable,
        RecognitionFailed,
        SpeechRefused,
        TextTooLate,
    )
}


@dataclass(slots=True)
class _Asked:
    """gives_up_s: when nobody waits for it any more, by the event loop's clock; None for a ping."""

    request: Request
    pcm: bytes
    gives_up_s: float | None
    answer: asyncio.Future[Answer] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def frame(self) -> bytes:
        """As it is sent now."""
        if self.gives_up_s is None:
            return packed(self.request, self.pcm)
        left_s = self.gives_up_s - asyncio.get_running_loop().time()
        # 0 would say nothing.
        return packed(msgspec.structs.replace(self.request, patience_ms=max(1, round(left_s * 1_000))), self.pcm)


class TranscriberClient:
    """Sends speech to the transcriber over one connection.

    When the transcriber dies, or falls silent, what it has not answered is sent again as soon as it is back, within each one's
    patience.
    """

    def __init__(
        self,
        address: str,
        *,
        final_patience_s: float = FINAL_PATIENCE_S,
        interim_patience_s: float = INTERIM_PATIENCE_S,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        """:raises ValueError: when the address is neither unix:///path nor tcp://host:port."""
        self._address = parse_address(address)
        self._patience_s: dict[Kind, float] = {
            "final": final_patience_s,
            "interim": interim_patience_s,
            "merged": MERGED_PATIENCE_S,
        }
        self._look_every_s = look_every_s
        self._ids = itertools.count(1)
        self._asked: dict[int, _Asked] = {}
        self._unanswered_bytes = 0
        self._writer: asyncio.StreamWriter | None = None
        self._connection: asyncio.Task[None] | None = None
        self._answers = 0
        self._level = 0
        self._watchers: list[Callable[[int], None]] = []

    @property
    def level(self) -> int:
        """What the transcriber leaves out for lack of time, as far as is known here; see ai.listening.load."""
        return self._level

    def watch(self, on_level: Callable[[int], None]) -> None:
        """Be told of each change of the level."""
        self._watchers.append(on_level)

    def unwatch(self, on_level: Callable[[int], None]) -> None:
        """Be told no more; nothing happens to whoever did not watch."""
        self._watchers = [one for one in self._watchers if one != on_level]

    def _set_level(self, level: int) -> None:
        if level != self._level:
            self._level = level
            for watcher in list(self._watchers):
                watcher(level)

    async def transcribe(self, pcm: bytes, kind: Kind, context: str = "", *, early_ms: int = 0) -> Recognition:
        """Recognise signed 16-bit little-endian mono at 8 kHz.

        early_ms: of a final whose utterance may be over in so many milliseconds; it goes after those that are over.

        :raises TranscriberUnavailable: no answer within the patience; nothing will come any more.
        :raises TranscriberOverloaded: too much speech is waiting (a final that is not early: for all its patience; others:
            at once).
        :raises EarlySkipped: the recognisers have no time for a final that may not be wanted.
        :raises InterimDropped: the interim result came too late to be of use.
        :raises MergeSkipped: the recognisers have no time to hear the turn again.
        :raises TextTooLate: so much was waiting that this speech was given up.
        :raises SpeechRefused: the audio is not acceptable (too long, not whole samples).
        :raises RecognitionFailed: the engines die over this speech.
        """
        gives_up_s = asyncio.get_running_loop().time() + self._patience_s[kind]
        try:
            async with asyncio.timeout_at(gives_up_s):
                while True:
                    try:
                        request = Request(
                            id=next(self._ids), op="transcribe", kind=kind, context=context, early_ms=early_ms
                        )
                        answer = await self._ask(request, pcm, gives_up_s)
                    except TranscriberOverloaded:
                        if kind != "final" or early_ms:
                            raise
                        await asyncio.sleep(OVERLOAD_PAUSE_S)
                    else:
                        break
        except TimeoutError:
            raise TranscriberUnavailable("The transcriber gave no answer in time. Is it running?") from None
        if answer.recognition is None:
            raise TranscriberUnavailable("The transcriber answered without a recognition.")
        return answer.recognition

    async def ping(self, timeout_s: float = 5.0) -> int:
        """How many recognisers have loaded their models; waits for the first.

        :raises TranscriberUnavailable: when none is ready in time.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    if workers := (await self._ask(self._ping())).workers:
                        return workers
                    await asyncio.sleep(READY_PAUSE_S)
        except TimeoutError:
            raise TranscriberUnavailable("The transcriber is not ready.") from None

    async def close(self) -> None:
        """Give up whatever is unanswered and close the connection."""
        if self._connection is not None:
            self._connection.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connection
        for asked in self._asked.values():
            asked.answer.cancel()

    async def _ask(self, request: Request, pcm: bytes = b"", gives_up_s: float | None = None) -> Answer:
        if self._unanswered_bytes + len(pcm) > MAX_UNANSWERED_BYTES:
            raise TranscriberOverloaded("Too much speech is waiting for the transcriber.")
        asked = _Asked(request, pcm, gives_up_s)
        self._asked[request.id] = asked
        self._unanswered_bytes += len(pcm)
        try:
            if self._connection is None or self._connection.done():
                self._connection = asyncio.create_task(self._stay_connected())
            elif self._writer is not None:
                self._send(self._writer, asked.frame())
            answer = await asked.answer
        finally:
            del self._asked[request.id]
            self._unanswered_bytes -= len(pcm)
        if answer.refusal is not None:
            raise _REFUSALS.get(answer.refusal.code, TranscriberUnavailable)(answer.refusal.message)
        return answer

    def _send(self, writer: asyncio.StreamWriter, frame: bytes) -> None:
        writer.write(frame)
        if writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            # Most of it nobody waits for any more; what somebody does is sent again over a new connection.
            log.warning("the transcriber takes nothing")
            writer.transport.abort()

    def _ping(self) -> Request:
        return Request(id=next(self._ids), op="ping")

    async def _stay_connected(self) -> None:
        """Connect, send what is unanswered, hand out answers; again after a loss, for as long as somebody waits for an answer, or
        has been told that something is left out and is to hear when that is over.

        Whoever takes the connection and answers nothing is come back to as slowly as one that is not there.
        """
        pause_s = FIRST_PAUSE_S
        while True:
            answers = self._answers
            try:
                reader, writer = await self._opened()
            except OSError:
                if self._asked:
                    self._set_level(DELAYED)
            else:
                await self._exchange(reader, writer)
            if self._answers > answers:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            if not self._asked and not (self._level and self._watchers):
                # Whoever comes next must not take the last one's want of time for its own.
                self._set_level(0)
                return

    async def _opened(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        async with asyncio.timeout(CONNECT_WITHIN_S):
            if self._address.path:
                return await asyncio.open_unix_connection(self._address.path)
            return await asyncio.open_connection(self._address.host, self._address.port)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for asked in self._asked.values():
            writer.write(asked.frame())
        self._writer = writer
        watching = asyncio.create_task(self._watch_for_silence(writer))
        try:
            while True:
                header, _ = await read_frame(reader)
                answer = msgspec.json.decode(header, type=Answer)
                self._answers += 1
                self._set_level(answer.level)
                found = self._asked.get(answer.id)
                if found is not None and not found.answer.done():
                    found.answer.set_result(answer)
        except (asyncio.IncompleteReadError, OSError, BrokenFraming, msgspec.DecodeError):
            log.warning("connection to the transcriber lost")
        finally:
            self._writer = None
            watching.cancel()
            # Whatever is still unsent would wait for a peer that takes nothing.
            writer.transport.abort()
            if self._asked:
                # Until it is back, whatever is said becomes text late.
                self._set_level(DELAYED)

    async def _watch_for_silence(self, writer: asyncio.StreamWriter) -> None:
        """Looks are counted, not seconds: a process that was stopped for a while finds the answers when it goes on."""
        silent_looks = 0
        answers = self._answers
        while silent_looks < SILENT_LOOKS_MAX:
            await asyncio.sleep(self._look_every_s)
            expects = bool(self._asked) or self._level > 0
            silent_looks = silent_looks + 1 if expects and self._answers == answers else 0
            answers = self._answers
            if expects:
                # Where nobody asks anything, it says that nothing is left out any more.
                self._send(writer, packed(self._ping()))
        log.warning("the transcriber says nothing")
        writer.transport.abort()
