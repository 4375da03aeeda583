"""Removing the bytes that DELETE leaves behind: in tables, indexes, statistics and the write-ahead log.

Nobody is shut out for long meanwhile: large tables are rewritten beside everybody's work, small ones in an instant, and a lock
that is not to be had at once is asked for again. docs/decisions/0019-rewrite-beside-the-work.md
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Literal

from django.apps import apps
from django.db import DatabaseError, IntegrityError, InternalError, NotSupportedError, ProgrammingError, connection
from django.db.backends.utils import CursorWrapper
from psycopg import sql

from compliance import left_bytes, online_rewrite, pace
from compliance.stores import NotYet, all_inventories

logger = logging.getLogger(__name__)

# VACUUM FULL of less, with its indexes, is over within tens of milliseconds.
ONLINE_FROM_BYTES: Final = 4 * 2**20
# What was written before the erasure is overwritten or removed after so many switches with checkpoints, on a small database.
WAL_SWITCHES: Final = 4
WAL_SWITCHES_MAX: Final = 128
# Files that are no fewer after so many more are kept for a replica or an archive, which switches alone do not change.
WAL_SWITCHES_IN_VAIN: Final = 8
# For so long those are waited for who still read what was erased.
READERS_S: Final = 10.0
# A worker's thread is missed elsewhere, so whoever finds another rewrite comes back later.
TURN_S: Final = 1.0
# Whoever has nothing else to do waits for it so long.
PATIENT_TURN_S: Final = 600.0
# How often both are asked for again.
TURN_EVERY_S: Final = 0.2
READERS_EVERY_S: Final = 0.05
_NEXT_SECOND: Final = """
SELECT next, extract(epoch FROM next - clock_timestamp())::float + 0.01
FROM (SELECT date_trunc('second', clock_timestamp()) + interval '1 second' AS next)
"""
# Histories of timelines and labels of backups stand beside the log's own files, and hold no rows.
_SEGMENT: Final = "^[0-9A-F]{24}$"
# Of a table that is empty now ANALYZE leaves those from before, of its indexes' expressions too.
_CAN_CLEAR_STATISTICS: Final = "SELECT to_regproc('pg_clear_attribute_stats') IS NOT NULL"
_CLEAR_STATISTICS: Final = """
SELECT pg_clear_attribute_stats(n.nspname, c.relname, a.attname, false)
FROM pg_class AS emptied
JOIN pg_class AS c ON c.oid = emptied.oid OR c.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = emptied.oid)
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE emptied.oid = quote_ident(%(name)s)::regclass AND emptied.reltuples <= 0
"""


def rewrite_bytes(*, turn_s: float = TURN_S) -> dict[str, int]:
    """Rewrites every table that may hold personal data, with its statistics, then lets the log go round. turn_s: for how long
    another rewrite is waited for.

    Returns tables rewritten, how many of them beside everybody's work, and switches made; 0 switches when the database role may
    not make them, in which case the old log goes when it is recycled, and the operator's backups within 21 days. log_left, where
    there are any: older files of the log that PostgreSQL keeps for a replica or an archive.
    Raises DatabaseError when a table stays locked by others for longer than a minute; NotYet when somebody reads what was erased
    for longer than READERS_S, or another rewrite lasts longer than turn_s; RuntimeError inside a transaction.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Bytes cannot be rewritten inside a transaction.")
    tables = personal_tables()
    with _turn(turn_s):
        ended_until = left_bytes.newest()
        _await_older_readers()
        online_rewrite.clear()
        online = sum(_rewrite(table) for table in tables)
        # The statistics that ANALYZE replaced quoted the most common values; whoever reads something since before that keeps them.
        _await_older_readers()
        _rewrite_at_once("VACUUM (FULL) pg_catalog.pg_statistic")
    switched = _switch_log()
    left_bytes.note_removed(until=ended_until)
    return {"tables": len(tables), "online": online, **switched}


def clear_left() -> None:
    """Removes the copy and the notes that a rewrite left that died, unless one goes on: nothing else ends their terms."""
    try:
        with _turn(TURN_S):
            online_rewrite.clear()
    except NotYet:
        return


@contextmanager
def no_rewrite() -> Iterator[None]:
    """For whoever reads of one snapshot: of a table that is exchanged after it was taken it would see what was copied last, or nothing.

    Outside of a transaction. Raises NotYet when a rewrite lasts longer than PATIENT_TURN_S.
    """
    with _turn(PATIENT_TURN_S, shared="_shared"):
        yield


def personal_tables() -> list[str]:
    """Tables of all models with a field that is declared as anything but "none"."""
    names = {
        field.rsplit(".", 1)[0]
        for inventory in all_inventories()
        for field, element in inventory.items()
        if element != "none"
    }
    return sorted(apps.get_model(name)._meta.db_table for name in names)


