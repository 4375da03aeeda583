"""Speech that waits for a recogniser: finals first, interim results only while they are fresh, never without bound."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from ai.listening.transcriber import InterimDropped, TranscriberOverloaded
from ai.listening.wire import Answer, Request

MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_WAITING_INTERIMS = 64
INTERIM_FRESH_S = 1.0


def _now_s() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True, eq=False)
class Job:
    """One stretch of speech and the promise of its answer. attempts: recognisers that were started on it."""

    request: Request
    pcm: bytes
    answer: asyncio.Future[Answer]
    submitted_s: float = field(default_factory=_now_s)
    attempts: int = 0

    @property
    def waited_ms(self) -> int:
        return round((_now_s() - self.submitted_s) * 1_000)

    def refuse(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class JobQueue:
    """A bounded queue in two classes. Lives on one event loop."""

    def __init__(self) -> None:
        self._finals: deque[Job] = deque()
        self._interims: deque[Job] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Condition()

    async def put(self, job: Job) -> None:
        """:raises TranscriberOverloaded: when the speech that waits already fills its memory."""
        if self._waiting_bytes + len(job.pcm) > MAX_WAITING_BYTES:
            raise TranscriberOverloaded("Too much speech is waiting to be recognised. Try again in a moment.")
        if job.request.kind == "interim":
            if len(self._interims) >= MAX_WAITING_INTERIMS:
                oldest = self._taken(self._interims)
                oldest.refuse(InterimDropped("Too many interim results were waiting."))
            self._interims.append(job)
        else:
            self._finals.append(job)
        self._waiting_bytes += len(job.pcm)
        async with self._arrived:
            self._arrived.notify()

    async def put_back(self, job: Job) -> None:
        """A recogniser died over the job: the next free one takes it before all others."""
        (self._interims if job.request.kind == "interim" else self._finals).appendleft(job)
        self._waiting_bytes += len(job.pcm)
        async with self._arrived:
            self._arrived.notify()

    async def get(self) -> Job:
        """The next job whose asker still waits for it."""
        while True:
            async with self._arrived:
                while not self._finals and not self._interims:
                    await self._arrived.wait()
            job = self._taken(self._finals or self._interims)
            if job.answer.done():
                continue
            if job.request.kind == "interim" and _now_s() - job.submitted_s > INTERIM_FRESH_S:
                job.refuse(InterimDropped("Newer speech has followed before this was recognised."))
                continue
            return job

    def _taken(self, jobs: deque[Job]) -> Job:
        job = jobs.popleft()
        self._waiting_bytes -= len(job.pcm)
        return job
