"""Large tables are rewritten beside everybody's work, and come out of it as they were but for the deleted bytes."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from huey.contrib.djhuey import HUEY

from compliance import online_rewrite, rewrite, table_catalogue, tasks
from compliance.stores import NotYet
from identity import tenancy
from identity.models import Membership
from tests.compliance.test_erasure import NOW, bytes_on_disk, plant
from tests.identity.conftest import MakeAccount
from tests.opened import connection_info
from voice.models import Call, CallLeg, TranscriptSegment
from voice.replay import replay

pytestmark = pytest.mark.django_db(transaction=True)
SEGMENTS = "voice_transcriptsegment"
# Those that are rewritten under a lock however large they are: none grows with calls or with questions.
UNDER_LOCK = {"compliance_case", "ledger_paddleevent", "ledger_topupplan", "voice_dialpause_calls"}


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account()
    plant(member, "Brobdingnag", "+37060012345")
    plant(member, "Laputania", "+37060054321")
    return member


@pytest.fixture
def colleague(member: Membership) -> Iterator[threading.Event]:
    """Somebody who writes, changes and deletes text for as long as the test goes on. Set once it has begun."""
    call = Call.objects.get_queryset().get(idempotency_key="Laputania")
    begun, ends = threading.Event(), threading.Event()

    def write() -> None:
        number = 1_000
        while not ends.is_set():
            segment = segment_of(call, number, f"written meanwhile {number}")
            TranscriptSegment.objects.get_queryset().filter(id=segment.id).update(text=f"changed meanwhile {number}")
            if number % 3 == 0:
                segment.delete()
            if number < 2_000:
                TranscriptSegment.objects.get_queryset().filter(call=call, sequence=number - 1_000).update(
                    text="changed"
                )
            number += 1
            begun.set()
        connection.close()

    writing = threading.Thread(target=write)
    writing.start()
    begun.wait(10)
    yield begun
    ends.set()
    writing.join(20)


def segment_of(call: Call, sequence: int, text: str) -> TranscriptSegment:
    return TranscriptSegment.objects.create(
        workspace_id=call.workspace_id,
        call=call,
        sequence=sequence,
        speaker="agent",
        start_ms=sequence,
        end_ms=sequence,
        text=text,
        created_at=NOW,
    )


def catalogue(table: str) -> table_catalogue.Catalogue:
    with connection.cursor() as cursor:
        return table_catalogue.read(cursor, table)


def unproved() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_constraint WHERE NOT convalidated")
        return int(cursor.fetchone()[0])


@pytest.mark.policy("C6.2")
def test_what_others_write_meanwhile_is_there_and_what_was_deleted_is_not(
    member: Membership, colleague: threading.Event
) -> None:
    """Planted bug that this catches: rows that changed after they were copied are not copied again."""
    before = catalogue(SEGMENTS)
    TranscriptSegment.objects.get_queryset().filter(call__idempotency_key="Brobdingnag").delete()
    for _ in range(3):
        online_rewrite.rewrite_online(SEGMENTS)
    texts = dict(TranscriptSegment.objects.get_queryset().values_list("sequence", "text"))
    newest = max(texts)
    assert newest > 1_003
    # The last two may be half written while this looks.
    for number in range(1_000, newest - 2):
        assert texts.get(number) == (None if number % 3 == 0 else f"changed meanwhile {number}")
        assert number == 1_000 or number - 1_000 > 199 or texts[number - 1_000] == "changed"
    assert not before.unlike(catalogue(SEGMENTS)) and unproved() == 0
    rewrite.rewrite_bytes()
    assert bytes_on_disk("this is Brobdingnag speaking") == 0
    assert bytes_on_disk("changed meanwhile 1001")


def test_calls_keep_what_refers_to_them(member: Membership) -> None:
    before = catalogue("voice_call")
    call = Call.objects.get_queryset().get(idempotency_key="Laputania")
    online_rewrite.rewrite_online("voice_call")
    assert before.inbound and not before.unlike(catalogue("voice_call")) and unproved() == 0
    stranger = Call(id=member.user_id, workspace_id=call.workspace_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        segment_of(stranger, 1, "of no call")
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM voice_call WHERE id = %s", [call.id])
    segment_of(call, 500, "of a call")
    CallLeg.objects.create(workspace_id=call.workspace_id, call=call, role="agent", sid="CA1")
    call.delete()
    assert not TranscriptSegment.objects.get_queryset().filter(call_id=call.id).exists()


def test_every_table_with_personal_data_comes_out_as_it_was(member: Membership) -> None:
    """A table that cannot be rewritten beside the work is one that shuts people out once it is large."""
    under_lock = set()
    for table in rewrite.personal_tables():
        before = catalogue(table)
        try:
            online_rewrite.rewrite_online(table)
        except online_rewrite.NotOnline:
            under_lock.add(table)
        assert not before.unlike(catalogue(table)), table
    assert under_lock == UNDER_LOCK
    assert unproved() == 0
    assert online_rewrite.CONFINED_BY == tenancy.SETTING
    with tenancy.confined(member.workspace_id), pytest.raises(online_rewrite.NotOnline):
        online_rewrite.rewrite_online(SEGMENTS)


def test_what_a_copy_would_lose_is_rewritten_under_a_lock(member: Membership) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE VIEW said AS SELECT text FROM {SEGMENTS}")  # noqa: S608 - a constant
    try:
        with pytest.raises(online_rewrite.NotOnline):
            online_rewrite.rewrite_online(SEGMENTS)
        assert rewrite.rewrite_bytes()["tables"] > 10
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM said")
            assert cursor.fetchone() == (398,)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP VIEW said")


def test_what_cannot_be_dropped_is_rewritten_under_a_lock(member: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug that this catches: an error of the database that comes again each time keeps an erasure from ever ending."""
    monkeypatch.setattr(rewrite, "ONLINE_FROM_BYTES", 0)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION said() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM {SEGMENTS}; END"  # noqa: S608 - a constant
        )
    try:
        assert not rewrite._rewrite(SEGMENTS)
        assert not online_rewrite.has_left()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION said")


