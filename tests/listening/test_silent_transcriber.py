"""A transcriber that hangs, takes nothing or is cut off without a word; and one that has been busy, of which nobody asks anything.

Planted bugs that this catches: a connection that is read for ever, one that is left although its texts are only late, speech that
nobody waits for and that piles up before a transcriber which takes nothing, a shortage that is told until somebody speaks again, or
that the next call finds; a transcriber that says only with its first recogniser that it lives; one that takes each connection and
closes it, connected to without a pause; speech that is sent again as if it had just been said.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from ai.listening import client as asking
from ai.listening.address import parse_address
from ai.listening.client import TranscriberClient
from ai.listening.load import DELAYED
from ai.listening.server import TranscriberServer
from ai.listening.transcriber import TranscriberUnavailable
from ai.listening.wire import Answer, Request, packed, read_frame, request_of
from tests.listening.answering import says

LOOK_S = 0.05
SPEECH = b"\x00" * 16_000
Answering = Callable[[int, str], Awaitable[Answer | None]]


class Side:
    """The transcriber's side of each connection, in their order. answers(number, op): of which connection what is asked; None for
    no answer."""

    def __init__(self, answers: Answering) -> None:
        self._answers = answers
        self._open: set[asyncio.StreamWriter] = set()
        self._replies: set[asyncio.Task[None]] = set()
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._open.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                reply = asyncio.create_task(self._reply(writer, number, *await read_frame(reader)))
                self._replies.add(reply)
                reply.add_done_callback(self._replies.discard)
        self._open.discard(writer)
        writer.close()

    def end(self) -> None:
        for connection in self._open:
            connection.transport.abort()

    async def _reply(self, writer: asyncio.StreamWriter, number: int, header: bytes, pcm: bytes) -> None:
        request = request_of(header, pcm)
        answer = await self._answers(number, request.op)
        if answer is not None:
            writer.write(packed(Answer(request.id, answer.recognition, workers=1, level=answer.level)))


@asynccontextmanager
async def answering(path: Path, answers: Answering) -> AsyncIterator[Side]:
    side = Side(answers)
    server = await asyncio.start_unix_server(side.serve, str(path))
    try:
        yield side
    finally:
        server.close()
        side.end()


@asynccontextmanager
async def asker(path: Path, *, look_every_s: float = LOOK_S) -> AsyncIterator[TranscriberClient]:
    client = TranscriberClient(f"unix://{path}", final_patience_s=5, interim_patience_s=0.02, look_every_s=look_every_s)
    try:
        yield client
    finally:
        await client.close()


async def until(condition: Callable[[], bool], within_s: float = 3.0) -> None:
    for _ in range(round(within_s / 0.01)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited in vain")


async def test_a_transcriber_that_says_nothing_any_more_is_left_and_what_it_was_asked_is_heard_by_the_next(
    tmp_path: Path,
) -> None:
    async def answers(number: int, _op: str) -> Answer | None:
        return Answer(0, says("yes")) if number > 1 else None

    async with answering(tmp_path / "s", answers) as side, asker(tmp_path / "s") as client:
        assert (await client.transcribe(SPEECH, "final")).text == "yes"
    assert side.connections == 2


async def test_one_that_closes_each_connection_is_not_asked_again_and_again_without_a_pause(tmp_path: Path) -> None:
    connections = 0

    async def closes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.close()

    async with await asyncio.start_unix_server(closes, str(tmp_path / "s")), asker(tmp_path / "s") as client:
        asked = asyncio.create_task(client.transcribe(SPEECH, "final"))
        await asyncio.sleep(1.5)
        asked.cancel()
    # The pauses are 0.05, 0.1, 0.2 s, and so on.
    assert 2 <= connections <= 6


async def test_what_is_asked_again_says_how_much_patience_is_left(tmp_path: Path) -> None:
    left_ms: list[int] = []

    async def breaks_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = request_of(*await read_frame(reader))
        left_ms.append(request.patience_ms)
        if len(left_ms) == 1:
            await asyncio.sleep(0.3)
        else:
            writer.write(packed(Answer(request.id, says("yes"))))
            await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(breaks_off, str(tmp_path / "s")), asker(tmp_path / "s") as client:
        assert (await client.transcribe(SPEECH, "final")).text == "yes"
    first, again = left_ms
    assert first <= 5_000
    assert 0 < again <= first - 300


async def test_one_whose_texts_are_late_is_not_left_while_it_says_that_it_lives(tmp_path: Path) -> None:
    async def answers(_number: int, op: str) -> Answer:
        if op == "transcribe":
            await asyncio.sleep(4 * asking.SILENT_LOOKS_MAX * LOOK_S)
        return Answer(0, says("late"))

    async with answering(tmp_path / "s", answers) as side, asker(tmp_path / "s") as client:
        assert (await client.transcribe(SPEECH, "final")).text == "late"
    assert side.connections == 1


async def test_a_transcriber_says_that_it_lives_before_any_recogniser_is_ready(tmp_path: Path) -> None:
    address = f"unix://{tmp_path}/s"
    serving = asyncio.create_task(TranscriberServer(workers=1).serve(parse_address(address)))
    try:
        await until((tmp_path / "s").exists)
        reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
        writer.write(packed(Request(id=7, op="ping")))
        async with asyncio.timeout(10):
            header, _ = await read_frame(reader)
        writer.close()
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    answer = msgspec.json.decode(header, type=Answer)
    assert (answer.id, answer.workers) == (7, 0)


async def test_what_a_transcriber_does_not_take_is_not_piled_up_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is soon given up by whoever asked."""
    monkeypatch.setattr(asking, "MAX_UNSENT_BYTES", 1_000_000)
    taken: list[int] = []
    goes_on = asyncio.Event()

    async def takes_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await goes_on.wait()
        taken.append(len(await reader.read()))
        writer.close()

    server = await asyncio.start_unix_server(takes_nothing, str(tmp_path / "s"))
    async with asker(tmp_path / "s", look_every_s=60) as client:
        for _ in range(20):
            with pytest.raises(TranscriberUnavailable):
                await client.transcribe(SPEECH * 10, "interim")
        goes_on.set()
        await until(lambda: bool(taken))
    server.close()
    assert taken[0] < 20 * 10 * len(SPEECH)


