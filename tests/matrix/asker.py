"""A browser that shows everything of an answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from uuid_utils.compat import uuid7

from tests.identity.browser import Browser


@dataclass(frozen=True, slots=True)
class Reply:
    """status, body and every header but the cookies, which carry a new random value each time."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.text) if self.text else None


class Asker(Browser):
    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        with_csrf: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        headers = {"Origin": "https://testserver", "Idempotency-Key": f"key-{uuid7()}", **(headers or {})}
        if with_csrf:
            if settings.CSRF_COOKIE_NAME not in self.client.cookies:
                self.get("/api/session")
            headers["X-CSRFToken"] = self.client.cookies[settings.CSRF_COOKIE_NAME].value
        response = self.client.generic(
            method,
            path,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            secure=True,
            headers=headers,
        )
        content = async_to_sync(_read)(response) if response.streaming else response.content
        return Reply(response.status_code, content.decode(), dict(response.headers))


async def _read(response: Any) -> bytes:
    return b"".join([part async for part in response])
