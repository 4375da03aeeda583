"""Removing the bytes that DELETE leaves behind: in tables, indexes, statistics and the write-ahead log."""

import logging
from typing import Final

from django.apps import apps
from django.db import DatabaseError, connection
from psycopg import sql

from compliance.stores import all_inventories

logger = logging.getLogger(__name__)

LOCK_TIMEOUT: Final = "10s"
# What was written before the erasure is overwritten or removed after so many switches with checkpoints.
WAL_SWITCHES: Final = 4


def rewrite_bytes() -> dict[str, int]:
    """Rewrites every table that may hold personal data, with its statistics, then lets the log go round.

    Returns tables rewritten and switches made; 0 switches when the database role may not make them, in which case the
    old log goes when it is recycled, and the operator's backups within 21 days.
    Raises DatabaseError when a table stays locked for longer than LOCK_TIMEOUT; RuntimeError inside a transaction.
    """
    if connection.in_atomic_block:
        raise RuntimeError("Bytes cannot be rewritten inside a transaction.")
    tables = personal_tables()
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SET lock_timeout = {}").format(LOCK_TIMEOUT))
        try:
            for table in tables:
                cursor.execute(sql.SQL("VACUUM (FULL, ANALYZE) {}").format(sql.Identifier(table)))
            # The statistics that ANALYZE replaced quoted the most common values.
            cursor.execute("VACUUM (FULL) pg_catalog.pg_statistic")
        finally:
            cursor.execute("RESET lock_timeout")
    return {"tables": len(tables), "log_switches": _switch_log()}


def personal_tables() -> list[str]:
    """Tables of all models with a field that is declared as anything but "none"."""
    names = {
        field.rsplit(".", 1)[0]
        for inventory in all_inventories()
        for field, element in inventory.items()
        if element != "none"
    }
    return sorted(apps.get_model(name)._meta.db_table for name in names)


def _switch_log() -> int:
    switches = 0
    try:
        with connection.cursor() as cursor:
            for _ in range(WAL_SWITCHES):
                # A switch right after another does nothing, so each needs something to be written first.
                cursor.execute("SELECT pg_logical_emit_message(false, 'klosesales', 'switch')")
                cursor.execute("SELECT pg_switch_wal()")
                cursor.execute("CHECKPOINT")
                switches += 1
    except DatabaseError as error:
        logger.warning("write-ahead log not switched", extra={"error_type": type(error).__name__})
    return switches
