"""Both ways to a read: through Django, and before it; for the tests of lean reads."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone
from uuid_utils.compat import uuid7

from api import calls, lean
from api.lean_routes import LEAN_READS
from tests.matrix.asker import Asker
from tests.matrix.expectations import Thing
from tests.matrix.lean_door import Answer, LeanDoor, shown_by


@pytest.fixture(scope="module")
def door() -> Iterator[LeanDoor]:
    made = LeanDoor()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """Both doors are asked at one moment, so that what tells it is the same."""
    now = datetime.now(UTC)

    class Then(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return now

    for module in (calls, lean):
        monkeypatch.setattr(module, "datetime", Then)
    monkeypatch.setattr(timezone, "now", lambda: now)
    return now


def committed(act: Callable[[], Any]) -> Any:
    """Done in a connection of its own, so that both doors see it."""

    def whole() -> Any:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(whole).result()


@pytest.fixture
def put_back() -> Iterator[list[Callable[[], Any]]]:
    acts: list[Callable[[], Any]] = []
    yield acts
    for act in acts:
        committed(act)


def both(door: LeanDoor, browser: Asker, path: str, **headers: str) -> tuple[Answer, Answer | None]:
    """What Django answers, and the lean reads."""
    # Django may answer with other cookies.
    shown = {**shown_by(browser.client), **headers}
    answer = browser.client.get(path, secure=True, headers=headers or None)
    return Answer(answer.status_code, list(answer.items()), answer.content), door.ask(path, shown)


def alike(door: LeanDoor, browser: Asker, path: str, **headers: str) -> Answer:
    """Asserts that both answer the same, and that it was answered lean."""
    usual, found = both(door, browser, path, **headers)
    assert found is not None, (path, usual)
    assert (found.status, found.headers) == (usual.status, usual.headers)
    assert found.body == usual.body
    return found


def address(name: str, things: Mapping[Thing, Any]) -> str:
    """Without parameters; what nobody has is unknown."""
    path = LEAN_READS[name].path
    return path.format(lead_id=things.get("lead") or uuid7(), call_id=things.get("call") or uuid7())
