"""The rest of the machine while the recognisers have more to do than they can: how long a page waits for its answer."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import aiohttp

from ai.listening.client import TranscriberClient
from bench.calls import Line, Seat
from bench.figures import quantiles
from bench.report import say
from processors.errors import DomainError

ROUNDS = 5
ROUND_S = 6.0
ASKED_EVERY_S = 0.03
# Of a few seconds each, at every moment: several times what two recognisers are busy with.
OUTSTANDING = 24
# Until every recogniser has begun, and until they have nothing left to do.
SETTLED_AFTER_S = 1.0
COUNTING = "import os\nos.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile True: pass"


def others(line: Line, seat: Seat, address: str, pcm: bytes, rounds: int = ROUNDS) -> dict[str, Any]:
    """How long a signed-in page's first question takes: alone, beside overloaded recognisers, and beside processes that only
    count, as many as there are cores, at the kernel's lowest priority; in turns.

    address: of the transcriber. pcm: an utterance.
    """
    return asyncio.run(_others(line, seat, address, pcm, rounds))


async def _others(line: Line, seat: Seat, address: str, pcm: bytes, rounds: int) -> dict[str, Any]:
    waited_ms: dict[str, list[float]] = {"quiet": [], "overloaded": [], "counting": []}
    levels: set[int] = set()
    async with aiohttp.ClientSession(headers={"Cookie": seat.cookie}) as http:
        url = f"http://localhost:{line.web_port}/api/session"
        for _ in range(rounds):
            waited_ms["quiet"] += await _asked(http, url)
            async with _overloaded(address, pcm) as client:
                waited_ms["overloaded"] += await _asked(http, url)
                levels.add(client.level)
            with _counting():
                waited_ms["counting"] += await _asked(http, url)
    found = {name: quantiles(waits, digits=2) for name, waits in waited_ms.items()}
    say(f"listening: a page beside overloaded recognisers: {found}, level {max(levels)}")
    return {
        "page_ms": found,
        "asked": {name: len(waits) for name, waits in waited_ms.items()},
        "level": max(levels),
        "ratio": _ratio(found, "overloaded"),
        "ratio_beside_counting": _ratio(found, "counting"),
    }


def _ratio(found: dict[str, dict[str, float]], name: str) -> float:
    return round(found[name]["p95"] / found["quiet"]["p95"], 3)


async def _asked(http: aiohttp.ClientSession, url: str) -> list[float]:
    await asyncio.sleep(SETTLED_AFTER_S)
    waits = []
    ends_s = time.perf_counter() + ROUND_S
    while (began_s := time.perf_counter()) < ends_s:
        async with http.get(url) as answer:
            await answer.read()
            answer.raise_for_status()
        waits.append((time.perf_counter() - began_s) * 1_000)
        await asyncio.sleep(max(0.0, began_s + ASKED_EVERY_S - time.perf_counter()))
    return waits


@asynccontextmanager
async def _overloaded(address: str, pcm: bytes) -> AsyncIterator[TranscriberClient]:
    """Finals without an end; whoever waits for one too long is refused, and asks again."""
    client = TranscriberClient(address)

    async def asks() -> None:
        while True:
            with suppress(DomainError):
                await client.transcribe(pcm, "final")

    asking = [asyncio.create_task(asks()) for _ in range(OUTSTANDING)]
    try:
        yield client
    finally:
        for one in asking:
            one.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await client.close()


@contextmanager
def _counting() -> Iterator[None]:
    from subprocess import Popen

    counting = [Popen([sys.executable, "-c", COUNTING]) for _ in os.sched_getaffinity(0)]
    try:
        yield
    finally:
        for one in counting:
            one.kill()
            one.wait()