@contextmanager
def _turn(turn_s: float, *, shared: Literal["", "_shared"] = "") -> Iterator[None]:
    """One rewrite at a time: another waits until it is its turn, and then removes what was deleted since. Raises NotYet."""
    lock = "hashtextextended('compliance.rewrite', 0)"
    until = time.monotonic() + turn_s
    with connection.cursor() as cursor:
        # Asked again and again: a statement that waits would be an older reader to the one whose turn it is.
        while not _answer(cursor, f"SELECT pg_try_advisory_lock{shared}({lock})"):
            if time.monotonic() > until:
                raise NotYet("Another rewrite goes on.")
            time.sleep(TURN_EVERY_S)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_advisory_unlock{shared}({lock})")


def _rewrite(table: str) -> bool:
    """Whether beside everybody's work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
        is_large = cursor.fetchone()[0] >= ONLINE_FROM_BYTES
    if is_large:
        try:
            online_rewrite.rewrite_online(table)
            return True
        except online_rewrite.NotOnline as error:
            reason = str(error)
        # A role that may make no schema, or something that depends on the table in a way that is not looked for.
        except (ProgrammingError, InternalError, IntegrityError, NotSupportedError) as error:
            reason = type(error).__name__
        # The bytes go all the same; whoever needs the table waits.
        logger.warning("table rewritten under a lock", extra={"table": table, "reason": reason})
    online_rewrite.send_autovacuum_away(f'"{table}"')
    _rewrite_at_once(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table)))
    with connection.cursor() as cursor:
        if _answer(cursor, _CAN_CLEAR_STATISTICS):
            cursor.execute(_CLEAR_STATISTICS, {"name": table})
    return False


def _answer(cursor: CursorWrapper, question: str) -> bool:
    cursor.execute(question)
    return bool(cursor.fetchone()[0])


def _rewrite_at_once(statement: str | sql.Composed) -> None:
    def rewrite() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SET lock_timeout = {}").format(online_rewrite.LOCK_WAIT_MS))
            try:
                with pace.paced():
                    cursor.execute(statement)
            finally:
                cursor.execute("RESET lock_timeout")

    online_rewrite.patiently(rewrite)


def _await_older_readers() -> None:
    """A rewrite keeps the rows that some transaction from before the erasure can still see, such as a copy or a backup that runs.

    Those of other roles are seen only by a role that has pg_read_all_stats.
    """
    until = time.monotonic() + READERS_S
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::xid::text")
        (ours,) = cursor.fetchone()
        while True:
            cursor.execute(
                """
                SELECT EXISTS (
                    SELECT FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid()
                        AND (age(backend_xmin) > age(%(ours)s::xid) OR age(backend_xid) > age(%(ours)s::xid))
                )
                """,
                {"ours": ours},
            )
            if cursor.fetchone() == (False,):
                return
            if time.monotonic() > until:
                raise NotYet("Somebody still reads what was erased; the bytes are removed after that.")
            time.sleep(READERS_EVERY_S)


def _switch_log() -> dict[str, int]:
    switches, left, fewer_at = 0, 0, WAL_SWITCHES
    try:
        with connection.cursor() as cursor:
            # Files tell their times in whole seconds: what is written from then on is told from what was written before.
            cursor.execute(_NEXT_SECOND)
            began, wait_s = cursor.fetchone()
            time.sleep(wait_s)
            while switches < WAL_SWITCHES_MAX:
                # A switch right after another does nothing, so each needs something to be written first.
                with pace.paced():
                    cursor.execute("SELECT pg_logical_emit_message(false, 'klosesales', 'switch')")
                    cursor.execute("SELECT pg_switch_wal()")
                    cursor.execute("CHECKPOINT")
                switches += 1
                if switches >= WAL_SWITCHES:
                    before, left = left, _older_log(began)
                    fewer_at = switches if left < before else fewer_at
                    if not left or switches - fewer_at >= WAL_SWITCHES_IN_VAIN:
                        break
    except DatabaseError as error:
        logger.warning("write-ahead log not switched", extra={"error_type": type(error).__name__})
    if left:
        logger.warning("older files of the write-ahead log are kept", extra={"left": left})
    return {"log_switches": switches, **({"log_left": left} if left else {})}


def _older_log(began: datetime) -> int:
    """How many files of the log were last written before then: those that PostgreSQL keeps to use again hold old bytes until then.
    0 when the role may not see them."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_ls_waldir() WHERE modification < %s AND name ~ %s", [began, _SEGMENT]
            )
            return int(cursor.fetchone()[0])
    except DatabaseError as error:
        logger.warning("write-ahead log not seen", extra={"error_type": type(error).__name__})
        return 0
