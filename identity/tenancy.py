"""PostgreSQL's own guard between workspaces, behind the one of our queries.

Each tenant table of what customers own has a row-level security policy: while a session of the database names a workspace,
it reads, writes and makes rows of no other, whatever a query forgot to say. Requests of people and of their programs name
theirs; what works for all workspaces (workers, webhooks, the privacy centre) names none. So have those that only note a workspace's
id, such as the record of acts. Memberships are left out: people have several, and sign in before they act in one.
https://www.postgresql.org/docs/18/ddl-rowsecurity.html
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar
from uuid import UUID

import psycopg
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import Func, Model, TextField, Value
from django.db.models.functions import Cast

from compliance.models import AuditEvent, Suppression
from identity.compiled import Lookup, Plain

# Of the database's session. A custom setting needs a dot in its name.
SETTING: Final = "klose.workspace"
# For a connection past Django's, before it looks for a row of a guarded table.
NAMING_NONE: Final = Plain(f"SELECT set_config('{SETTING}', '', false)")
_LEFT_OUT: Final = {"identity_membership"}
# Kept on the driver's connection too, so that nobody has to ask the server.
_NAMED: Final = "klose_workspace"
# While a statement is under way that names a workspace: it may come to something or not.
_UNSURE: Final = "unsure"
# How the column is called in which a row brings along what it has named.
CONFINED_TO: Final = "confined_to"
_Row = TypeVar("_Row", bound=Model)


class _Here(threading.local):
    """What this thread has confined itself to, which outlives a connection that breaks; "" for nothing.

    will_name: whether a connection is just being taken for naming a workspace with its very first statement.
    """

    workspace = ""
    will_name = False


_here = _Here()


def confine(workspace_id: UUID) -> None:
    """Lets this thread's connection see one workspace alone, until `release`."""
    _take_to_name()
    with connection.cursor() as cursor:
        _name(cursor, str(workspace_id))
    _here.workspace = str(workspace_id)


def naming(workspace: str) -> Func:
    """The column CONFINED_TO of a `Lookup` for `found_confined`. workspace: where the row has the workspace's id."""
    return Func(
        Value(SETTING),
        Cast(workspace, TextField()),
        Value(False),
        function="set_config",
        output_field=TextField(),
    )


def found_confined(lookup: Lookup[_Row], *values: Any, guarded: bool = False) -> _Row | None:
    """The row, and this thread's connection sees the row's workspace alone, until `release`: one way to the server for both.

    guarded: whether the row's own table is; it is not found then by a connection that still names whatever it named last, so such a
    one is freed first, which costs a way of its own.
    """
    if guarded:
        connection.ensure_connection()
        _free()
    else:
        _take_to_name()
    before = _named()
    setattr(connection.connection, _NAMED, _UNSURE)
    row = lookup.first(*values)
    _here.workspace = before if row is None else getattr(row, CONFINED_TO) or ""
    setattr(connection.connection, _NAMED, _here.workspace)
    if row is None:
        _free()
    return row


def confined_to(workspace_id: UUID) -> bool:
    """Whether this thread's connection sees that workspace alone."""
    return _named() == str(workspace_id)


def release() -> None:
    """Gives this thread's connection back if it was confined: whoever takes it next is not, see `forget`."""
    _here.workspace = ""
    if not _named():
        return
    if connection.in_atomic_block:
        _free()
    else:
        connection.close()


@contextmanager
def confined(workspace_id: UUID) -> Iterator[None]:
    """For what goes on after a request's own end, such as a streamed answer."""
    confine(workspace_id)
    try:
        yield
    finally:
        release()


@contextmanager
def unconfined() -> Iterator[None]:
    """For what a person has in all their workspaces, or whoever is named by a link of another one, within a request of one of them."""
    before = _named()
    _free()
    try:
        yield
    finally:
        if before:
            _go_back(before)


def see_all(taken: psycopg.Connection[Any]) -> None:
    """Lets a connection that was taken from the pool past Django see all workspaces, whoever had it before."""
    if getattr(taken, _NAMED, ""):
        setattr(taken, _NAMED, _UNSURE)
        taken.execute("SELECT set_config(%s, '', false)", [SETTING])
        setattr(taken, _NAMED, "")


