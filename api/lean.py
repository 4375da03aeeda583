"""The reads that pages ask for most, answered on the event loop: an ASGI application before Django's.

Django's handler gives each request a thread and takes it through all middleware, which costs more than these answers do. Here
is answered what is plain: one of LEAN_READS, for somebody whose session or key opens it, with nothing to write down. All
else is handed on to Django unchanged, so what is refused, and why, stands in one place alone; so are the looks of our own
people. Who asks is looked up with every request, as there. docs/decisions/0015-lean-reads.md
"""

import io
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.core.exceptions import SynchronousOnlyOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, parse_cookie
from django.http.request import split_domain_port, validate_host
from django.middleware.csrf import CSRF_SECRET_LENGTH, CSRF_TOKEN_LENGTH
from django.utils.module_loading import import_string
from pydantic import BaseModel

from api.auth import key_of
from api.lean_routes import LeanRead, Wanted, wanted
from api.rendering import JSON, rendered
from identity import api_keys, known, sessions
from identity.auth import Actor
from identity.reading import Reading, ReadingFailed, Readings

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
_CSRF: Final = re.compile(rf"[A-Za-z0-9]{{{CSRF_SECRET_LENGTH}}}|[A-Za-z0-9]{{{CSRF_TOKEN_LENGTH}}}")
_ONCE: Final = frozenset({b"host", b"cookie", b"authorization"})


class Caller(NamedTuple):
    """What a request shows of who asks: one of both."""

    session_key: str | None
    key: str | None


class LeanReads:
    """behind: Django's application. readings: connections to the database."""

    def __init__(self, behind: Application, readings: Readings) -> None:
        self._behind, self._readings = behind, readings
        self._heads: dict[bool, _Head] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = wanted(scope)
        caller = caller_of(scope["headers"]) if asked is not None else None
        if asked is None or caller is None:
            await self._behind(scope, receive, send)
            return
        body = await self._read(asked, caller)
        if body is None:
            await self._behind(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 200, "headers": self._head(caller).before(body)})
        await send({"type": "http.response.body", "body": body})

    async def _read(self, asked: Wanted, caller: Caller) -> bytes | None:
        """The body of the answer; None where Django has to answer. Whatever fails here, Django tries again."""
        try:
            reading = await self._readings.take()
            try:
                shown = await self._shown(reading, asked, caller)
            finally:
                self._readings.give(reading)
            return None if shown is None else rendered(shown)
        except (ReadingFailed, SynchronousOnlyOperation):
            # The last: what a process keeps once it was read, such as a version of the prices, was not read yet.
            return None
        except Exception as error:
            logger.warning("lean read failed", extra={"error_type": type(error).__name__}, exc_info=error)
            return None

    async def _shown(self, reading: Reading, asked: Wanted, caller: Caller) -> BaseModel | Mapping[str, Any] | None:
        now = datetime.now(UTC)
        actor = await actor_of(reading, caller, asked.read, now)
        return None if actor is None else await asked.read.shown(reading, actor, asked.values, now)

    def _head(self, caller: Caller) -> "_Head":
        by_session = caller.session_key is not None
        head = self._heads.get(by_session)
        if head is None:
            head = self._heads[by_session] = _Head.learned(by_session=by_session)
        return head


async def actor_of(reading: Reading, caller: Caller, read: LeanRead, now: datetime) -> Actor | None:
    if caller.session_key is not None:
        return await known.person(reading, session_key=caller.session_key, now=now)
    if caller.key is not None:
        return await known.program(reading, key=caller.key, scope=read.scope, now=now)
    return None


def caller_of(headers: Iterable[tuple[bytes, bytes]]) -> Caller | None:
    """Who asks by the request's headers. None for whatever Django would treat otherwise than a plain request of a person or a
    program: another host, a body, a look, a CSRF cookie that is to be replaced, a key beside a session, a key of another form.
    """
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _ONCE:
            if name in found:
                return None
            found[name] = value
        elif name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return None
    if not _is_ours(found.get(b"host", b"")):
        return None
    cookies = parse_cookie(found[b"cookie"].decode("latin-1")) if b"cookie" in found else {}
    if settings.LOOK_COOKIE_NAME in cookies:
        return None
    csrf = cookies.get(settings.CSRF_COOKIE_NAME)
    if csrf is not None and _CSRF.fullmatch(csrf) is None:
        return None
    caller = Caller(
        session_key=cookies.get(settings.SESSION_COOKIE_NAME),
        key=key_of(found[b"authorization"].decode("latin-1")) if b"authorization" in found else None,
    )
    return caller if _is_plain(caller) else None


def _is_plain(caller: Caller) -> bool:
    """One of both, in the form that ours have: what a stranger makes up takes no connection from those who have signed in."""
    if caller.session_key is not None:
        return caller.key is None and sessions.may_be_key(caller.session_key)
    return caller.key is not None and api_keys.may_be_key(caller.key)


@lru_cache(maxsize=64)
def _is_ours(host: bytes) -> bool:
    domain, _ = split_domain_port(host.decode("latin-1"))
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


@dataclass(frozen=True, slots=True)
class _Head:
    """The headers of an answer with 200, as Django's middleware makes them. length_at: which of them tells the body's length."""

    headers: list[tuple[bytes, bytes]]
    length_at: int

    def before(self, body: bytes) -> list[tuple[bytes, bytes]]:
        headers = self.headers.copy()
        headers[self.length_at] = headers[self.length_at][0], b"%d" % len(body)
        return headers

    @classmethod
    def learned(cls, *, by_session: bool) -> "_Head":
        """From the middleware itself, which is asked once with an answer that says nothing."""

        def answer(request: HttpRequest) -> HttpResponse:
            if by_session:
                # As a session that was read and not changed.
                request.session.accessed = True
            return HttpResponse(b"{}", content_type=JSON)

        handler: Callable[[HttpRequest], Any] = answer
        for name in reversed(settings.MIDDLEWARE):
            handler = import_string(name)(handler)
        response = handler(ASGIRequest(_EMPTY_SCOPE, io.BytesIO()))
        assert not response.cookies, "An answer that says nothing sets a cookie."
        headers = [(name.encode("ascii"), value.encode("latin-1")) for name, value in response.items()]
        return cls(headers, [name.lower() for name, _ in headers].index(b"content-length"))


_EMPTY_SCOPE: Final = {
    "type": "http",
    "method": "GET",
    "path": "/api/leads",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
}
