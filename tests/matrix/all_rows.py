"""All that the database holds of somebody, to be compared with what it holds later."""

from functools import cache

from django.apps import apps
from django.db import connection

from tests.matrix.world import Person


def rows_of(person: Person) -> list[tuple[str, str]]:
    """Every row of the person's workspace and everything of the person, as its table and as PostgreSQL writes it out."""
    with connection.cursor() as cursor:
        cursor.execute(
            _all_rows(), {"workspace_id": person.membership.workspace_id, "user_id": person.membership.user_id}
        )
        return list(cursor.fetchall())


@cache
def _all_rows() -> str:
    """One question: tests ask it before and after each request that is refused."""
    parts = []
    for model in apps.get_models():
        columns = {one.column for one in model._meta.concrete_fields}
        names = [name for name in ("workspace_id", "user_id") if name in columns]
        if names:
            table = model._meta.db_table
            owned = " OR ".join(f"{name} = %({name})s" for name in names)
            # The names are the models' own.
            parts.append(f"SELECT '{table}' AS of, held::text AS held FROM {table} held WHERE {owned}")  # noqa: S608
    return " UNION ALL ".join(parts) + " ORDER BY of, held"
