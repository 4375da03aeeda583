"""The door of each process while it waits, while it works, and while somebody else looks."""

import asyncio
import socket
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connection
from huey.exceptions import CancelExecution
from pytest_django.fixtures import Settings

from compliance import erasure_ledger, suppression
from compliance.models import LedgerMark
from config import replayed
from config.management.commands import clock, worker
from config.replayed import Door
from tests.compliance.restoring import wait_until
from tests.compliance.test_erasure_ledger import NOWHERE, ledger
from tests.matrix.test_headers import keeps_the_promises

__all__ = ["ledger"]

NOW = datetime.now(UTC)


@pytest.fixture
def door(ledger: str, monkeypatch: pytest.MonkeyPatch) -> Door:
    """That of a process which has just begun."""
    begun = Door()
    for module in (replayed, clock, worker):
        monkeypatch.setattr(module, "DOOR", begun)
    monkeypatch.setattr(replayed, "LOOK_EVERY_S", 0.01)
    return begun


def test_who_waits_goes_on_although_its_connection_broke(door: Door) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        mine = cursor.fetchone()[0]
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [mine])
    stop = threading.Event()
    given_up = threading.Timer(5, stop.set)
    given_up.start()
    replayed.wait_until_open(stop)
    given_up.cancel()
    assert door.shut == "" and not stop.is_set()


def test_nobody_stands_in_line_while_one_waits_for_the_ledger(door: Door, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.ERASURE_LEDGER_URL = f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/none"
        looks = threading.Thread(target=door.look_outside_of_a_request)
        looks.start()
        asked, _ = silent.accept()
        assert door.look() == replayed.NOT_LOOKED and looks.is_alive()
        asked.close()
        looks.join()
    assert door.shut == "erasure_ledger_away"


def test_what_it_says_while_it_is_shut_has_the_headers_of_all_answers(door: Door, settings: Settings) -> None:
    settings.PUBLIC_URL, settings.ERASURE_LEDGER_URL = "https://sales.example", NOWHERE
    transport = httpx.ASGITransport(app=replayed.with_door(_nothing))

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url=settings.PUBLIC_URL) as client:
            return await client.get("/")

    answer = asyncio.run(asked())
    assert (answer.status_code, answer.json()["code"]) == (503, "erasure_ledger_away")
    keeps_the_promises(answer.headers)
    assert (answer.headers["Cache-Control"], answer.headers["Retry-After"]) == ("no-store", "5")


@pytest.mark.policy("C6.2")
def test_clock_workers_and_pages_stop_when_a_backup_takes_the_place_of_the_database(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    suppression.suppress(workspace_id=None, phone_e164="+37060000009", reason="asked", source="callee", now=NOW)
    erasure_ledger.write_out(now=NOW)
    assert door.look() == "" and answered() == [200]
    LedgerMark.objects.update(sequence=0)
    wait_until(lambda: answered() == [503], limit_s=10)
    assert door.shut == "erasures_not_replayed"
    with pytest.raises(CancelExecution):
        worker.drop_while_shut(None)
    done, stop = threading.Event(), threading.Event()
    monkeypatch.setitem(clock.LANES, "tested", ((1, _that(done.set)),))
    lane = threading.Thread(target=clock._run, args=("tested", stop))
    lane.start()
    assert not done.wait(0.2)
    LedgerMark.objects.update(sequence=erasure_ledger.last_sequence())
    looks = threading.Thread(target=replayed.keep_looking, args=(stop,))
    looks.start()
    wait_until(done.is_set, limit_s=10)
    stop.set()
    lane.join()
    looks.join()
    worker.drop_while_shut(None)


def _that(act: Callable[[], None]) -> Callable[..., None]:
    def work(*, now: datetime) -> None:
        act()

    return work


async def _nothing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200})


def answered() -> list[int]:
    """The status of one request for a page."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def request() -> None:
        await replayed.with_door(_nothing)({"type": "http", "path": "/"}, None, send)

    asyncio.run(request())
    return [each["status"] for each in sent if "status" in each]