@pytest.mark.parametrize(("name", "is_kept"), [("0000000100000FFF00000001", True), ("00000001.history", False)])
def test_files_of_the_log_that_stay_do_not_have_it_switched_for_ever(name: str, is_kept: bool) -> None:
    """As a slow archive keeps them. Planted bug that this catches: they are waited for however often the log is switched."""
    kept = Path(settings.DATA_DIR) / "postgres" / "pg_wal" / name
    kept.write_text("")
    os.utime(kept, (0, 0))
    try:
        switched = rewrite._switch_log()
    finally:
        kept.unlink()
    assert switched["log_switches"] < rewrite.WAL_SWITCHES_MAX
    assert ("log_left" in switched) == is_kept


def test_whoever_finds_another_rewrite_comes_back_later(member: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted bug that this catches: the tables are exchanged under whoever compares them all as of one moment."""
    monkeypatch.setattr(rewrite, "PATIENT_TURN_S", 0.1)
    with psycopg.connect(connection_info()) as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('compliance.rewrite', 0))")
        other.commit()
        with pytest.raises(NotYet):
            replay(differs=lambda difference: None)
        with pytest.raises(NotYet):
            rewrite.rewrite_bytes()


def test_a_rewrite_that_died_is_cleared_away_by_the_clock(member: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    old = catalogue(SEGMENTS)
    online_rewrite._begin(old)
    segment_of(Call.objects.get_queryset().get(idempotency_key="Laputania"), 600, "noted")
    monkeypatch.setattr(HUEY, "immediate", True)
    tasks.look_for_dead_rewrites(now=NOW)
    assert not online_rewrite.has_left()
    online_rewrite.rewrite_online(SEGMENTS)
    assert not old.unlike(catalogue(SEGMENTS))
    assert TranscriptSegment.objects.get_queryset().count() == 399
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", [online_rewrite.SCHEMA])
        assert cursor.fetchone() == (0,)


def test_what_a_migration_gives_the_table_meanwhile_is_kept(
    member: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted bug that this catches: the copy is compared with what the table was before minutes of copying."""
    copy = online_rewrite._copy

    def migrate_meanwhile(old: table_catalogue.Catalogue) -> None:
        copy(old)
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {SEGMENTS} ADD COLUMN mood text DEFAULT 'glad'")

    monkeypatch.setattr(online_rewrite, "_copy", migrate_meanwhile)
    try:
        with pytest.raises(online_rewrite.NotOnline, match="attributes"):
            online_rewrite.rewrite_online(SEGMENTS)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {SEGMENTS} WHERE mood = 'glad'")  # noqa: S608 - a constant
            assert cursor.fetchone() == (398,)
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {SEGMENTS} DROP COLUMN IF EXISTS mood")


def test_what_is_written_while_the_exchange_is_waited_for_is_copied_before_it(member: Membership) -> None:
    """Planted bug that this catches: all that was noted meanwhile is copied while everybody is shut out."""

    def count(table: str) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [table])
            if cursor.fetchone() == (False,):
                return -1
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a constant
            return int(cursor.fetchone()[0])

    def rewrite_beside() -> None:
        online_rewrite.rewrite_online(SEGMENTS)
        connection.close()

    notes, copied = f"{online_rewrite.SCHEMA}.rewriting_note", f"{online_rewrite.SCHEMA}.{SEGMENTS}"
    rewriting = threading.Thread(target=rewrite_beside)
    with psycopg.connect(connection_info()) as reading:
        reading.execute(f"SELECT count(*) FROM {SEGMENTS}")  # noqa: S608 - a constant
        rewriting.start()
        wait_for(lambda: count(copied) == 398)
        for number in range(1, 4):
            segment_of(Call.objects.get_queryset().get(idempotency_key="Laputania"), 700 + number, "while it waits")
            wait_for(lambda number=number: count(copied) == 398 + number)  # type: ignore[misc]
        assert count(notes) == 0 and rewriting.is_alive()
        with connection.cursor() as cursor:
            cursor.execute("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [copied])
            assert cursor.fetchone() == (["autovacuum_enabled=off"],)
    rewriting.join(60)
    assert TranscriptSegment.objects.get_queryset().filter(text="while it waits").count() == 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT reloptions FROM pg_class WHERE oid = %s::regclass", [SEGMENTS])
        assert cursor.fetchone() == (None,)


def wait_for(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_whoever_holds_the_table_is_waited_for_without_a_queue_behind(member: Membership) -> None:
    """Others read on while the rewrite waits for one who does not let go of the table."""
    holds, lets_go = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            TranscriptSegment.objects.get_queryset().filter(sequence=1).update(text="held")
            holds.set()
            lets_go.wait(20)
        connection.close()

    holding = threading.Thread(target=hold)
    holding.start()
    holds.wait(10)

    def rewrite_beside() -> None:
        online_rewrite.rewrite_online(SEGMENTS)
        connection.close()

    rewriting = threading.Thread(target=rewrite_beside)
    rewriting.start()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '2s'")
    try:
        for sequence in range(2, 40):
            TranscriptSegment.objects.get_queryset().filter(sequence=sequence).update(text="changed")
        assert rewriting.is_alive()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET statement_timeout")
        lets_go.set()
        holding.join(20)
        rewriting.join(60)
    assert TranscriptSegment.objects.get_queryset().filter(text="held").count() == 2
    assert TranscriptSegment.objects.get_queryset().filter(text="changed").count() == 76