async def test_a_shortage_is_over_when_the_transcriber_says_so_though_nobody_asks_for_text(tmp_path: Path) -> None:
    async def answers(_number: int, op: str) -> Answer:
        return Answer(0, says("yes"), level=2 if op == "transcribe" else 0)

    async with answering(tmp_path / "s", answers), asker(tmp_path / "s") as client:
        await client.transcribe(SPEECH, "final")
        assert client.level == 2
        await until(lambda: client.level == 0)


@pytest.mark.parametrize("watched", [True, False])
async def test_text_that_was_late_for_want_of_a_transcriber_is_late_no_more_when_it_is_back_or_nobody_is_left_to_know(
    tmp_path: Path, watched: bool
) -> None:
    told: list[int] = []

    async def nothing(_number: int, _op: str) -> None: ...

    async def all_is_well(_number: int, _op: str) -> Answer:
        return Answer(0)

    async with asker(tmp_path / "s") as client:
        if watched:
            client.watch(told.append)
        async with answering(tmp_path / "s", nothing) as side:
            asked = asyncio.create_task(client.transcribe(SPEECH, "final"))
            await until(lambda: side.connections == 1)
        await until(lambda: client.level == DELAYED)
        asked.cancel()
        if watched:
            await asyncio.sleep(0.2)
            assert client.level == DELAYED
            async with answering(tmp_path / "s", all_is_well):
                await until(lambda: client.level == 0)
            assert told == [DELAYED, 0]
        else:
            await until(lambda: client.level == 0)


async def test_text_is_late_where_no_transcriber_has_been_there_yet_and_late_no_more_when_one_comes(
    tmp_path: Path,
) -> None:
    told: list[int] = []

    async def all_is_well(_number: int, _op: str) -> Answer:
        return Answer(0, says("yes"))

    async with asker(tmp_path / "s") as client:
        client.watch(told.append)
        asked = asyncio.create_task(client.transcribe(SPEECH, "final"))
        await until(lambda: client.level == DELAYED)
        async with answering(tmp_path / "s", all_is_well):
            assert (await asked).text == "yes"
            await until(lambda: client.level == 0)
    assert told == [DELAYED, 0]
