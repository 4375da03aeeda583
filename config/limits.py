"""How much one caller, and one address, may ask of a web process: an ASGI application in front of all others.

Token buckets in the process's own memory. A counter in Valkey would count for all processes together, and would cost each read a
round trip, which is more than most reads take; so with several web processes the limits are so many times as wide. They are
there against scripts that take everything, not against people, and leave alone who is on this machine itself.
"""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.http import parse_cookie

from api.auth import key_of
from api.client import address_of, is_this_machine
from api.errors import problem
from config.middleware import program_headers
from identity.access import Client, note_refusal
from identity.models import AccessEvent

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]

# An address may be a whole office.
CALLERS_AT_AN_ADDRESS: Final = 5
# So much may come at once: a minute's worth.
_WINDOW_S: Final = 60.0
BUCKETS_MAX: Final = 20_000
NOTED_EVERY_S: Final = 60.0
# What takes as long as many reads counts as many.
COSTS: Final[dict[tuple[str, str], int]] = {
    ("GET", "/api/privacy/export"): 60,
    ("GET", "/api/my-data/download"): 60,
    ("GET", "/api/credits/statement.csv"): 60,
    ("POST", "/api/leads/import"): 60,
    ("POST", "/api/questions"): 10,
}
# Signed by whoever sends them, and sent by the hundred from a few addresses.
_SIGNED: Final = ("/twilio/", "/paddle/")
_LOOKED_AT: Final = frozenset({b"authorization", b"cookie", b"x-forwarded-for"})
_KEY_CHARACTERS: Final = 43


class Bucket:
    """left: how much may be asked at once, as it was at `at`. noted_at: when a refusal was last written down."""

    __slots__ = ("at", "left", "noted_at")

    def __init__(self, left: float, at: float) -> None:
        self.left, self.at, self.noted_at = left, at, -math.inf


class Buckets:
    """At most twice BUCKETS_MAX of them, whatever strangers make up. A full one is forgotten and begins anew, which gives nobody
    more: whoever asks on is never among those that were not asked for."""

    def __init__(self) -> None:
        self._young: dict[bytes, Bucket] = {}
        self._old: dict[bytes, Bucket] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def of(self, key: bytes, *, full: float, now: float) -> Bucket:
        bucket = self._young.get(key)
        if bucket is None:
            bucket = self._old.pop(key, None) or Bucket(full, now)
            if len(self._young) >= BUCKETS_MAX:
                self._old, self._young = self._young, {}
            self._young[key] = bucket
        return bucket


class Limited:
    """beyond: the application. clock: seconds that only grow."""

    def __init__(self, beyond: Application, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._beyond, self._clock = beyond, clock
        self._buckets = Buckets()
        self._noting: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        a_minute: int = settings.REQUESTS_PER_MINUTE_MAX
        path: str = scope["path"]
        who = _who(scope) if a_minute and not path.startswith(_SIGNED) else None
        if who is None:
            await self._beyond(scope, receive, send)
            return
        address, network, caller = who
        # Where little is allowed, what takes long takes all of it, and is not refused for good.
        now, cost = self._clock(), min(COSTS.get((scope["method"].upper(), path), 1), a_minute)
        refused = self._take(network, cost, a_minute * CALLERS_AT_AN_ADDRESS, now)
        if refused is None and caller:
            refused = self._take(caller, cost, a_minute, now)
        if refused is None:
            await self._beyond(scope, receive, send)
            return
        wait_s, bucket = refused
        if now - bucket.noted_at >= NOTED_EVERY_S:
            bucket.noted_at = now
            self._note(Client(address=address, agent=""))
        await _refuse(send, wait_s)

    def _take(self, key: bytes, cost: int, a_minute: int, now: float) -> tuple[float, Bucket] | None:
        """None when there was enough; else after how many seconds there is."""
        bucket = self._buckets.of(key, full=a_minute, now=now)
        left = min(a_minute, bucket.left + (now - bucket.at) * a_minute / _WINDOW_S)
        bucket.at = now
        if left < cost:
            bucket.left = left
            return (cost - left) * _WINDOW_S / a_minute, bucket
        bucket.left = left - cost
        return None

    def _note(self, client: Client) -> None:
        task = asyncio.get_running_loop().create_task(_written(client))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)


async def _written(client: Client) -> None:
    try:
        note = database_sync_to_async(note_refusal, thread_sensitive=False)
        await note(kind=AccessEvent.THROTTLED, client=client, now=datetime.now(UTC))
    except DatabaseError as error:
        logger.warning("refusal not noted", extra={"error_type": type(error).__name__})


def _who(scope: Scope) -> tuple[str | None, bytes, bytes] | None:
    """The address, under what its network counts, and what the request shows as session or key, empty for nothing; None for who is on
    this machine."""
    shown: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _LOOKED_AT:
            # As Django does with one that comes twice.
            shown[name] = shown[name] + b"," + value if name in shown else value
    peer = (scope.get("client") or ("", 0))[0]
    forwarded = shown[b"x-forwarded-for"].decode("latin-1") if b"x-forwarded-for" in shown else None
    if is_this_machine(peer=peer, forwarded=forwarded):
        return None
    address = address_of(peer=peer, forwarded=forwarded or "")
    return address, _network(address), _caller(shown)


def _caller(shown: dict[bytes, bytes]) -> bytes:
    """As whoever answers will read it, so that nothing made up beside a session or key counts in its place."""
    key = key_of(shown[b"authorization"].decode("latin-1")) if b"authorization" in shown else None
    if not key and b"cookie" in shown:
        cookies = parse_cookie(shown[b"cookie"].decode("latin-1"))
        key = cookies.get(settings.SESSION_COOKIE_NAME) or cookies.get(settings.STAFF_COOKIE_NAME)
    return b"c" + key[-_KEY_CHARACTERS:].encode() if key else b""


@lru_cache(maxsize=4_096)
def _network(address: str | None) -> bytes:
    return b"n" + Client(address=address, agent="").network.encode()


async def _refuse(send: Any, wait_s: float) -> None:
    answer = problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "requests_throttled",
        "Too many requests in a minute. Wait, then go on more slowly.",
    )
    said = {**program_headers(), "Content-Type": answer["Content-Type"], "Retry-After": str(max(1, math.ceil(wait_s)))}
    headers: Iterable[tuple[bytes, bytes]] = [(name.lower().encode(), value.encode()) for name, value in said.items()]
    await send({"type": "http.response.start", "status": answer.status_code, "headers": list(headers)})
    await send({"type": "http.response.body", "body": answer.content})
