"""The supervisor's side of one recogniser process: start it, feed it, and start it again when it dies."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from dataclasses import dataclass

import msgspec

from ai.listening.jobs import Job, JobQueue
from ai.listening.transcriber import ModelUnusable, RecognitionFailed
from ai.listening.wire import Answer, BrokenFraming, packed, read_frame
from ai.listening.worker import HEARS_AGAIN, LIMIT_S

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
LOADING_LIMIT_S = 120.0
EXIT_LIMIT_S = 5.0
# Dead so often in a row while it loads, with none that ever was ready: what it needs is not there, as the memory for a large model.
LOADING_DEATHS_MAX = 4
PAUSE_BEFORE_RESTART_S = 0.2
LONGEST_PAUSE_S = 10.0
# More threads in a recogniser are no faster than one, and would starve its neighbours.
SINGLE_THREADED = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_LOST = (asyncio.IncompleteReadError, ConnectionError, TimeoutError, BrokenFraming, msgspec.DecodeError)


@dataclass(slots=True)
class Proved:
    """What of the recognisers that share it has ever loaded its models.

    some: any of them. all: one that hears merged turns, which loads every model that there is.
    """

    some: bool = False
    all: bool = False


class Recogniser:
    """Keeps one worker process alive and works off the queue with it, until cancelled."""

    def __init__(self, jobs: JobQueue, *, merges: bool = True, proved: Proved | None = None) -> None:
        """merges: whether it works on merged turns, which takes longest, and more memory for a second pass.

        proved: shared by those that have the same models to load.
        """
        self._jobs = jobs
        self._proved = proved or Proved()
        self._deaths = 0
        self._merges = merges
        self._process: asyncio.subprocess.Process | None = None
        self.ready = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def run(self) -> None:
        """:raises ModelUnusable: when the models cannot be loaded, so that starting again would not help."""
        pause_s = PAUSE_BEFORE_RESTART_S
        try:
            while True:
                if await self._start():
                    pause_s = PAUSE_BEFORE_RESTART_S
                    await self._work()
                self.ready.clear()
                await self._stop()
                log.warning("recogniser ended, starting it again", extra={"pause_s": pause_s})
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
        finally:
            self.ready.clear()
            await self._stop()

    async def _start(self) -> bool:
        """Whether the process has loaded its models."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "ai.listening.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **SINGLE_THREADED, HEARS_AGAIN: "yes" if self._merges else ""},
        )
        try:
            begun = await asyncio.wait_for(self._answer(), LOADING_LIMIT_S)
        except _LOST as lost:
            code = await self._exit_code()
            if code is not None:
                self._note_death(code)
            elif isinstance(lost, TimeoutError):
                self._note_unusable(
                    f"A recogniser has not loaded its models within {LOADING_LIMIT_S:.0f} s. Take smaller models, or a faster "
                    "machine or disk. See docs/models.md.",
                    is_final=not self._proved.some,
                )
            return False
        if begun.refusal is not None:
            # What has been loaded here before can be again: a disk fails for a moment, or the operator brings another model.
            self._note_unusable(begun.refusal.message, is_final=not self._is_proved)
            return False
        self._deaths = 0
        if begun.has_smaller_model:
            self._jobs.allow_smaller_model()
        self.ready.set()
        self._proved.some = True
        self._proved.all = self._proved.all or self._merges
        return True

    @property
    def _is_proved(self) -> bool:
        """Whether its models can be loaded here, by what has been seen."""
        return self._proved.all if self._merges else self._proved.some

    def _note_death(self, code: int) -> None:
        self._deaths += 1
        if self._deaths >= LOADING_DEATHS_MAX:
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            self._note_unusable(
                f"A recogniser died {self._deaths} times while it loaded its models ({how}). Is there enough memory for them? "
                "Take smaller models, or fewer recognisers (TRANSCRIBER_WORKERS). See docs/models.md.",
                is_final=not self._proved.some,
            )

    def _note_unusable(self, reason: str, *, is_final: bool) -> None:
        """Those that work go on, though one cannot: speech is understood without it, if later.

        :raises ModelUnusable: when it is final.
        """
        if is_final:
            raise ModelUnusable(reason)
        log.error("recogniser cannot start, it is tried again", extra={"reason": reason})

    async def _work(self) -> None:
        """Jobs, one after the other, until the process dies. The job on which it dies is done again by another."""
        loop = asyncio.get_running_loop()
        while True:
            job = await self._next_job()
            if job is None:
                return
            job.attempts += 1
            queued_ms, began_s = job.waited_ms, loop.time()
            try:
                answer = await asyncio.wait_for(self._recognised(job), LIMIT_S[job.request.kind])
            except _LOST:
                await self._give_back(job)
                return
            except asyncio.CancelledError:
                await self._give_back(job)
                raise
            self._jobs.worked(job.request.kind, loop.time() - began_s)
            if not job.answer.done():
                job.answer.set_result(msgspec.structs.replace(answer, queued_ms=queued_ms))

    async def _next_job(self) -> Job | None:
        """The next job, or None when the process died while it had nothing to do."""
        assert self._process is not None
        waiting = asyncio.create_task(self._jobs.get(merges=self._merges))
        ended = asyncio.create_task(self._process.wait())
        try:
            await asyncio.wait({waiting, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                return waiting.result()
            if waiting.done():
                await self._jobs.put_back(waiting.result())
            return None
        finally:
            waiting.cancel()
            ended.cancel()

    async def _give_back(self, job: Job) -> None:
        if job.attempts >= MAX_ATTEMPTS:
            job.refuse(RecognitionFailed("The recognisers failed over this speech each time. It has no text."))
        elif not job.answer.done():
            await self._jobs.put_back(job)

    async def _recognised(self, job: Job) -> Answer:
        assert self._process is not None and self._process.stdin is not None
        kind = job.request.kind
        request = msgspec.structs.replace(
            job.request,
            thrifty=self._jobs.is_thrifty(kind),
            smaller_model=self._jobs.wants_smaller_model(kind),
        )
        self._process.stdin.write(packed(request, job.pcm))
        await self._process.stdin.drain()
        return await self._answer()

    async def _answer(self) -> Answer:
        assert self._process is not None and self._process.stdout is not None
        header, _ = await read_frame(self._process.stdout)
        return msgspec.json.decode(header, type=Answer)

    async def _exit_code(self) -> int | None:
        """How a process ended that has closed its output; None when it hangs there."""
        assert self._process is not None
        try:
            return await asyncio.wait_for(self._process.wait(), EXIT_LIMIT_S)
        except TimeoutError:
            return None

    async def _stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
