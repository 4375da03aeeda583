"""For as long as more speech comes than the recognisers can take, they go on writing what they can.

Planted bugs that this catches: speech that waits unread before the clock by which it is given up; work for somebody who has given up,
or who will have when it is done; a connection that is not read, nor answered, because much waits on it.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from ai.listening import jobs, server
from ai.listening.address import parse_address
from ai.listening.client import TranscriberClient
from ai.listening.server import TranscriberServer
from ai.listening.transcriber import TranscriberOverloaded
from ai.listening.wire import Answer, Request, packed, read_frame
from processors.errors import DomainError

PATIENCE_S = 0.7
WORK_S = 0.02
LASTS_S = 3.0
# What lies between asking and being read, on a busy machine.
ON_THE_WAY_S = 0.2
# In the place of the product's own: writes down what it begins to work on, and when, and hears "yes" in all of it.
WORKER = """
import json, struct, sys, time

def part():
    length = sys.stdin.buffer.read(4)
    if not length:
        sys.exit()
    return sys.stdin.buffer.read(*struct.unpack(">I", length))

def say(**answer):
    header = json.dumps(answer).encode()
    sys.stdout.buffer.write(struct.pack(">I", len(header)) + header + bytes(4))
    sys.stdout.buffer.flush()

work_s = float(open("work_s").read())
say(id=0, workers=1)
with open("begun", "a", buffering=1) as begun:
    while True:
        request, (number, *_) = json.loads(part()), struct.unpack(">I316x", part())
        begun.write(f"{number} {time.monotonic()}\\n")
        time.sleep(work_s)
        say(id=request["id"], recognition={"text": "yes", "words": [], "confidence": 0.9})
"""


def _speech(number: int) -> bytes:
    return struct.pack(">I316x", number)


@asynccontextmanager
async def _transcriber(folder: Path, monkeypatch: pytest.MonkeyPatch, *, work_s: float) -> AsyncIterator[str]:
    """One recogniser, which takes that long for anything. Its address."""
    package = folder / "ai" / "listening"
    package.mkdir(parents=True)
    for module in (package.parent / "__init__.py", package / "__init__.py"):
        module.touch()
    (package / "worker.py").write_text(WORKER)
    (folder / "work_s").write_text(str(work_s))
    (folder / "begun").touch()
    # Recognisers are started as a module that Python finds here first.
    monkeypatch.chdir(folder)
    address = f"unix://{folder}/s"
    serving = asyncio.create_task(TranscriberServer(workers=1).serve(parse_address(address)))
    client = TranscriberClient(address)
    try:
        await client.ping(10)
        await client.close()
        yield address
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def test_it_does_what_it_can_for_those_who_still_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    asked_s: dict[int, float] = {}
    answered_s: dict[int, float] = {}

    async def ask(number: int) -> None:
        asked_s[number] = loop.time()
        with suppress(DomainError):
            await client.transcribe(_speech(number), "final")
            answered_s[number] = loop.time()

    async with _transcriber(tmp_path, monkeypatch, work_s=WORK_S) as address:
        client = TranscriberClient(address, final_patience_s=PATIENCE_S)
        over_s = loop.time() + LASTS_S
        asking: list[asyncio.Task[None]] = []
        while loop.time() < over_s:
            asking.append(asyncio.create_task(ask(len(asking))))
            await asyncio.sleep(WORK_S / 4)
        await asyncio.gather(*asking)
        await client.close()

    lines = [line.split() for line in (tmp_path / "begun").read_text().splitlines()]
    begun_s = {int(number): float(at_s) for number, at_s in lines}
    assert [number for number, at_s in begun_s.items() if at_s > asked_s[number] + PATIENCE_S + ON_THE_WAY_S] == []
    at_the_end = [number for number, at_s in begun_s.items() if over_s - 1 < at_s < over_s]
    assert len(asked_s) > 1.5 * len(begun_s)
    assert len(answered_s.keys() & set(at_the_end)) > 0.7 * len(at_the_end) > 0


async def _answers(address: str, requests: list[Request]) -> list[Answer]:
    """What is answered until the last of them is."""
    reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix://"))
    for request in requests:
        writer.write(packed(request, b"" if request.op == "ping" else _speech(request.id)))
    answers: list[Answer] = []
    async with asyncio.timeout(5):
        while not answers or answers[-1].id != requests[-1].id:
            header, _ = await read_frame(reader)
            answers.append(msgspec.json.decode(header, type=Answer))
    writer.close()
    return answers


@pytest.mark.parametrize(("bound", "most"), [("MAX_UNANSWERED", 8), ("MAX_WAITING_BYTES", 8 * len(_speech(0)))])
async def test_whom_it_has_no_room_for_is_told_so_at_once_and_also_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(server if bound == "MAX_UNANSWERED" else jobs, bound, most)
    asked = [Request(id=number, op="transcribe") for number in range(1, 13)]
    async with _transcriber(tmp_path, monkeypatch, work_s=600) as address:
        *refused, ping = await _answers(address, [*asked, Request(id=13, op="ping")])
    assert (ping.id, ping.refusal) == (13, None)
    # A recogniser may have taken one already, which does not wait any more.
    assert [answer.id for answer in refused] in (list(range(9, 13)), list(range(10, 13)))
    assert {answer.refusal and answer.refusal.code for answer in refused} == {TranscriberOverloaded.code}


async def test_one_whose_patience_ends_before_it_could_be_done_is_not_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever does not say how long they wait are heard."""
    patience_ms = {1: 0, 2: 1, 3: 5_000}
    asked = [Request(id=number, op="transcribe", patience_ms=left) for number, left in patience_ms.items()]
    async with _transcriber(tmp_path, monkeypatch, work_s=0.1) as address:
        answers = {answer.id: answer for answer in await _answers(address, asked)}
    assert {number for number, answer in answers.items() if answer.recognition} == {1, 3}
    assert answers[2].refusal is not None
    assert answers[2].refusal.code == "text_too_late"
