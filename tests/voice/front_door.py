"""The carrier's posts to the whole ASGI application, as a server hands them in."""

import asyncio
import time
from collections.abc import Sequence
from urllib.parse import urlencode

import httpx
from django.conf import settings

from config.asgi import application
from tests.voice.carrier import FORM, Answer, signature
from voice.models import Callback

APPLIED_WITHIN_S = 30.0
Posts = Sequence[tuple[str, dict[str, str]]]


def send(
    method: str, path: str, body: bytes = b"", *, signed: str = "", content_type: str = FORM, host: str = ""
) -> Answer:
    """Anything at all, as `carrier.send`. host: only where it should be wrong."""
    headers = [(b"content-type", content_type.encode())]
    if signed:
        headers.append((b"x-twilio-signature", signed.encode("latin-1")))
    if host:
        headers.append((b"host", host.encode()))

    async def sent() -> httpx.Response:
        async with _client() as client:
            return await client.request(method, path, content=body, headers=headers)

    return _answer(asyncio.run(sent()))


def post(path: str, params: dict[str, str]) -> Answer:
    """One callback, signed; its effect may come after the answer."""
    return send("POST", path, urlencode(params).encode(), signed=signature(path, params))


def post_at_once(posts: Posts) -> list[int]:
    """All of them side by side; the statuses in their order."""

    async def sent() -> list[int]:
        async with _client() as client:

            async def one(path: str, params: dict[str, str]) -> int:
                headers = {"X-Twilio-Signature": signature(path, params), "Content-Type": FORM}
                answer = await client.post(path, content=urlencode(params), headers=headers)
                return answer.status_code

            return list(await asyncio.gather(*(one(*each) for each in posts)))

    return asyncio.run(sent())


def until_applied() -> None:
    """Returns when every callback that is stored has taken effect, without the clock's help."""
    limit = time.monotonic() + APPLIED_WITHIN_S
    while waiting := Callback.objects.get_queryset().filter(applied_at__isnull=True).count():
        assert time.monotonic() < limit, f"{waiting} callbacks are not applied"
        time.sleep(0.02)


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url=settings.PUBLIC_URL)


def _answer(response: httpx.Response) -> Answer:
    is_problem = response.headers.get("Content-Type") == "application/problem+json"
    return Answer(response.status_code, response.json()["code"] if is_problem else "", response.text)
