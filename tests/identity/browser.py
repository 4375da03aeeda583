"""A browser as far as identity sees one: cookies, the CSRF header, an address."""

import json
from typing import Any, cast

from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import Client

from compliance import policy

PASSWORD = "correct horse battery"


class Browser:
    """Sends what our own page would send, over HTTPS."""

    def __init__(self, address: str = "198.51.100.7") -> None:
        self.client = Client(enforce_csrf_checks=True, REMOTE_ADDR=address, HTTP_USER_AGENT="Tests/1.0")

    def get(self, path: str, **headers: str) -> tuple[int, Any]:
        return self._answer(self.client.get(path, secure=True, headers=headers or None))

    def post(self, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
        return self._send("POST", path, body, headers)

    def patch(self, path: str, body: object) -> tuple[int, Any]:
        return self._send("PATCH", path, body, {})

    def put(self, path: str, body: object) -> tuple[int, Any]:
        return self._send("PUT", path, body, {})

    def delete(self, path: str) -> tuple[int, Any]:
        return self._send("DELETE", path, None, {})

    @property
    def session_cookie(self) -> str | None:
        morsel = self.client.cookies.get(settings.SESSION_COOKIE_NAME)
        return morsel.value if morsel else None

    def begun(self, path: str, body: object) -> int:
        """Posts it and goes away when the answer begins; its status."""
        return int(self.sent("POST", path, body, {}).status_code)

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> tuple[int, Any]:
        return self._answer(self.sent(method, path, body, headers))

    def sent(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        if settings.CSRF_COOKIE_NAME not in self.client.cookies:
            self.get("/api/session")
        token = self.client.cookies[settings.CSRF_COOKIE_NAME].value
        return self.client.generic(
            method,
            path,
            b"" if body is None else json.dumps(body),
            content_type="application/json",
            secure=True,
            headers={"X-CSRFToken": token, "Origin": "https://testserver", **headers},
        )

    @staticmethod
    def _answer(response: Any) -> tuple[int, Any]:
        text = async_to_sync(whole)(response) if response.streaming else response.content.decode()
        return response.status_code, json.loads(text) if text else None


async def whole(response: Any) -> str:
    return b"".join([part async for part in response.streaming_content]).decode()


def form(**changes: object) -> dict[str, object]:
    """What the sign-up page sends."""
    return {
        "first_name": "Ada",
        "last_name": "Okafor",
        "email": "ada@example.com",
        "mobile": "+1 202 555 0110",
        "password": PASSWORD,
        "sms_consent": True,
        "policy_version": policy.current_version(),
        "policy_accepted": True,
        "transfer_consent": True,
        **changes,
    }


def code_of(answer: Any) -> str:
    return cast(str, answer["code"])
