"""What is sealed in the database, as whoever has the keys reads it: a scan of rows alone would find none of it."""

from collections.abc import Iterator

from django.db import connection
from psycopg.conninfo import make_conninfo

from identity.models import Session
from identity.social import Confirmed
from processors.sealed_columns import sealed_columns


def opened_values() -> Iterator[str]:
    for model, fields in sealed_columns().items():
        for row in model._base_manager.all():
            yield from (str(getattr(row, field.name)) for field in fields)
    for session in Session.objects.all():
        for kept in session.data.values():
            if isinstance(kept, dict) and "sealed" in kept:
                yield str(Confirmed.from_json(kept))


def connection_info() -> str:
    """The way to the tests' own database, for a connection beside Django's."""
    known = connection.get_connection_params()
    return make_conninfo(**{key: known[key] for key in ("dbname", "user", "password", "host")})


def stored_rows() -> str:
    """As it stands in the database, sealed values sealed, in lower case."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        texts = []
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 - our own table names
            texts += [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "SELECT coalesce(most_common_vals::text, '') || coalesce(histogram_bounds::text, '') FROM pg_stats"
        )
        texts += [row[0] for row in cursor.fetchall()]
    return "\n".join(texts).lower()
