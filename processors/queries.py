"""Reads of what left the machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.db import connection


@dataclass(frozen=True, slots=True)
class Disclosed:
    """How many requests carried one class of data to one processor on one day; people: about how many different people."""

    day: date
    processor: str
    data_class: str
    requests: int
    people: int


def disclosed(*, since: date, until: date, processor: str | None = None) -> Iterator[Disclosed]:
    """By day, processor and class of data, the newest day first. since, until: both included."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT day, processor, data_class, sum(count), count(DISTINCT person) FILTER (WHERE person <> '')
            FROM processors_disclosure, unnest(data_classes) AS data_class
            WHERE day BETWEEN %s AND %s AND (%s::text IS NULL OR processor = %s)
            GROUP BY day, processor, data_class
            ORDER BY day DESC, processor, data_class
            """,
            [since, until, processor, processor],
        )
        yield from (Disclosed(*row) for row in cursor.fetchall())
