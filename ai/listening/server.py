"""The transcriber process: recognisers behind one socket. `python -m ai.listening.server`

Speech comes in, words go out; nothing is written to disk and no text reaches the log. Settings, from the environment:
TRANSCRIBER_ADDRESS  unix:///path or tcp://host:port (a private network only: whoever reaches it may use it)
TRANSCRIBER_WORKERS  recogniser processes; by default one for each processor
WHISPER_MODEL_PATH, MOONSHINE_MODEL_PATH  a model folder in place of the packaged one
SECOND_PASS_MODEL_PATH  the same for the second pass over doubtful turns; "none" for no second pass
LOG_LEVEL  INFO by default
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import msgspec
from pythonjsonlogger.json import JsonFormatter

from ai.listening.address import Address, parse_address
from ai.listening.jobs import Job, JobQueue
from ai.listening.recogniser import Proved, Recogniser
from ai.listening.transcriber import ModelUnusable, TranscriberOverloaded
from ai.listening.wire import Answer, BrokenFraming, Refusal, RequestRefused, packed, read_frame, request_of
from ai.listening.worker import EXIT_UNUSABLE
from processors import guard
from processors.errors import DomainError

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
# On one connection. What is asked beyond that is refused at once, as is what does not fit into JobQueue's memory: a connection that is
# not read would keep speech from the clock by which it is given up, until all of it comes too late.
MAX_UNANSWERED = 4_096
# Of so many recognisers one hears merged turns; the others are there for new speech at any moment.
MERGING_EVERY = 4


class TranscriberServer:
    """Accepts connections and gives their speech to the recognisers."""

    def __init__(self, workers: int) -> None:
        self._jobs = JobQueue()
        self._proved = Proved()
        self.recognisers = [
            Recogniser(self._jobs, merges=number % MERGING_EVERY == 0, proved=self._proved) for number in range(workers)
        ]
        self._connections: set[asyncio.StreamWriter] = set()

    async def serve(self, address: Address) -> None:
        """Serve until cancelled.

        :raises ModelUnusable: when the recognisers cannot load their models.
        """
        if address.path:
            server = await asyncio.start_unix_server(self._connected, sock=_private_socket(address.path))
        else:
            server = await asyncio.start_server(self._connected, address.host, address.port)
        try:
            await asyncio.gather(*(recogniser.run() for recogniser in self.recognisers))
        finally:
            server.close()
            for connection in self._connections:
                connection.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MAX_CONNECTIONS:
            log.warning("connection refused, too many are open")
            writer.close()
            return
        self._connections.add(writer)
        unanswered: dict[asyncio.Task[None], asyncio.Future[Answer]] = {}
        try:
            while True:
                request, answer = await self._taken(*await read_frame(reader), full=len(unanswered) >= MAX_UNANSWERED)
                if isinstance(answer, Answer):
                    await self._write(writer, answer)
                    continue
                task = asyncio.create_task(self._answer(writer, request, answer))
                unanswered[task] = answer
                task.add_done_callback(unanswered.pop)
        except BrokenFraming as error:
            log.warning("connection closed, its bytes are not our format", extra={"reason": str(error)})
        except (asyncio.IncompleteReadError, ConnectionError):
            log.debug("connection ended")
        finally:
            self._connections.discard(writer)
            for task, answer in unanswered.items():
                # Nobody shall work for an asker that has gone.
                answer.cancel()
                task.cancel()
            writer.close()

    async def _taken(self, header: bytes, payload: bytes, *, full: bool) -> tuple[int, Answer | asyncio.Future[Answer]]:
        """Which request it is, and its answer or the promise of one. full: nothing more is taken in that has to wait.

        :raises BrokenFraming: when it is no request.
        """
        try:
            request = request_of(header, payload)
        except RequestRefused as error:
            return error.request_id, _refused(error.request_id, error)
        if request.op == "ping":
            # At once, also while none has loaded its models: the asker must know that we live.
            ready = sum(one.ready.is_set() for one in self.recognisers)
            return request.id, Answer(id=request.id, workers=ready, is_proved=self._proved.all)
        job = Job(request, payload, asyncio.get_running_loop().create_future())
        try:
            if full:
                raise TranscriberOverloaded("Too much is asked on this connection. Try again in a moment.")
            await self._jobs.put(job)
        except DomainError as error:
            return request.id, _refused(request.id, error)
        return request.id, job.answer

    async def _answer(self, writer: asyncio.StreamWriter, request_id: int, promised: asyncio.Future[Answer]) -> None:
        try:
            answer = await promised
        except DomainError as error:
            answer = _refused(request_id, error)
        await self._write(writer, answer)

    async def _write(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        try:
            writer.write(packed(msgspec.structs.replace(answer, level=self._jobs.level)))
            await writer.drain()
        except ConnectionError:
            log.debug("the asker has gone")


def _refused(request_id: int, error: DomainError) -> Answer:
    return Answer(id=request_id, refusal=Refusal(error.code, error.message))


def _private_socket(path: str) -> socket.socket:
    """A listening socket that only our own user may open. One that a killed transcriber left behind is replaced."""
    Path(path).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(path)
        Path(path).chmod(0o600)
    except OSError:
        listening.close()
        raise
    return listening


async def _serve_until_signalled(address: Address, workers: int) -> None:
    serving = asyncio.ensure_future(TranscriberServer(workers).serve(address))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        log.info("transcriber stopped")


def _workers(given: str) -> int:
    """How many recognisers. :raises ValueError: when no number was given, but something else."""
    given = given.strip()
    if given and not given.isdecimal():
        raise ValueError(f"TRANSCRIBER_WORKERS is {given!r}; set it to a number of processes, or to nothing.")
    return int(given or len(os.sched_getaffinity(0)))


def main() -> int:
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter("{asctime}{levelname}{name}{message}", style="{"))
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "INFO"), handlers=[handler])
    # Speech leaves this process as words on its own socket, and on no other way.
    guard.enclose()
    try:
        address = parse_address(os.environ.get("TRANSCRIBER_ADDRESS", ""))
        workers = _workers(os.environ.get("TRANSCRIBER_WORKERS", ""))
    except ValueError as error:
        log.error("transcriber cannot start", extra={"reason": str(error)})
        return EXIT_UNUSABLE
    try:
        asyncio.run(_serve_until_signalled(address, max(1, workers)))
    except ModelUnusable as error:
        log.error("transcriber cannot start", extra={"reason": error.message})
        return EXIT_UNUSABLE
    finally:
        if address.path:
            Path(address.path).unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
