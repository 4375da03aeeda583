"""The handler that the server runs answers as Django's own does, and keeps to one thread and one piece of work."""

import asyncio
import json
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.db import connection, transaction

from config.handler import OneThreadHandler
from tests.matrix.both_ways import committed
from tests.matrix.lean_door import shown_by
from tests.matrix.world import World
from voice.models import Lead

pytestmark = pytest.mark.django_db
ORIGIN: Final = "https://testserver"
# Its work for a request: what begins with it, the request itself, and what ends with it.
PIECES: Final = 3
_WITHIN_S: Final = 20


def headers_of(world: World) -> dict[str, str]:
    """As the owner's page shows itself, writes included."""
    browser = world.browser_of("owner")
    browser.get("/api/session")
    proof = browser.client.cookies[settings.CSRF_COOKIE_NAME].value
    return {**shown_by(browser.client), "Origin": ORIGIN, "X-CSRFToken": proof}


async def asked(
    handler: ASGIHandler, method: str, path: str, headers: Mapping[str, str], body: object = None
) -> httpx.Response:
    transport = httpx.ASGITransport(app=handler)  # type: ignore[arg-type]  # its types are narrower than the protocol's
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        return await client.request(method, path, headers=headers, json=body)


def test_every_kind_of_answer_is_that_of_djangos_own_handler(world: World) -> None:
    lead = world.people["owner"].things["lead"]
    shown = headers_of(world)
    unproved = {name: value for name, value in shown.items() if name != "X-CSRFToken"}
    change = {"notes": "asked for the price list"}
    requests: list[tuple[str, str, Mapping[str, str], object]] = [
        ("GET", "/api/tags", shown, None),
        ("PATCH", f"/api/leads/{lead}", shown, change),
        ("GET", f"/api/leads/{lead}", shown, None),
        ("PATCH", f"/api/leads/{lead}", unproved, change),
        ("PATCH", f"/api/leads/{lead}", shown, {"notes": 1}),
        ("GET", "/api/credits/statement.csv", shown, None),
        ("GET", "/api/tags", {}, None),
        ("GET", "/api/tags", {"Authorization": "Bearer nothing"}, None),
        ("GET", "/api/nothing", shown, None),
        ("POST", "/calls", {}, None),
        ("DELETE", "/api/tags", shown, None),
    ]

    async def answers(handler: ASGIHandler) -> list[tuple[int, list[tuple[str, str]], str]]:
        found = [await asked(handler, *request) for request in requests]
        return [(one.status_code, sorted(one.headers.items()), one.text) for one in found]

    ours = asyncio.run(answers(OneThreadHandler()))
    assert [status for status, _, _ in ours] == [200, 200, 200, 403, 422, 200, 401, 401, 404, 403, 405]
    assert ours == asyncio.run(answers(ASGIHandler()))


def test_a_request_is_one_piece_of_work_whatever_stands_before_its_view(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, shown, pieces = OneThreadHandler(), headers_of(world), []
    hand_over = asyncio.BaseEventLoop.run_in_executor

    def counted(loop: Any, executor: Any, func: Any, *args: Any) -> Any:
        pieces.append(func)
        return hand_over(loop, executor, func, *args)

    monkeypatch.setattr(asyncio.BaseEventLoop, "run_in_executor", counted)
    assert asyncio.run(asked(handler, "GET", "/api/tags", shown)).status_code == 200
    assert len(pieces) == PIECES


def test_what_was_begun_for_a_client_that_goes_away_is_done_to_its_end(world: World) -> None:
    lead_id = world.people["owner"].things["lead"]
    shown = headers_of(world)
    body = json.dumps({"notes": "gone before it was answered"}).encode()
    scope = {
        "type": "http",
        "method": "PATCH",
        "path": f"/api/leads/{lead_id}",
        "query_string": b"",
        "scheme": "https",
        "headers": [
            *((name.lower().encode(), value.encode()) for name, value in shown.items()),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
        ],
    }

    held, gone = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Lead.objects.get_queryset().select_for_update().get(id=lead_id)
            held.set()
            committed(until_somebody_waits)
            gone.set()
            time.sleep(0.2)

    async def gone_meanwhile() -> list[Any]:
        sent: list[Any] = []
        messages = iter([{"type": "http.request", "body": body}])

        async def receive() -> Any:
            message = next(messages, None)
            if message is None:
                await asyncio.to_thread(gone.wait, _WITHIN_S)
            return message or {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        holding = asyncio.create_task(asyncio.to_thread(committed, hold))
        await asyncio.to_thread(held.wait, _WITHIN_S)
        async with asyncio.timeout(_WITHIN_S):
            await OneThreadHandler()(scope, receive, send)
        await holding
        return sent

    assert asyncio.run(gone_meanwhile()) == []
    assert committed(lambda: Lead.objects.get_queryset().get(id=lead_id).notes) == "gone before it was answered"


def until_somebody_waits() -> None:
    limit = time.monotonic() + _WITHIN_S
    while time.monotonic() < limit:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("Nobody waits for the row.")
