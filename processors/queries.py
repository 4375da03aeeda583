"""Reads of what left the machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.db import connection
from django.db.models import Count, Max, Q, Sum

from processors.models import Disclosure

# The fewest people that a report over people of other workspaces may count as a group.
GROUP_MIN: Final = 5


@dataclass(frozen=True, slots=True)
class Disclosed:
    """How many requests carried one class of data to one processor on one day; people: about how many different people.

    Both are None where these are fewer than GROUP_MIN: a row about so few tells of them.
    """

    day: date
    processor: str
    data_class: str
    requests: int | None
    people: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """How often a processor was told something, and on which day last; None where that was about fewer people than GROUP_MIN."""

    times: int | None
    last_on: date | None


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
        for day, key, data_class, requests, people in cursor.fetchall():
            # What is about nobody is no group of people.
            shown = people == 0 or people >= GROUP_MIN
            yield Disclosed(day, key, data_class, requests if shown else None, people if shown else None)


def told_since(day: date) -> dict[str, Told]:
    """By processor, after that day."""
    rows = Disclosure.objects.filter(day__gt=day).values_list("processor").order_by()
    found = rows.annotate(Sum("count"), Max("day"), people=Count("person", distinct=True, filter=~Q(person="")))
    return {
        processor: Told(times, last) if people == 0 or people >= GROUP_MIN else Told(None, None)
        for processor, times, last, people in found
    }
