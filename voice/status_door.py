"""The carrier's news of legs, machines and media streams, taken in front of Django.

They come by the hundred a second and need no more than a signature and a place in the table, so they are spared what a page
needs. What is not plainly such news, whole and signed, goes on to Django as it came, and voice/webhooks.py says why it is refused.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.db import Error
from django.http import QueryDict
from django.http.request import split_domain_port, validate_host

from voice import callback_rows, twilio, webhooks
from voice.callback_rows import Arrived
from voice.intake import IntakeBusy, intake

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# Frameworks type what they take each in their own way.
Application = Callable[[Any, Any, Any], Awaitable[None]]

# Twilio's are under two thousand.
BODY_BYTES_MAX: Final = 65_536
_ADDRESS: Final = re.compile(r"/twilio/voice/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/(status|machine|stream)")
_KINDS: Final = {"status": "leg", "machine": "machine", "stream": "stream"}
_FORMS: Final = (twilio.FORM, f"{twilio.FORM}; charset=utf-8", f"{twilio.FORM};charset=utf-8")


class StatusDoor:
    """An ASGI application in front of another. headers: what every answer carries."""

    def __init__(self, beyond: Application, *, headers: Callable[[], Mapping[str, str]]) -> None:
        self._beyond = beyond
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = _ADDRESS.fullmatch(scope["path"])
        if place is None or scope["method"] != "POST" or scope["query_string"]:
            await self._beyond(scope, receive, send)
            return
        messages, body = await _read(receive)
        callback = None if body is None else _callback(scope, body, UUID(place[1]), _KINDS[place[2]])
        if callback is None:
            await self._beyond(scope, _again(messages, receive), send)
            return
        try:
            became = await intake.take(callback)
        except (Error, IntakeBusy):
            refusal = webhooks.unavailable()
            await self._answer(send, refusal.status_code, {**refusal.headers}, refusal.content)
            return
        if became == "no_call":
            await self._beyond(scope, _again(messages, receive), send)
            return
        await self._answer(send, 204)

    async def _answer(
        self, send: Send, status: int, headers: Mapping[str, str] = MappingProxyType({}), content: bytes = b""
    ) -> None:
        said = {**self._headers(), **headers}
        raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in said.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": content})


async def _read(receive: Receive) -> tuple[list[Message], bytes | None]:
    """What came, and the whole body; None if it is too long, or did not come to its end."""
    messages: list[Message] = []
    body = b""
    while len(body) <= BODY_BYTES_MAX:
        messages.append(await receive())
        if messages[-1]["type"] != "http.request":
            return messages, None
        body += messages[-1].get("body", b"")
        if not messages[-1].get("more_body", False):
            return messages, body
    return messages, None


def _again(messages: list[Message], receive: Receive) -> Receive:
    """The same messages once more, then what comes after them."""
    waiting = iter(messages)

    async def received() -> Message:
        first = next(waiting, None)
        return await receive() if first is None else first

    return received


def _callback(scope: Scope, body: bytes, call_id: UUID, kind: str) -> Arrived | None:
    """What is to be stored; None if anything about the request is not as the carrier's are."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    host, _ = split_domain_port(headers.get(b"host", ""))
    signature = headers.get(b"x-twilio-signature")
    if not signature or not validate_host(host, settings.ALLOWED_HOSTS):
        return None
    if headers.get(b"content-type", "").lower() not in _FORMS:
        return None
    try:
        form = QueryDict(body, encoding="utf-8")
    except SuspiciousOperation:
        return None
    if not twilio.form_signed_by_twilio(path=scope["path"], fields=form, signature=signature):
        return None
    params = {str(name): str(value) for name, value in form.dict().items()}
    if not callback_rows.SID.fullmatch(params.get("CallSid", "")) or any("\x00" in value for value in params.values()):
        return None
    return callback_rows.arrived(call_id=call_id, kind=kind, params=params, now=datetime.now(UTC))
