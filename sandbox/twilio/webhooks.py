"""Signed requests from Twilio to the product: the connection overrides, the retries and the faults."""

import asyncio
import contextlib
import uuid
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
from yarl import URL

from sandbox.faults import Fault, Faults
from sandbox.signing import twilio_signature
from sandbox.store import Store

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BODY_BYTES = 1_048_576
# How long the next event of a call waits for the one before it: in order when all is well, never held up for long.
IN_ORDER_WITHIN_S = 2.0
REORDER_WITHIN_MS = 3_000


@dataclass(frozen=True, slots=True)
class Overrides:
    """The URL fragment `#rc=2&rp=5xx,ct&ct=5000&rt=15000`; by default one retry, when no connection can be made."""

    retries: int = 1
    policies: frozenset[str] = frozenset({"ct"})
    connect_ms: int = 5_000
    read_ms: int = 15_000
    total_ms: int = 15_000

    def retries_after(self, outcome: str) -> bool:
        family = f"{outcome[0]}xx" if outcome.isdigit() else outcome
        return "all" in self.policies or family in self.policies


def split_overrides(url: str) -> tuple[str, Overrides]:
    """The URL as it is requested and signed, and what its fragment asked for."""
    bare, _, fragment = url.partition("#")
    asked = dict(parse_qsl(fragment))
    plain = Overrides()
    policies = frozenset(asked["rp"].split(",")) if "rp" in asked else plain.policies
    return bare, Overrides(
        retries=min(5, _whole(asked.get("rc"), plain.retries)),
        policies=policies,
        connect_ms=min(10_000, _whole(asked.get("ct"), plain.connect_ms)),
        read_ms=min(15_000, _whole(asked.get("rt"), plain.read_ms)),
        total_ms=min(15_000, _whole(asked.get("tt"), plain.total_ms)),
    )


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdigit() else default


@dataclass(frozen=True, slots=True)
class Reply:
    """outcome: the HTTP status as text, or "ct" (no connection), "rt" (no answer in time), "refused"."""

    outcome: str
    body: bytes = b""
    content_type: str = ""

    @property
    def is_success(self) -> bool:
        return self.outcome.isdigit() and 200 <= int(self.outcome) < 300


