"""Paddle's notifications: signed, delivered at least once, retried for long, in no promised order."""

import asyncio
import contextlib
import json
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from sandbox import clock, ids
from sandbox.clock import Clock
from sandbox.faults import Fault, Faults
from sandbox.signing import paddle_signature
from sandbox.store import Store
from sandbox.twilio.webhooks import LOOPBACK

ANSWER_WITHIN_S = 5.0
# Paddle retries 60 times over three days, often at first; here the first hour of it.
RETRY_AFTER_S = (2, 5, 10, 30, 60, 120, 300, 600, 1_200, 1_200)
REORDER_WITHIN_MS = 3_000


class Notifications:
    """Posts events to one destination. url: "" posts nothing, and says so in the log of deliveries."""

    def __init__(self, *, store: Store, faults: Faults, pace: Clock, url: str, secret: str) -> None:
        self._store = store
        self._faults = faults
        self._pace = pace
        self._url = url
        self._secret = secret
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[asyncio.Event] = []

    def send(self, event_type: str, data: dict[str, Any]) -> None:
        """One event: a delivery of it, or what a fault makes of it."""
        event = {
            "event_id": ids.paddle_id("evt"),
            "event_type": event_type,
            "occurred_at": clock.iso_micros(clock.now()),
            "data": data,
        }
        self._store.events.append(event)
        fields = {"event_type": event_type, "id": str(data["id"])}
        if self._faults.strike("paddle.webhooks", fields, "drop") is not None:
            self._note(event, "dropped", 0)
            return
        kinds = ("delay", "duplicate", "reorder", "error", "timeout_after_accept")
        fault = self._faults.strike("paddle.webhooks", fields, *kinds)
        copies = 1 + max(1, fault.value) if fault is not None and fault.kind == "duplicate" else 1
        for _ in range(copies):
            # A replay is a new notification of the same event.
            self._start({**event, "notification_id": ids.paddle_id("ntf")}, fault)

    def resume(self) -> None:
        """What an earlier process could not deliver."""
        for event in list(self._store.unanswered.values()):
            self._start(event, None)

    def _start(self, event: dict[str, Any], fault: Fault | None) -> None:
        self._store.unanswered[event["notification_id"]] = event
        task = asyncio.create_task(self._deliver(event, fault))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drop_pending(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _deliver(self, event: dict[str, Any], fault: Fault | None) -> None:
        if fault is not None and fault.kind == "delay":
            await asyncio.sleep(fault.value / 1_000)
        if fault is not None and fault.kind == "reorder":
            released = asyncio.Event()
            self._held.append(released)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(released.wait(), (fault.value or REORDER_WITHIN_MS) / 1_000)
        for attempt, retry_after_s in enumerate((*RETRY_AFTER_S, None)):
            broken = attempt == 0 and fault is not None and fault.kind == "error"
            outcome = await self._post(event, broken=broken)
            if attempt == 0 and fault is not None and fault.kind == "timeout_after_accept":
                outcome = "timeout"
            self._note(event, outcome, attempt)
            if fault is None or fault.kind != "reorder":
                self._release_held()
            if outcome == "200" or outcome == "refused" or retry_after_s is None:
                self._store.unanswered.pop(event["notification_id"], None)
                return
            await self._pace.wait(retry_after_s)

    def _release_held(self) -> None:
        for released in self._held:
            released.set()
        self._held.clear()

    async def _post(self, event: dict[str, Any], *, broken: bool) -> str:
        """The HTTP status as text, or a word for what happened instead."""
        if urlsplit(self._url).hostname not in LOOPBACK:
            return "refused"
        body = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        secret = "another secret" if broken else self._secret
        headers = {
            "Content-Type": "application/json",
            "Paddle-Signature": paddle_signature(secret, body, timestamp_s=int(time.time())),
            "User-Agent": "Paddle",
        }
        try:
            timeout = aiohttp.ClientTimeout(total=ANSWER_WITHIN_S)
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, data=body, headers=headers, allow_redirects=False) as response,
            ):
                return str(response.status)
        except TimeoutError:
            return "timeout"
        except (aiohttp.ClientError, OSError):
            return "no connection"

    def _note(self, event: dict[str, Any], outcome: str, attempt: int) -> None:
        self._store.delivered(
            service="paddle.webhooks",
            event=event["event_type"],
            subject=event["data"]["id"],
            url=self._url,
            outcome=outcome,
            attempt=attempt,
        )
