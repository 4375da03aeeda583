"""What the clock does of a round, and in which order, when the database is away in the middle of it.

Planted bugs that this catches: a round that goes on after a connection was lost (streams are given up before their media
processes could say that they live), a statement that took too long taken for a database that is away.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import pytest
from django.db import connection

from config.management.commands import clock

pytestmark = pytest.mark.django_db(transaction=True)
CUT_OFF = "SELECT pg_terminate_backend(pg_backend_pid())"
TOO_LONG = "SET statement_timeout = 10; SELECT pg_sleep(1)"


@pytest.mark.parametrize(
    ("first", "done"),
    [(CUT_OFF, ["begin", "fails", "back", "fails", "rest"]), (TOO_LONG, ["begin", "fails", "rest", "fails", "rest"])],
)
def test_what_comes_first_after_an_outage_is_done_before_the_rest_of_a_round(
    first: str, done: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []
    stop = threading.Event()

    def fail_once(*, now: datetime) -> None:
        did.append("fails")
        if did.count("fails") == 1:
            with connection.cursor() as cursor:
                cursor.execute(first)

    def named(what: str) -> Callable[..., object]:
        def work(*, now: datetime) -> None:
            did.append(what)
            if len(did) == len(done):
                stop.set()

        return work

    monkeypatch.setitem(clock.LANES, "tested", ((1, fail_once), (1, named("rest"))))
    monkeypatch.setitem(clock.AT_THE_BEGIN, "tested", (named("begin"),))
    monkeypatch.setitem(clock.AFTER_AN_OUTAGE, "tested", (named("back"),))
    lane = threading.Thread(target=clock._run, args=("tested", stop))
    lane.start()
    lane.join(timeout=15)
    assert not lane.is_alive()
    assert did == done
