"""Rewriting a large table while others read and write it: a copy beside it, which takes its place in a moment.

VACUUM FULL shuts everybody out for as long as it copies. Here a trigger notes which rows change while the copy is made; those
are copied again, and only the last few of them and the exchange of the two tables happen under a lock. Nothing of the old files
is left: they go with the old table. At the end the copy's catalogue is compared with the old one's, and at any difference
nothing has happened.
"""

import random
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from django.db import OperationalError, connection, transaction
from psycopg import errors, sql

from compliance import pace, table_catalogue
from compliance.table_catalogue import TABLE, Catalogue

# Where the copy stands under the table's own name until it takes its place. Nothing else is ever in it.
SCHEMA: Final = "rewriting"
# As in identity/tenancy.py: a session that sees one workspace alone would copy that one's rows and lose all others.
CONFINED_BY: Final = "klose.workspace"
# Of the table at once: so many that it takes about this long, and others' commits have little to wait for.
COPIED_AT_ONCE_S: Final = 0.01
BLOCKS_AT_ONCE: Final = (8, 512)
# What is noted is copied again until that takes no longer; the exchange does the rest under its locks.
CAUGHT_UP_S: Final = 0.05
CATCH_UPS_MAX: Final = 20
# Whoever comes after us in a lock's queue waits as long as we do.
LOCK_WAIT_MS: Final = 100
# PostgreSQL ends an autovacuum that somebody waits for, but only after its deadlock_timeout of a second.
AUTOVACUUM_WAIT_MS: Final = 3_000
PATIENCE_S: Final = 60.0
# Between two attempts, at least and at most.
AGAIN_S: Final = (0.05, 0.3)
_NOTE: Final = "rewriting_note"
_Result = TypeVar("_Result")


class NotOnline(RuntimeError):
    """The table has something that the copy would not have; the message says what. Nothing was changed. Permanent."""


def rewrite_online(table: str) -> None:
    """Leaves no byte of deleted or earlier rows in the table's files. Outside of a transaction, one at a time.

    :raises NotOnline: for what is no plain table with a key named id.
    :raises OperationalError: its locks were not to be had within PATIENCE_S.
    """
    with connection.cursor() as cursor:
        old = table_catalogue.read(cursor, table)
        _demand_plain(cursor, old)
    try:
        send_autovacuum_away(old.full_name)
        patiently(lambda: _begin(old))
        with pace.committed_later():
            _copy(old)
        _catch_up(old)
        _furnish(old)
        patiently(lambda: _exchange_with_little_left(old))
    finally:
        clear()
    _validate(old)


def clear() -> None:
    """Removes what a rewrite left that did not come to its end.

    :raises OperationalError: its locks were not to be had within PATIENCE_S.
    """

    def drop() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            _wait_shortly(cursor)
            cursor.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(SCHEMA)))

    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s", [_NOTE])
        noting = cursor.fetchall()
    for (table,) in noting:
        send_autovacuum_away(table)
    patiently(drop)


def has_left() -> bool:
    """Whether a rewrite goes on, or one left something that did not come to its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s)", [SCHEMA])
        return bool(cursor.fetchone()[0])


def send_autovacuum_away(table: str) -> None:
    """Waits for an autovacuum of the table in a way that ends it and that no reader and no writer stands behind. table: quoted."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            _wait_shortly(cursor, AUTOVACUUM_WAIT_MS)
            cursor.execute(sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(sql.SQL(table)))
    except OperationalError as error:
        # Somebody else has it; whoever needs more of the table asks for it in its own way.
        if not isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected)):
            raise


def patiently(act: Callable[[], _Result]) -> _Result:
    """Tries again while others hold the locks, so that nobody ever waits behind us for long.

    :raises OperationalError: not within PATIENCE_S.
    """
    limit = time.monotonic() + PATIENCE_S
    while True:
        try:
            return act()
        except OperationalError as error:
            is_busy = isinstance(error.__cause__, (errors.LockNotAvailable, errors.DeadlockDetected))
            if not is_busy or time.monotonic() > limit:
                raise
        # Not secret: only so that two who wait for each other do not try again at the same moments.
        time.sleep(random.uniform(*AGAIN_S))  # noqa: S311


def _wait_shortly(cursor: Any, most_ms: int = LOCK_WAIT_MS) -> None:
    cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(most_ms))


def _demand_plain(cursor: Any, table: Catalogue) -> None:
    """:raises NotOnline:"""
    cursor.execute("SELECT current_setting(%s, true)", [CONFINED_BY])
    if cursor.fetchone()[0]:
        raise NotOnline("This session sees one workspace alone.")
    if not any((kind, definition) == ("p", "PRIMARY KEY (id)") for kind, _, definition in table.constraints):
        raise NotOnline(f"{table.name} has no key named id.")
    if table_catalogue.is_peculiar(cursor, table.name):
        raise NotOnline(f"{table.name} is no plain table, or others are made of it.")
    if any(" REFERENCES " + table.name + "(" in definition for _, definition in table.foreign):
        raise NotOnline(f"{table.name} refers to itself.")


