"""The carrier's side and the browser's: callbacks at a rate, and what a page's socket gets of them."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final
from uuid import UUID

import aiohttp
from twilio.request_validator import RequestValidator
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from bench.calling_rows import Taken

ANSWER_WITHIN_S: Final = 20.0
# Leg, status, and what the call's page shows then.
NEWS: Final = (
    ("agent", "initiated", ""),
    ("agent", "ringing", "rep_ringing"),
    ("agent", "in-progress", "rep_answered"),
    ("callee", "initiated", "callee_ringing"),
    ("callee", "ringing", ""),
    ("callee", "in-progress", "in_progress"),
    ("callee", "completed", "completed"),
    ("agent", "completed", ""),
)

Post = tuple[str, dict[str, str]]


class Carrier:
    """Posts signed callbacks as Twilio does, over connections that stay open."""

    def __init__(self, *, web_url: str, public_url: str, auth_token: str) -> None:
        self._web_url, self._public_url = web_url, public_url
        self._validator = RequestValidator(auth_token)

    def signed(self, post: Post) -> tuple[str, bytes, dict[str, str]]:
        path, fields = post
        body = aiohttp.FormData(fields)()
        signature = self._validator.compute_signature(self._public_url + path, fields)
        headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
        return self._web_url + path, bytes(body._value), headers

    async def at_rate(self, posts: Sequence[Post], *, per_s: float) -> list[tuple[float, float]]:
        """When each was due, and when it was acknowledged; from due on, so that a server that is behind is not spared."""
        ready = [self.signed(post) for post in posts]
        connector = aiohttp.TCPConnector(limit=64)
        async with aiohttp.ClientSession(connector=connector) as session:
            began = time.perf_counter() + 0.2

            async def one(number: int) -> tuple[float, float]:
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                await self._post(session, ready[number])
                return due, time.perf_counter()

            return list(await asyncio.gather(*(one(number) for number in range(len(ready)))))

    async def one_by_one(self, posts: Sequence[tuple[Post, str]], page: "Page", call_id: UUID) -> list[float]:
        """Milliseconds from each callback until the page shows its status; those without one are not waited for."""
        found = []
        async with aiohttp.ClientSession() as session:
            for post, status in posts:
                ready = self.signed(post)
                began = time.perf_counter()
                posting = asyncio.create_task(self._post(session, ready))
                if status:
                    found.append((await page.shows(call_id, status) - began) * 1_000)
                await posting
        return found

    @staticmethod
    async def _post(session: aiohttp.ClientSession, ready: tuple[str, bytes, dict[str, str]]) -> None:
        url, body, headers = ready
        async with session.post(url, data=body, headers=headers) as response:
            assert response.status == 204, (response.status, await response.text())


class Page:
    """A browser's socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @staticmethod
    def opened(*, live_url: str, origin: str, cookie: str) -> Any:
        return connect(f"{live_url}/ws/", origin=Origin(origin), additional_headers={"Cookie": cookie})

    async def ready(self) -> None:
        while json.loads(await self._socket.recv())["event"]["type"] != "ready":
            pass

    async def follow_team(self) -> None:
        await self._socket.send(json.dumps({"action": "follow_team"}))

    async def note(self, seen: dict[tuple[str, str], float]) -> None:
        """When the news of each call and status came first; runs until cancelled."""
        async for frame in self._socket:
            came = time.perf_counter()
            if call := json.loads(frame)["event"].get("call"):
                seen.setdefault((call["id"], call["status"]), came)

    async def shows(self, call_id: UUID, status: str) -> float:
        """When the news came that the call has this status."""
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                frame = await self._socket.recv()
                came = time.perf_counter()
                event = json.loads(frame)["event"]
                call = event.get("call") or {}
                if call.get("id") == str(call_id) and call.get("status") == status:
                    return came


def story(taken: Taken) -> Iterator[tuple[Post, str]]:
    """A call from its first ring to its end, with what its page shows after each callback."""
    path = f"/twilio/voice/{taken.call_id}/status"
    now = datetime.now(UTC)
    for number, (leg, status, shown) in enumerate(NEWS):
        fields = {
            "CallSid": taken.agent_sid if leg == "agent" else taken.callee_sid,
            "CallStatus": status,
            "SequenceNumber": str(number % 4),
            "Timestamp": format_datetime(now),
            "CallbackSource": "call-progress-events",
            "AccountSid": "AC" + "0" * 32,
            "From": "+12025550147",
            "To": "+13125550100",
        }
        if leg == "callee":
            fields["ParentCallSid"] = taken.agent_sid
        if status == "completed":
            fields["CallDuration"] = "42"
        yield (path, fields), shown
