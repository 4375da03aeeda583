"""What others do while somebody is erased: calls are written down, the carrier tells news of calls, pages of live calls are read."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final
from uuid import UUID

import aiohttp

from bench.calling_load import Carrier, Post, story
from bench.calling_rows import Seat, Taken

# Of each kind, a second.
PER_S: Final = {"segment": 20.0, "callback": 8.0, "read": 10.0}
# Each keeps a connection to the database.
_WRITERS: Final = ThreadPoolExecutor(4)


@dataclass(slots=True)
class Others:
    """Live calls of other workspaces. told: calls whose story the carrier has not told yet. waited_ms: from when each act was due
    until it was done. refused: how many were not taken, because the machine was too busy."""

    url: str
    cookie: str
    carrier: Carrier
    spoken: Sequence[UUID]
    told: Sequence[Taken]
    waited_ms: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in PER_S})
    refused: int = 0

    def work(self, until: Callable[[], bool]) -> dict[str, list[float]]:
        asyncio.run(self._work(until))
        return self.waited_ms

    async def _work(self, until: Callable[[], bool]) -> None:
        stories = [[post for post, _ in story(call)] for call in self.told]
        posts = list(chain.from_iterable(stories))
        connector = aiohttp.TCPConnector(limit=32)
        loop = asyncio.get_running_loop()
        async with aiohttp.ClientSession(connector=connector) as session:

            async def segment(number: int) -> None:
                await loop.run_in_executor(_WRITERS, _say, self.spoken[number % len(self.spoken)], number)

            async def callback(number: int) -> None:
                await self._post(session, posts[number % len(posts)])

            async def read(number: int) -> None:
                path = f"{self.url}/api/calls/{self.spoken[number % len(self.spoken)]}"
                async with session.get(path, headers={"Cookie": self.cookie}) as answer:
                    await answer.read()
                    self.refused += answer.status != 200

            acts = {"segment": segment, "callback": callback, "read": read}
            await asyncio.gather(*(self._steadily(kind, act, until) for kind, act in acts.items()))

    async def _steadily(self, kind: str, act: Callable[[int], Awaitable[None]], until: Callable[[], bool]) -> None:
        began, number, under_way = time.perf_counter(), 0, []

        async def one(number: int, due: float) -> None:
            await act(number)
            self.waited_ms[kind].append((time.perf_counter() - due) * 1_000)

        while not until():
            due = began + number / PER_S[kind]
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            under_way.append(asyncio.create_task(one(number, due)))
            number += 1
        await asyncio.gather(*under_way)

    async def _post(self, session: aiohttp.ClientSession, post: Post) -> None:
        url, body, headers = self.carrier.signed(post)
        async with session.post(url, data=body, headers=headers) as answer:
            self.refused += answer.status != 204


def _say(call_id: UUID, number: int) -> None:
    from voice.heard import Heard
    from voice.transcripts import add_segment

    said = Heard("callee", number * 100, number * 100 + 90, f"what others say goes on, sentence {number}")
    add_segment(call_id=call_id, heard=said, now=datetime.now(UTC))


def live_calls(workspace_id: UUID, seat: Seat, number: int) -> list[UUID]:
    """Answered calls of a workspace that are written down."""
    from bench.calling_rows import taken
    from voice.models import Call

    ids = [each.call_id for each in taken(workspace_id, number)]
    now = datetime.now(UTC)
    Call.objects.get_queryset().filter(id__in=ids).update(
        status="in_progress", transcript_state="on", answered_at=now, media_started_at=now
    )
    return ids


def never_asked_about(call_ids: Sequence[UUID]) -> None:
    """The carrier knows nothing of these calls: after a minute the product would end them and understand what was said in them, in the
    midst of whatever is measured then."""
    from voice.models import Call

    Call.objects.get_queryset().filter(id__in=call_ids).update(reconciled_at=datetime.now(UTC) + timedelta(days=1))


def p95(found: Any) -> float:
    ordered = sorted(found)
    return float(ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)])
