"""A browser that shows everything of an answer."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from asgiref.sync import async_to_sync
from django.conf import settings
from uuid_utils.compat import uuid7

from tests.identity.browser import Browser
from tests.matrix.lean_door import LeanDoor, shown_by

_SOURCES = "Content-Security-Policy"
# What a second asking may find changed.
_GONE_ON = re.compile(rb'"(as_of":"[^"]+|(duration_s|seconds_left)":\d+)')


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
    """lean: where each read is asked once more, as the server asks it; what is answered there has to be what Django answers."""

    lean: ClassVar[LeanDoor | None] = None

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
        if self.lean is not None and method == "GET":
            self._ask_lean(self.lean, path, headers, response, content)
        return Reply(response.status_code, content.decode(), dict(response.headers))

    def _ask_lean(self, door: LeanDoor, path: str, headers: Mapping[str, str], response: Any, content: bytes) -> None:
        found = door.ask(path, {**shown_by(self.client), **headers})
        if found is not None:
            # The policy of sources is as settings had it when this browser asked first.
            shown, usual = dict(found.headers), dict(response.items())
            assert (found.status, list(shown)) == (response.status_code, list(usual))
            assert {**shown, _SOURCES: ""} == {**usual, _SOURCES: ""}
            assert _GONE_ON.sub(b"", found.body) == _GONE_ON.sub(b"", content)


async def _read(response: Any) -> bytes:
    return b"".join([part async for part in response])
