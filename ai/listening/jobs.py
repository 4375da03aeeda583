"""Speech that waits for a recogniser: finals first, in the order in which they are needed, the rest only while it is of use,
never without bound."""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from dataclasses import dataclass, field
from operator import attrgetter

from ai.listening.load import NO_INTERIMS, NOTHING_EARLY, SMALLER_MODEL, THRIFTY, LoadGauge
from ai.listening.transcriber import (
    EarlySkipped,
    InterimDropped,
    Kind,
    MergeSkipped,
    TextTooLate,
    TranscriberOverloaded,
)
from ai.listening.wire import Answer, Request

MAX_WAITING_BYTES = 64 * 1024 * 1024
MAX_WAITING_INTERIMS = 64
MAX_WAITING_MERGES = 32
INTERIM_FRESH_S = 1.0
MERGE_WORTH_S = 10.0
# Longer than recognisers take to start again, shorter than the patience of whoever asks.
FINAL_LATEST_S = 25.0
# What one job takes differs: so many times what the last ones took has to be left, or the answer may come when nobody waits any more.
WORK_LEFT = 2.0
# But never more than that of its patience, so that one which has not waited is done, and tells what the next ones take.
MOST_LEFT = 0.25
# How much the newest one counts in what the last ones took.
NEWEST_COUNTS = 0.2


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
    def due_s(self) -> float:
        """When somebody begins to wait for it."""
        return self.submitted_s + self.request.early_ms / 1_000

    @property
    def gives_up_s(self) -> float:
        """When nobody waits for it any more."""
        patience_ms = self.request.patience_ms
        return self.submitted_s + patience_ms / 1_000 if patience_ms else math.inf

    def has_left(self, now_s: float, work_s: float) -> bool:
        """Whether somebody still waits when that much work has been done."""
        patience_s = self.gives_up_s - self.submitted_s
        return now_s + min(work_s, MOST_LEFT * patience_s) < self.gives_up_s

    @property
    def waited_ms(self) -> int:
        return round((_now_s() - self.submitted_s) * 1_000)

    def refuse(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class JobQueue:
    """A bounded queue in three classes: finals, then interim results, then merged turns. Lives on one event loop.

    A merged turn keeps a recogniser busy for longest and is wanted least, so only some of the recognisers work on
    merged turns at all, and none while anything else waits.
    """

    def __init__(self) -> None:
        self._waiting: dict[Kind, list[Job]] = {"final": [], "interim": [], "merged": []}
        self._waiting_bytes = 0
        self._work_s: dict[Kind, float] = {"final": 0.0, "interim": 0.0, "merged": 0.0}
        self._arrived = asyncio.Condition()
        self._gauge = LoadGauge()

    @property
    def level(self) -> int:
        """How much is left out at the moment; see LoadGauge."""
        now_s = _now_s()
        if self._waiting["final"]:
            self._gauge.waited(now_s - self._waiting["final"][0].due_s, now_s)
        return self._gauge.level(now_s)

    def is_thrifty(self, kind: Kind) -> bool:
        """Whether a job is better done soon than well. Finals: while much waits; merged turns: while anything is going on."""
        if kind != "merged":
            return self.level >= THRIFTY
        now_s = _now_s()
        return any(self._waiting[other] for other in ("final", "interim")) or not self._gauge.idle(now_s)

    def allow_smaller_model(self) -> None:
        """See LoadGauge.allow_smaller_model."""
        self._gauge.allow_smaller_model()

    def wants_smaller_model(self, kind: Kind) -> bool:
        """Whether a job is for the smaller model: finals, while a cheaper search is not cheap enough."""
        return kind == "final" and self.level >= SMALLER_MODEL

    def worked(self, kind: Kind, took_s: float) -> None:
        """A recogniser has answered a job after so long."""
        self._work_s[kind] += NEWEST_COUNTS * (took_s - self._work_s[kind])

    async def put(self, job: Job) -> None:
        """:raises TranscriberOverloaded: when the speech that waits already fills its memory."""
        if self._waiting_bytes + len(job.pcm) > MAX_WAITING_BYTES:
            raise TranscriberOverloaded("Too much speech is waiting to be recognised. Try again in a moment.")
        self._check_worth(job.request)
        await self.put_back(job)

    async def put_back(self, job: Job) -> None:
        """As `put`, for a job that was taken before: a recogniser died over it, and it keeps its place."""
        insort(self._waiting[job.request.kind], job, key=attrgetter("due_s"))
        self._waiting_bytes += len(job.pcm)
        # All of them: the one that wakes first may not take this kind.
        async with self._arrived:
            self._arrived.notify_all()

    async def get(self, *, merges: bool) -> Job:
        """The next job whose asker still waits for it. merges: whether merged turns are wanted too."""
        while True:
            async with self._arrived:
                while (job := self._next(merges)) is None:
                    await self._arrived.wait()
            if job.answer.done() or self._refused_as_stale(job):
                continue
            return job

    def _next(self, merges: bool) -> Job | None:
        for kind in ("final", "interim"):
            if self._waiting[kind]:
                return self._taken(self._waiting[kind])
        if merges and self._waiting["merged"]:
            return self._taken(self._waiting["merged"])
        return None

    def _check_worth(self, request: Request) -> None:
        """Among interim results the oldest is worth least; among merged turns the newest has the longest to wait.

        :raises InterimDropped: :raises EarlySkipped: :raises MergeSkipped: when the recognisers have enough to do.
        """
        waiting = self._waiting[request.kind]
        match request.kind:
            case "final":
                if request.early_ms and self.level >= NOTHING_EARLY:
                    raise EarlySkipped("The recognisers have no time for what may not be wanted.")
            case "interim":
                if self.level >= NO_INTERIMS:
                    raise InterimDropped("The recognisers have no time for interim text.")
                if len(waiting) >= MAX_WAITING_INTERIMS:
                    self._taken(waiting).refuse(InterimDropped("Too many interim results were waiting."))
            case "merged":
                if self.level >= THRIFTY or len(waiting) >= MAX_WAITING_MERGES:
                    raise MergeSkipped("The recognisers have no time to hear turns again.")

    def _refused_as_stale(self, job: Job) -> bool:
        """Whether an answer would come too late; a final's wait is noted, since it says how far behind we are."""
        now_s = _now_s()
        waited_s = now_s - job.due_s
        kind = job.request.kind
        too_late = not job.has_left(now_s, WORK_LEFT * self._work_s[kind])
        match kind:
            case "final":
                self._gauge.waited(waited_s, now_s)
                if too_late or waited_s > FINAL_LATEST_S:
                    job.refuse(TextTooLate("Too much speech was waiting; this has no text."))
            case "interim":
                if too_late or waited_s > INTERIM_FRESH_S or self.level >= NO_INTERIMS:
                    job.refuse(InterimDropped("Newer speech has followed before this was recognised."))
            case "merged":
                if too_late or waited_s > MERGE_WORTH_S or self.level >= THRIFTY:
                    job.refuse(MergeSkipped("The recognisers had no time to hear this turn again."))
        return job.answer.done()

    def _taken(self, jobs: list[Job]) -> Job:
        job = jobs.pop(0)
        self._waiting_bytes -= len(job.pcm)
        return job
