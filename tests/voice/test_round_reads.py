"""A round of the clock reads what is due, not what years of use have left behind.

PostgreSQL itself counts the rows that each piece of work had it read. Counted is what the work asks over its own connection; what
it hands to threads of its own is asked for what was found due alone.

Planted bugs that this catches: each of the indexes call_ended, stream_connected, ledger_hold_open, ai_query_age, delivery_dead and
policy_mail_age taken away; calls without text left among those whose text ends, by the rule or by its index; JIT as PostgreSQL comes
with it.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Final

import pytest
from django.apps import apps
from django.db import connection

from compliance import retention
from config.management.commands.clock import LANES
from processors.errors import DomainError
from tests.voice import old_rows
from tests.voice.carrier import Placed

pytestmark = pytest.mark.django_db(transaction=True)
# What comes round more seldom may go through a whole table: to check the books is to read them.
OFTEN_S: Final = 60
READ_MAX: Final = old_rows.COUNT // 40


def read_by(work: Callable[[], object]) -> dict[str, int]:
    """Of which tables it read more than READ_MAX rows, and how many."""
    before = rows_read()
    # Nobody answers for the seller; what was read until then counts.
    with suppress(DomainError):
        work()
    return {table: rows - before[table] for table, rows in rows_read().items() if rows - before[table] > READ_MAX}


def rows_read() -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
        )
        return dict(cursor.fetchall())


@pytest.fixture
def workspace_of_years(placed: Placed) -> Placed:
    """A call that goes on in a workspace that has called for long."""
    row = placed.row
    old_rows.fill(workspace_id=row.workspace_id, user_id=row.user_id, now=datetime.now(UTC))
    return placed


def test_no_work_of_a_round_reads_what_is_over(workspace_of_years: Placed) -> None:
    often = {work for rounds in LANES.values() for every_s, work in rounds if every_s <= OFTEN_S}
    assert len(often) > 40
    read = {
        f"{work.__module__}.{work.__name__}": read_by(partial(work, now=datetime.now(UTC)))
        for work in sorted(often, key=lambda work: (work.__module__, work.__name__))
    }
    assert {name: tables for name, tables in read.items() if tables} == {}
    with connection.cursor() as cursor:
        for table in old_rows.TABLES:
            cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608
            assert cursor.fetchone()[0] >= old_rows.COUNT, f"a round ended rows of {table}: they were due"


def test_no_kind_of_data_is_gone_through_for_what_ends(workspace_of_years: Placed) -> None:
    """The clock asks so over a connection of its own, of which PostgreSQL counts later."""
    read = [(rule.models, read_by(partial(rule.end, now=datetime.now(UTC)))) for rule in retention.rules()]
    assert [(models, tables) for models, tables in read if tables] == []


def test_what_will_end_in_the_next_month_is_counted_without_the_rest(workspace_of_years: Placed) -> None:
    workspace_id = workspace_of_years.row.workspace_id
    read = read_by(lambda: retention.preview(now=datetime.now(UTC), days=30, workspace_id=workspace_id))
    assert "voice_call" not in read
    assert "voice_transcriptsegment" not in read


def test_whatever_grows_is_filled() -> None:
    ours = {
        model._meta.db_table for model in apps.get_models() if model._meta.app_label not in ("auth", "contenttypes")
    }
    assert ours == old_rows.TABLES | old_rows.FEW
    assert not old_rows.TABLES & old_rows.FEW


def test_postgresql_compiles_nothing_that_we_ask() -> None:
    """However the server is set: the connection says so itself."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting, source FROM pg_settings WHERE name = 'jit'")
        assert cursor.fetchone() == ("off", "client")
