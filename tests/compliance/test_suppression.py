"""The do-not-call list."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction

from compliance import suppression, tombstones
from compliance.elements import ELEMENTS
from compliance.models import Suppression, Tombstone
from compliance.retention import expire
from identity import opt_out

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBER = "+37060000001"
OTHER = "+37060000002"


@pytest.mark.django_db
def test_a_suppressed_number_is_refused_in_its_workspace_only() -> None:
    workspace = uuid4()
    suppression.suppress(workspace_id=workspace, phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)
    assert not suppression.is_suppressed(workspace_id=workspace, phone_e164=OTHER)
    assert not suppression.is_suppressed(workspace_id=uuid4(), phone_e164=NUMBER)
    assert suppression.suppressed_among(workspace_id=workspace, phones_e164=[NUMBER, OTHER]) == {NUMBER}


@pytest.mark.django_db
def test_a_number_on_the_list_for_everybody_is_refused_everywhere_and_no_workspace_can_lift_it() -> None:
    workspace = uuid4()
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    assert not suppression.lift(workspace_id=workspace, phone_e164=NUMBER, source="owner", now=NOW)
    assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)


@pytest.mark.django_db
def test_suppressing_twice_keeps_one_entry_and_lifting_allows_again() -> None:
    workspace = uuid4()
    for _ in range(2):
        suppression.suppress(workspace_id=workspace, phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    assert Suppression.objects.count() == 1
    assert suppression.lift(workspace_id=workspace, phone_e164=NUMBER, source="owner", now=NOW)
    assert not suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)
    suppression.suppress(workspace_id=workspace, phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    assert suppression.is_suppressed(workspace_id=workspace, phone_e164=NUMBER)


@pytest.mark.django_db
def test_the_number_itself_is_stored_nowhere() -> None:
    suppression.suppress(workspace_id=uuid4(), phone_e164=NUMBER, reason="asked", source="rep", now=NOW)
    tombstones.bury(kind="phone", values=[NUMBER], now=NOW)
    rows = [str(vars(row)) for model in (Suppression, Tombstone) for row in model._default_manager.all()]
    assert len(rows) == 2
    assert not any(NUMBER[1:] in row or NUMBER[4:] in row for row in rows)


@pytest.mark.django_db
def test_a_tombstone_tells_what_was_erased_and_nothing_else() -> None:
    call = uuid4()
    for _ in range(2):
        tombstones.bury(kind="call", values=[call], now=NOW)
    assert tombstones.is_erased("call", str(call))
    assert not tombstones.is_erased("user", call)
    assert not tombstones.is_erased("call", uuid4())


@pytest.mark.django_db
def test_a_number_that_is_stopped_again_is_kept_for_the_whole_term_from_then_on() -> None:
    """Red when the first stop alone counts: the number could be called a day after it was stopped again."""
    term = timedelta(days=ELEMENTS["suppression"].retention_days or 0)
    again = NOW + term - timedelta(days=1)
    for at in (NOW, again):
        suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=at)
        opt_out.stop_number(mobile_e164=NUMBER, way="support", now=at)
    expire(now=NOW + term + timedelta(days=2))
    assert suppression.suppressed_everywhere(phone_e164=NUMBER)
    assert opt_out.is_stopped(NUMBER)
    expire(now=again + term + timedelta(days=1))
    assert not suppression.suppressed_everywhere(phone_e164=NUMBER)
    assert not opt_out.is_stopped(NUMBER)


@pytest.mark.django_db(transaction=True)
def test_what_is_asked_for_again_while_the_round_is_under_way_stays() -> None:
    """Red when the round removes whatever it has found, by its id."""
    again = NOW + timedelta(days=ELEMENTS["suppression"].retention_days or 0, hours=1)
    suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=NOW)
    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            suppression.suppress(workspace_id=None, phone_e164=NUMBER, reason="asked", source="callee", now=again)
            ending = elsewhere.submit(_expire_and_close, again)
            _wait_until_one_waits()
        ending.result()
    assert suppression.suppressed_everywhere(phone_e164=NUMBER)


@pytest.mark.django_db
def test_an_entry_that_names_no_later_time_has_been_asked_for_now() -> None:
    """Red when a program of the last version, still at work while the next is put in its place, can stop no number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO compliance_suppression (id, number_key, reason, source, created_at, lifted_source) "
            "VALUES (uuidv7(), 'key', 'asked', 'callee', statement_timestamp(), '')"
        )
    entry = Suppression.objects.get()
    assert entry.last_asked_at == entry.created_at


def _expire_and_close(now: datetime) -> None:
    try:
        expire(now=now)
    finally:
        connection.close()


def _wait_until_one_waits() -> None:
    """Until another session of the test's database waits for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Within a transaction the first look is what all later ones see.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return
        time.sleep(0.02)
    raise AssertionError("Nobody waited for the entry that is being asked for again.")