def forget(*, connection: BaseDatabaseWrapper, **_: object) -> None:
    """When a connection is taken from the pool: one that somebody gave back while it named a workspace names none, and one in the
    place of another that broke names what that did; unless it is taken for naming a workspace with its very first statement."""
    if not _here.will_name and (_here.workspace or getattr(connection.connection, _NAMED, "")):
        with connection.cursor() as cursor:
            _name(cursor, _here.workspace)


def guarded_tables() -> list[str]:
    """All tables of rows that belong to a workspace or note the id of one, but for memberships."""
    return sorted(
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.db_table not in _LEFT_OUT
        and any(field.attname == "workspace_id" for field in model._meta.concrete_fields)
    )


def guard_tables(**_: object) -> None:
    """Gives every guarded table that has none the policy. Owners are bound too, since the product owns its tables."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_policies WHERE schemaname = current_schema() AND policyname = %s", [_POLICY]
        )
        have = {table for (table,) in cursor.fetchall()}
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        there = {table for (table,) in cursor.fetchall()}
        for table in set(guarded_tables()) & there - have:
            name = connection.ops.quote_name(table)
            cursor.execute(f"CREATE POLICY {_POLICY} ON {name} {_RULES.get(table, _OWN_OR_NOBODYS)}")
            cursor.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")


def demand_bound() -> None:
    """Raises ImproperlyConfigured where no policy binds the role that the product connects as: PostgreSQL lets a superuser and whoever
    has BYPASSRLS pass each of them, forced upon owners or not."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        role, is_superuser, passes = cursor.fetchone()
    if is_superuser or passes:
        raise ImproperlyConfigured(
            f"DATABASE_URL signs in as {role}, {'a superuser' if is_superuser else 'who has BYPASSRLS'}, so PostgreSQL would not keep"
            f" workspaces apart. Have an administrator run ALTER ROLE {connection.ops.quote_name(role)} NOSUPERUSER NOBYPASSRLS, or"
            " name an ordinary role that owns the database: docs/configuration.md, Databases, has the SQL for both."
        )


def _named() -> str:
    """What this thread's connection is confined to; empty when it is not, or when there is none."""
    return getattr(connection.connection, _NAMED, "")


def _take_to_name() -> None:
    _here.will_name = True
    try:
        connection.ensure_connection()
    finally:
        _here.will_name = False


def _free() -> None:
    _here.workspace = ""
    if not _named():
        return
    try:
        with connection.cursor() as cursor:
            _name(cursor, "")
    except DatabaseError:
        # A connection that is not known to be free is given to nobody else.
        connection.connection.close()


def _go_back(workspace: str) -> None:
    _here.workspace = workspace
    try:
        with connection.cursor() as cursor:
            _name(cursor, workspace)
    except DatabaseError:
        # A transaction that failed takes no more statements. Once it is over, nobody knows what the connection names.
        setattr(connection.connection, _NAMED, _UNSURE)


def _name(cursor: CursorWrapper, workspace: str) -> None:
    setattr(cursor.connection, _NAMED, _UNSURE)
    cursor.execute("SELECT set_config(%s, %s, false)", [SETTING, workspace])
    setattr(cursor.connection, _NAMED, workspace)


_POLICY: Final = "own_workspace"
# The first part ends the matter for whoever names none, so that it costs them one look at the setting.
_OWN: Final = f"""
coalesce(current_setting('{SETTING}', true), '') = ''
OR workspace_id = nullif(current_setting('{SETTING}', true), '')::uuid
"""
# What is of no workspace is there for all: the house's own accounts take part in everybody's entries, and what a person was told
# about in no workspace is counted by whoever tells it.
_OWN_OR_NOBODYS: Final = f"USING ({_OWN} OR workspace_id IS NULL)"
_RULES: Final = {
    # Acts of no workspace are a person's own, and no request of a workspace reads them. Noted may be any: whoever accepts an
    # invitation acts in another workspace than the one of their session, and the chain of all of them is one.
    AuditEvent._meta.db_table: f"USING ({_OWN}) WITH CHECK (true)",
    # A number that nobody may call is so for each workspace, and none of them decides that.
    Suppression._meta.db_table: f"{_OWN_OR_NOBODYS} WITH CHECK ({_OWN})",
}
