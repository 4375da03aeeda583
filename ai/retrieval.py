"""Finding passages by meaning and by words, inside one workspace and what the asker may see there.

Exact scan over the tenant's rows: at these sizes it is faster than an index that loses neighbours to the filter.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from ai.embedding import Vector

# Enough that the turn that answers is among them, few enough that weighing them costs a few milliseconds.
CANDIDATES_MAX = 48
# The usual constant of reciprocal rank fusion: how fast a rank loses weight.
RRF_K = 60

Place = tuple[UUID, int]  # an indexed call and the position of a turn in it


# Who has restricted the use of their data is kept out of every search, the lead's side and the member's.
_NOT_RESTRICTED = tuple(
    f"NOT EXISTS (SELECT FROM compliance_restrictedrow held WHERE held.row_id = passage.{side})"
    for side in ("lead_id", "user_id")
)


@dataclass(frozen=True, slots=True)
class Scope:
    """What may be searched. user_id: only this member's calls; since inclusive, until exclusive, by the call's start."""

    workspace_id: UUID
    user_id: UUID | None = None
    lead_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    nothing: bool = False

    def sql(self) -> tuple[str, list[Any]]:
        """The condition on a passage; the workspace always stands in it."""
        terms: list[tuple[str, Any]] = [("passage.workspace_id = %s", self.workspace_id)]
        terms += [
            (condition, value)
            for condition, value in (
                ("passage.user_id = %s", self.user_id),
                ("passage.lead_id = %s", self.lead_id),
                ("passage.started_at >= %s", self.since),
                ("passage.started_at < %s", self.until),
            )
            if value is not None
        ]
        if self.nothing:
            terms.append(("%s", False))
        conditions = [condition for condition, _ in terms] + list(_NOT_RESTRICTED)
        return " AND ".join(conditions), [value for _, value in terms]


@dataclass(frozen=True, slots=True)
class Size:
    """How much a scope holds."""

    calls: int
    passages: int
    turns: int


@dataclass(frozen=True, slots=True)
class Window:
    """A passage near a candidate and how close its meaning is: the cosine, [-1, 1]."""

    indexed_call_id: UUID
    first_turn: int
    last_turn: int
    similarity: float


def size(scope: Scope) -> Size:
    condition, values = scope.sql()
    counts = "count(DISTINCT indexed_call_id), count(*), count(*) FILTER (WHERE first_turn = last_turn)"
    row = _rows(f"SELECT {counts} FROM ai_passage passage WHERE {condition}", values)[0]  # noqa: S608 - as below
    return Size(*row)


def places(scope: Scope, *, vector: Vector, words: Sequence[str]) -> list[Place]:
    """The turns that may answer, best first: those of the found passages, and the turn after each.

    The turn after, because an answer often shares no word with its question, and the passage found is the question
    that the other side asked.
    """
    condition, values = scope.sql()
    rows = _rows(
        f"""
        WITH wanted AS (
            SELECT (SELECT string_agg(quote_literal(lexeme), ' | ')::tsquery
                    FROM unnest(to_tsvector('english', %s))) AS query
        ),
        by_meaning AS (
            SELECT id, row_number() OVER (ORDER BY embedding <#> %s::vector, id) AS place
            FROM ai_passage passage WHERE {condition}
            ORDER BY place LIMIT %s
        ),
        by_words AS (
            SELECT id, row_number() OVER (ORDER BY ts_rank(words, query, 1) DESC, id) AS place
            FROM ai_passage passage, wanted WHERE {condition} AND words @@ query
            ORDER BY place LIMIT %s
        )
        SELECT passage.indexed_call_id, passage.first_turn, passage.last_turn
        FROM (SELECT * FROM by_meaning UNION ALL SELECT * FROM by_words) found
        JOIN ai_passage passage USING (id)
        GROUP BY passage.id
        ORDER BY sum(1.0 / (%s + found.place)) DESC, passage.id
        LIMIT %s
        """,  # noqa: S608 - the condition is made of constants, its values are parameters
        [
            " ".join(words), _literal(vector), *values, CANDIDATES_MAX, *values, CANDIDATES_MAX, RRF_K, CANDIDATES_MAX,
        ],
    )  # fmt: skip
    found = [(call, turn) for call, first, last in rows for turn in range(first, last + 2)]
    return list(dict.fromkeys(found))


def windows_near(scope: Scope, *, vector: Vector, near: Iterable[Place]) -> list[Window]:
    """The passages that hold one of the places or the turn before it, with their similarity."""
    calls, turns = zip(*near, strict=True)
    condition, values = scope.sql()
    rows = _rows(
        f"""
        SELECT DISTINCT passage.indexed_call_id, first_turn, last_turn, -(embedding <#> %s::vector)
        FROM unnest(%s::uuid[], %s::int[]) AS place (call, turn)
        JOIN ai_passage passage ON passage.indexed_call_id = place.call
            AND passage.first_turn <= place.turn AND passage.last_turn >= place.turn - 1
        WHERE {condition}
        """,  # noqa: S608 - as above
        [_literal(vector), list(calls), list(turns), *values],
    )
    return [Window(*row) for row in rows]


def frequencies(scope: Scope, stems: Sequence[str]) -> dict[str, int]:
    """In how many turns of the scope each stem occurs."""
    condition, values = scope.sql()
    rows = _rows(
        f"""
        SELECT stem, (SELECT count(*) FROM ai_passage passage
                      WHERE {condition} AND first_turn = last_turn AND words @@ quote_literal(stem)::tsquery)
        FROM unnest(%s::text[]) AS stem
        """,  # noqa: S608 - as above
        [*values, list(stems)],
    )
    return dict(rows)


def stems(words: Iterable[str]) -> dict[str, str]:
    """Word -> stem, by the very dictionary that the full-text index uses; stop words are left out."""
    rows = _rows(
        "SELECT word, (ts_lexize('english_stem', word))[1] FROM unnest(%s::text[]) AS word", [sorted(set(words))]
    )
    return {word: stem for word, stem in rows if stem}


def _literal(vector: Vector) -> str:
    return "[" + ",".join(f"{value:.7g}" for value in vector.tolist()) + "]"


def _rows(sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