class TwilioWebhooks:
    """The only way in which the sandbox's Twilio talks to the product over HTTP."""

    def __init__(self, store: Store, faults: Faults, auth_token: str) -> None:
        self._store = store
        self._faults = faults
        self._auth_token = auth_token
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._latest: dict[str, asyncio.Task[None]] = {}
        self._held: list[asyncio.Event] = []

    async def drop_pending(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        await self.drop_pending()
        if self._session is not None:
            await self._session.close()

    async def request(self, url: str, method: str, params: Mapping[str, str], *, service: str, event: str) -> Reply:
        """One webhook whose answer matters (TwiML), retried as its URL asks."""
        return await self._with_retries(url, method, params, service, event, fault=None)

    def notify(self, url: str, method: str, params: Mapping[str, str], *, service: str, event: str) -> None:
        """One webhook whose answer does not matter; the events of one call are sent in order when all is well."""
        if self._faults.strike("twilio.callbacks", params, "drop") is not None:
            self._note(service, event, params, url, "dropped", 0)
            return
        fault = self._faults.strike("twilio.callbacks", params, *_SENDING_FAULTS)
        subject = params.get("CallSid", "")
        if fault is not None and fault.kind == "reorder":
            self._start(self._after_the_next(fault, url, method, params, service, event))
            return
        if fault is not None and fault.kind == "delay":
            self._start(self._late(fault, url, method, params, service, event))
            return
        copies = 1 + max(1, fault.value) if fault is not None and fault.kind == "duplicate" else 1
        for _ in range(copies):
            previous = self._latest.get(subject)
            task = self._start(self._in_order(previous, fault, url, method, params, service, event))
            self._latest[subject] = task

    async def _in_order(
        self,
        previous: asyncio.Task[None] | None,
        fault: Fault | None,
        url: str,
        method: str,
        params: Mapping[str, str],
        service: str,
        event: str,
    ) -> None:
        if previous is not None:
            await asyncio.wait([previous], timeout=IN_ORDER_WITHIN_S)
        await self._with_retries(url, method, params, service, event, fault=fault)
        self._release_held()

    async def _after_the_next(
        self, fault: Fault, url: str, method: str, params: Mapping[str, str], service: str, event: str
    ) -> None:
        """Held back until another callback has gone out, or for `value` ms when none comes."""
        released = asyncio.Event()
        self._held.append(released)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(released.wait(), (fault.value or REORDER_WITHIN_MS) / 1_000)
        await self._with_retries(url, method, params, service, event, fault=None)

    def _release_held(self) -> None:
        for released in self._held:
            released.set()
        self._held.clear()

    async def _late(
        self, fault: Fault, url: str, method: str, params: Mapping[str, str], service: str, event: str
    ) -> None:
        await asyncio.sleep(fault.value / 1_000)
        await self._with_retries(url, method, params, service, event, fault=None)

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._latest = {subject: latest for subject, latest in self._latest.items() if latest is not task}

    async def _with_retries(
        self, url: str, method: str, params: Mapping[str, str], service: str, event: str, *, fault: Fault | None
    ) -> Reply:
        bare, overrides = split_overrides(url)
        if urlsplit(bare).hostname not in LOOPBACK:
            self._store.alert(11200, "The sandbox talks to this machine only", params.get("CallSid", ""))
            self._note(service, event, params, bare, "refused", 0)
            return Reply("refused")
        # The token is the same on every retry; that is how a receiver knows one.
        token = str(uuid.uuid4())
        reply = Reply("ct")
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + overrides.total_ms / 1_000
        for attempt in range(overrides.retries + 1):
            reply = await self._once(bare, method, params, overrides, token, broken=_is(fault, "error"))
            if attempt == 0 and _is(fault, "timeout_after_accept"):
                # The product has the event, but its answer was lost, so Twilio sends it once more.
                self._note(service, event, params, bare, "rt", attempt)
                reply = await self._once(bare, method, params, overrides, token, broken=False)
            self._note(service, event, params, bare, reply.outcome, attempt)
            if reply.is_success or not overrides.retries_after(reply.outcome) or loop.time() >= ends_s:
                break
        if not reply.is_success and service == "twilio.callbacks":
            self._store.alert(11200, f"Status callback failed: {reply.outcome}", params.get("CallSid", ""))
        return reply

    async def _once(
        self, url: str, method: str, params: Mapping[str, str], overrides: Overrides, token: str, *, broken: bool
    ) -> Reply:
        form = dict(params)
        if method == "GET":
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(form)}"
            form = {}
        headers = {
            "X-Twilio-Signature": "broken" if broken else twilio_signature(self._auth_token, url, form),
            "I-Twilio-Idempotency-Token": token,
            "X-Home-Region": "us1",
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
        }
        timeout = aiohttp.ClientTimeout(
            sock_connect=overrides.connect_ms / 1_000,
            sock_read=overrides.read_ms / 1_000,
            total=overrides.total_ms / 1_000,
        )
        try:
            async with self._client().request(
                method,
                URL(url, encoded=True),
                data=form if method == "POST" else None,
                headers=headers,
                timeout=timeout,
                allow_redirects=method == "GET",
            ) as response:
                body = await response.content.read(MAX_BODY_BYTES)
                return Reply(str(response.status), body, response.content_type)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError):
            return Reply("ct")
        except (TimeoutError, aiohttp.ClientError):
            return Reply("rt")

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self._session

    def _note(self, service: str, event: str, params: Mapping[str, str], url: str, outcome: str, attempt: int) -> None:
        subject = params.get("CallSid", "")
        self._store.delivered(service=service, event=event, subject=subject, url=url, outcome=outcome, attempt=attempt)


_SENDING_FAULTS = ("delay", "duplicate", "reorder", "error", "timeout_after_accept")


def _is(fault: Fault | None, kind: str) -> bool:
    return fault is not None and fault.kind == kind
