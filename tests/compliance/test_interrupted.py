"""An erasure that dies anywhere goes on where it was, and ends clean."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from compliance import erasure, rewrite
from compliance.models import AuditEvent, ErasureStep, Request
from compliance.stores import Subject
from config import personal_data
from identity.models import Membership
from identity.personal_data import subject_anew
from tests.compliance.test_erasure import SOON, all_rows, ask_to_be_erased, bytes_on_disk, plant
from tests.identity.conftest import MakeAccount, SignIn
from tests.opened import connection_info

AFTER_THE_LEASE = erasure.LEASE + timedelta(seconds=1)


class Killed(BaseException):
    """As kill -9 ends a process: nothing that handles errors hears of it."""


class Killer:
    """A store of the test's own, at whose first erasing the process dies. at: "erase" or "verify"."""

    def __init__(self, name: str, at: str = "erase") -> None:
        self.name = name
        self._at = at
        self.has_killed = False

    def find(self, subject: Subject) -> dict[str, int]:
        return {}

    def export(self, subject: Subject) -> dict[str, Any]:
        return {}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        self._kill("erase")
        return {}

    def verify(self, subject: Subject) -> int:
        self._kill("verify")
        return 0

    def _kill(self, at: str) -> None:
        if at == self._at and not self.has_killed:
            self.has_killed = True
            raise Killed(self.name)


STORES: tuple[Any, ...] = ()
INVENTORIES: tuple[Any, ...] = ()
SUBJECT_ANEW = subject_anew


@pytest.fixture
def killers(settings: Settings) -> list[Killer]:
    """One before each store of the product, one after the last, and one that dies while all is verified."""
    global STORES, INVENTORIES
    between = [Killer(f"before {store.name}") for store in personal_data.STORES]
    last = [Killer("after the last"), Killer("verifying", at="verify")]
    STORES = (*(each for pair in zip(between, personal_data.STORES, strict=True) for each in pair), *last)
    INVENTORIES = personal_data.INVENTORIES
    settings.PERSONAL_DATA = "tests.compliance.test_interrupted"
    return [*between, *last]


@pytest.fixture
def leaving(make_account: MakeAccount) -> Membership:
    member = make_account(
        first_name="Zanzibel", last_name="Quxworthy", email="zanzibel@quxworthy.example", mobile="+12025550180"
    )
    plant(member, "Brobdingnag", "+37060012345")
    return member


@pytest.mark.policy("C6.2")
def test_an_erasure_that_is_killed_before_each_step_goes_on_with_it_and_ends_clean(
    leaving: Membership, sign_in: SignIn, killers: list[Killer]
) -> None:
    # Nobody else is there, so tables will be empty, of which ANALYZE keeps the statistics that it made before.
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    request, now = ask_to_be_erased(sign_in, leaving), SOON
    for killer in killers:
        with pytest.raises(Killed, match=killer.name):
            erasure.run_erasure(request_id=request.id, now=now)
        # Whoever died holds the claim until the lease ends.
        assert not erasure.run_erasure(request_id=request.id, now=now)
        now += AFTER_THE_LEASE
    assert erasure.run_erasure(request_id=request.id, now=now)
    # Nothing that was done was done again, but for the step that died.
    attempts = dict(ErasureStep.objects.filter(request=request).values_list("name", "attempts"))
    assert {attempts[store.name] for store in personal_data.STORES} == {1}
    rows = all_rows()
    assert [word for word in ("zanzibel", "brobdingnag", "37060012345") if word in rows] == []
    assert [bytes_on_disk(word) for word in ("Zanzibel", "Brobdingnag", "37060012345")] == [0, 0, 0]


@pytest.fixture
def reader() -> Iterator[Callable[[], "psycopg.Connection[Any]"]]:
    """Opens a transaction that sees all as it is now, as a copy or a backup does."""
    opened: list[psycopg.Connection[Any]] = []

    def open_one() -> "psycopg.Connection[Any]":
        reading = psycopg.connect(connection_info())
        reading.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reading.execute("SELECT count(*) FROM pg_namespace")
        opened.append(reading)
        return reading

    yield open_one
    for each in opened:
        each.close()


@pytest.mark.policy("C6.2")
def test_bytes_that_somebody_still_reads_are_removed_once_they_have_read(
    leaving: Membership,
    sign_in: SignIn,
    reader: Callable[[], "psycopg.Connection[Any]"],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Red when the rewrite does not wait for readers: it copies the rows that they still see, and the receipt lies."""
    monkeypatch.setattr(rewrite, "READERS_S", 0.2)
    request = ask_to_be_erased(sign_in, leaving)
    reading = reader()
    assert not erasure.run_erasure(request_id=request.id, now=SOON)
    request.refresh_from_db()
    step = ErasureStep.objects.get(request=request, name=erasure.REWRITE)
    assert (request.state, step.state, step.error_type) == ("rewriting", "failed", "NotYet")
    reading.rollback()
    assert erasure.run_erasure(request_id=request.id, now=SOON + timedelta(minutes=1))
    assert Request.objects.get().state == "done"
    assert bytes_on_disk("Brobdingnag") == 0


def test_a_rewrite_that_outlasts_the_lease_ends_the_erasure_once(leaving: Membership, sign_in: SignIn) -> None:
    """Red when whoever was taken for dead writes a second receipt."""
    request = ask_to_be_erased(sign_in, leaving)

    def outlast() -> dict[str, int]:
        later = SOON + AFTER_THE_LEASE
        assert erasure.run_erasure(request_id=request.id, now=later, rewrite=lambda: {"tables": 1})
        return {"tables": 1}

    assert erasure.run_erasure(request_id=request.id, now=SOON, rewrite=outlast)
    assert AuditEvent.objects.filter(action="erasure.done").count() == 1
    assert Request.objects.get().finished_at == SOON + AFTER_THE_LEASE
