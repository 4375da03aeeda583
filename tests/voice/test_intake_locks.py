"""Callbacks while somebody else has a call: those of other calls are stored and applied all the same, and nobody waits in a circle.

Planted bugs that this catches: a storing thread that waits for one call as long as it takes, a call that is worked on locked as if
it were removed, a second try that waits for its call, books taken before callbacks, callbacks deleted before their call is locked.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction

from compliance.stores import Subject
from identity.models import Membership
from ledger.models import Account
from tests.voice import front_door
from tests.voice.carrier import Placed, give_credit, place
from tests.voice.test_callbacks import outcome, rebuilt_otherwise
from tests.voice.test_intake import TALKED, came, floor
from voice import callback_rows, callee, reconcile
from voice.models import Call, Callback
from voice.personal_data import VoiceStore

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def member(make_account: Callable[..., Membership], settings: Any) -> Membership:
    settings.MEMBER_DIALS_PER_HOUR_MAX = settings.MEMBER_DIALS_PER_DAY_MAX = 1_000
    member = make_account()
    give_credit(member, 100_000)
    return member


@contextmanager
def held(placed: Placed, *, is_removed: bool = True) -> Iterator[None]:
    """Somebody else has the call, as whoever removes it or works on it."""
    with transaction.atomic():
        Call.objects.get_queryset().select_for_update(no_key=not is_removed).get(id=placed.call_id)
        yield


def in_clock() -> int:
    """One round of the clock, on a connection of its own where a thread runs it. Returns how many callbacks wait after it."""
    try:
        reconcile.apply_waiting_callbacks(now=datetime.now(UTC))
        return Callback.objects.get_queryset().filter(applied_at__isnull=True).count()
    finally:
        if threading.current_thread() is not threading.main_thread():
            connection.close()


def waits_for_lock() -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with connection.cursor() as cursor:
        # Within a transaction the view shows what it showed first.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(waiting)
        return bool(cursor.fetchone()[0])


def until(true: Callable[[], bool]) -> None:
    limit = time.monotonic() + 10
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_call_that_is_locked_keeps_no_callback_of_another_waiting(member: Membership) -> None:
    """As while it is removed, or by a machine that vanished."""
    locked, free = place(member), floor(member, 1)[0]
    posts = [placed.agent("in-progress", at_s=0, sequence=2) for placed in (locked, free)]
    with held(locked):
        assert front_door.post_at_once([posts[0], posts[0], posts[1]]) == [503, 503, 204]
    assert front_door.post(*posts[0]).status == 204
    front_door.until_applied()
    assert [placed.row.status for placed in (locked, free)] == ["rep_answered"] * 2


def test_whoever_works_on_a_call_keeps_its_callbacks_from_being_applied_and_not_from_being_stored(
    member: Membership,
) -> None:
    placed = place(member)
    with transaction.atomic():
        callee.lock_calls(placed.row.lead.phone_e164 or "", None)
        assert front_door.post(*placed.agent("in-progress", at_s=0, sequence=2)).status == 204
    front_door.until_applied()
    assert placed.row.status == "rep_answered"


def test_a_call_that_stays_locked_keeps_no_callback_of_another_from_being_applied(member: Membership) -> None:
    """Neither in the process that took them nor in the clock, and is applied as soon as it is free."""
    locked, free, silent = floor(member, 3)
    callback_rows.store([came(locked, 1), came(silent, 0)])
    with ThreadPoolExecutor(1) as threads:
        with held(locked, is_removed=False):
            assert front_door.post(*locked.agent("in-progress", at_s=0, sequence=2)).status == 204
            assert front_door.post(*free.agent("in-progress", at_s=0, sequence=2)).status == 204
            until(lambda: free.row.status == "rep_answered")
            threads.submit(in_clock).result(timeout=10)
            assert [placed.row.status for placed in (locked, silent)] == ["dialling", "rep_answered"]
        # What the process has tried for a second in vain, however slow the machine is, is the clock's two seconds after it came.
        until(lambda: in_clock() == 0)
    assert locked.row.status == "in_progress"
    assert rebuilt_otherwise() == []


def test_while_a_lot_waits_for_a_callback_it_does_not_hold_the_books(member: Membership) -> None:
    placed = place(member)
    lot = [came(placed, number) for number in range(5)]
    callback_rows.store(lot)
    books = Account.objects.get_queryset().filter(workspace_id=member.workspace_id)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            list(Callback.objects.get_queryset().select_for_update().filter(id=lot[0].id))
            applied = threads.submit(in_clock)
            until(waits_for_lock)
            assert list(books.select_for_update(nowait=True, no_key=True))
        applied.result(timeout=10)
    assert outcome(placed) == TALKED


def test_an_erasure_takes_a_call_before_its_callbacks(member: Membership) -> None:
    """As whoever applies them, so that neither waits for the other."""
    placed = place(member)
    person = Subject(kind="callee", phone_e164=placed.row.lead.phone_e164 or "")

    def erase() -> None:
        try:
            VoiceStore().erase(person, now=datetime.now(UTC))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as threads:
        with held(placed):
            erased = threads.submit(erase)
            until(waits_for_lock)
            mine = Callback.objects.get_queryset().filter(call_id=placed.call_id)
            assert list(mine.select_for_update(nowait=True))
        erased.result(timeout=10)
    assert not Call.objects.get_queryset().filter(id=placed.call_id).exists()