def _begin(old: Catalogue) -> None:
    """An empty copy, and from now on a note of each row that changes; writers that began before are waited for."""
    names = _names(old)
    with transaction.atomic(), connection.cursor() as cursor:
        _wait_shortly(cursor)
        for statement in _BEGIN:
            cursor.execute(sql.SQL(statement).format(**names))
        for name, value in old.options:
            option = sql.SQL("ALTER TABLE {new} SET ({option} = {value})")
            cursor.execute(option.format(**names, option=sql.Identifier(name), value=sql.Literal(value)))
        for policy in old.policies:
            cursor.execute(_about_copy(policy, old))
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = %s::regclass", [old.full_name]
        )
        for is_wanted, security in zip(cursor.fetchone(), ("ENABLE", "FORCE"), strict=True):
            if is_wanted:
                alter = sql.SQL("ALTER TABLE {new} {security} ROW LEVEL SECURITY")
                cursor.execute(alter.format(**names, security=sql.SQL(security)))


def _copy(old: Catalogue) -> None:
    """What stood in the table when the notes began, little at a time and in its order."""
    copy = sql.SQL(
        "INSERT INTO {new} ({columns}) SELECT {columns} FROM {old} WHERE ctid >= %s::tid AND ctid < %s::tid"
        # A row that moved while we went is met twice; it is noted, and copied again.
        " ON CONFLICT DO NOTHING"
    ).format(**_names(old))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::int", [old.full_name])
        blocks = cursor.fetchone()[0]
        first, at_once = 0, BLOCKS_AT_ONCE[0]
        while first < blocks:
            began = time.monotonic()
            cursor.execute(copy, [f"({first},0)", f"({first + at_once},0)"])
            taken_s = time.monotonic() - began
            pace.rest(taken_s)
            first += at_once
            wanted = round(at_once * COPIED_AT_ONCE_S / max(taken_s, 0.001))
            # Twice as many at most, as what one piece took says little of the next.
            at_once = max(BLOCKS_AT_ONCE[0], min(wanted, 2 * at_once, BLOCKS_AT_ONCE[1]))


def _catch_up(old: Catalogue) -> None:
    """Makes the copy what the table was at one moment: the rows noted until then are copied again, or gone."""
    with transaction.atomic(), connection.cursor() as cursor:
        # Of one snapshot: else a unique value that went from one row to another could be met in both.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        _apply(cursor, old)


def _apply(cursor: Any, old: Catalogue) -> None:
    names = _names(old)
    cursor.execute(sql.SQL("DELETE FROM {notes} RETURNING id").format(**names))
    changed = list({row[0] for row in cursor.fetchall()})
    if changed:
        cursor.execute(sql.SQL("DELETE FROM {new} WHERE id = ANY(%s)").format(**names), [changed])
        again = "INSERT INTO {new} ({columns}) SELECT {columns} FROM {old} WHERE id = ANY(%s)"
        cursor.execute(sql.SQL(again).format(**names), [changed])


def _furnish(old: Catalogue) -> None:
    """Indexes, grants and statistics, once all rows are there and while nobody reads the copy yet."""
    names = _names(old)
    with connection.cursor() as cursor:
        for name, definition in old.unique:
            add = sql.SQL("ALTER TABLE {new} ADD CONSTRAINT {name} {definition}")
            with pace.paced():
                cursor.execute(add.format(**names, name=sql.Identifier(name), definition=sql.SQL(definition)))
        for _, statement, is_of_constraint in old.indexes:
            if not is_of_constraint:
                with pace.paced():
                    cursor.execute(re.sub(r" ON \S+ USING ", f" ON {SCHEMA}.{old.name} USING ", statement, count=1))
        for grant in old.grants:
            cursor.execute(_about_copy(grant, old))
        with pace.paced():
            cursor.execute(sql.SQL("ANALYZE {new}").format(**names))


def _exchange_with_little_left(old: Catalogue) -> None:
    for _ in range(CATCH_UPS_MAX):
        began = time.monotonic()
        _catch_up(old)
        if time.monotonic() - began < CAUGHT_UP_S:
            break
    send_autovacuum_away(old.full_name)
    _exchange(old)


