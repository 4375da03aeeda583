"""The web process's application with two paths more: one whose answer fails before it began, and one that does half-way."""

from typing import Any

from config.asgi import application as whole


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["path"] not in ("/failing", "/broken"):
        await whole(scope, receive, send)
        return
    if scope["path"] == "/broken":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the first part", "more_body": True})
    raise RuntimeError("the rest cannot be read")