def _exchange(old: Catalogue) -> None:
    """The copy takes the table's place, or nothing happens.

    :raises NotOnline: it is not like it, or the table is not what it was when the copy began.
    """
    names = _names(old)
    with transaction.atomic(), connection.cursor() as cursor:
        _wait_shortly(cursor)
        _lock(cursor, old)
        # Nobody changes it any more. What a migration gave it meanwhile the copy has not, and neither has `old`.
        now = table_catalogue.read(cursor, old.name, but_trigger=_NOTE)
        if unlike := old.unlike(now):
            raise NotOnline(f"{old.name} was given other {', '.join(unlike)} meanwhile.")
        _demand_plain(cursor, now)
        _apply(cursor, old)
        for referring, name, _ in old.inbound:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            cursor.execute(drop.format(sql.SQL(referring), sql.Identifier(name)))
        cursor.execute(sql.SQL("DROP TABLE {old}").format(**names))
        cursor.execute(
            sql.SQL("ALTER TABLE {new} RESET (autovacuum_enabled, toast.autovacuum_enabled)").format(**names)
        )
        cursor.execute(sql.SQL("ALTER TABLE {new} SET SCHEMA {schema}").format(**names))
        # They bind whoever writes from now on; what was copied is looked through afterwards, without shutting anybody out.
        own = ((old.full_name, name, definition) for name, definition in old.foreign)
        for table, name, definition in (*own, *old.inbound):
            add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {} NOT VALID")
            cursor.execute(add.format(sql.SQL(table), sql.Identifier(name), sql.SQL(definition)))
        for _, statement in old.triggers:
            cursor.execute(statement)
        if unlike := old.unlike(table_catalogue.read(cursor, old.name)):
            raise NotOnline(f"The copy of {old.name} has other {', '.join(unlike)}.")


def _lock(cursor: Any, old: Catalogue) -> None:
    """All that dropping a table with its foreign keys needs, the table itself first, as those who write to it take it first too.

    All of them together are waited for no longer than one, as those that were had are shut meanwhile.
    """
    until = time.monotonic() + LOCK_WAIT_MS / 1_000
    for table in (
        old.full_name,
        _about_copy(TABLE, old),
        *table_catalogue.referred(cursor, old.name),
        *sorted({table for table, _, _ in old.inbound}),
    ):
        # None at all would be without an end.
        _wait_shortly(cursor, max(1, round((until - time.monotonic()) * 1_000)))
        cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(table)))
    _wait_shortly(cursor)


def _validate(old: Catalogue) -> None:
    """Looks through what was copied, beside everybody's work."""

    def validate(table: str, name: str) -> None:
        send_autovacuum_away(table)
        with pace.paced(), transaction.atomic(), connection.cursor() as cursor:
            _wait_shortly(cursor)
            prove = sql.SQL("ALTER TABLE {} VALIDATE CONSTRAINT {}")
            cursor.execute(prove.format(sql.SQL(table), sql.Identifier(name)))

    for name, _ in old.foreign:
        patiently(partial(validate, old.full_name, name))
    for table, name, _ in old.inbound:
        patiently(partial(validate, table, name))


def _about_copy(statement: str, old: Catalogue) -> str:
    return statement.replace(TABLE, f'{SCHEMA}."{old.name}"')


def _names(old: Catalogue) -> dict[str, sql.Composable]:
    return {
        "schema": sql.Identifier(old.schema),
        "aside": sql.Identifier(SCHEMA),
        "old": sql.Identifier(old.schema, old.name),
        "new": sql.Identifier(SCHEMA, old.name),
        "notes": sql.Identifier(SCHEMA, _NOTE),
        "note": sql.Identifier(_NOTE),
        "key": sql.Identifier(old.key),
        "columns": sql.SQL(", ").join(map(sql.Identifier, old.columns)),
    }


_BEGIN: Final = (
    "CREATE SCHEMA {aside}",
    "CREATE TABLE {new} (LIKE {old} INCLUDING ALL EXCLUDING INDEXES)",
    # It would be vacuumed for all that is put into it, and could not be exchanged meanwhile.
    "ALTER TABLE {new} SET (autovacuum_enabled = off, toast.autovacuum_enabled = off)",
    "ALTER TABLE {new} ADD CONSTRAINT {key} PRIMARY KEY (id)",
    "CREATE TABLE {notes} WITH (autovacuum_enabled = off) AS SELECT id FROM {old} WITH NO DATA",
    # Of its owner, so that whoever may write to the table may have it noted.
    """
    CREATE FUNCTION {notes}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        IF TG_OP <> 'INSERT' THEN INSERT INTO {notes} VALUES (OLD.id); END IF;
        IF TG_OP <> 'DELETE' THEN INSERT INTO {notes} VALUES (NEW.id); END IF;
        RETURN NULL;
    END
    $$
    """,
    "CREATE TRIGGER {note} AFTER INSERT OR UPDATE OR DELETE ON {old} FOR EACH ROW EXECUTE FUNCTION {notes}()",
)
