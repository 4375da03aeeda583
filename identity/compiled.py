"""What every request asks the database, compiled once in a process.

Django compiles a query set each time it is used, and that takes longer than PostgreSQL takes to answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.query import RelatedPopulator, get_related_populators

_Row = TypeVar("_Row", bound=Model)


@dataclass(frozen=True, slots=True)
class _Compiled:
    """places: for each parameter, which of the given values it is, or the constant that the query set has there.

    start, end: where the row's own columns stand; converters: by column, as fields read what the database gives.
    """

    sql: str
    places: Sequence[tuple[int | None, Any]]
    model: type[Model]
    names: Sequence[str]
    start: int
    end: int
    related: Sequence[RelatedPopulator]
    annotations: Sequence[tuple[str, int]]
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]


class Lookup(Generic[_Row]):
    """The first row of a query set whose shape is always the same, with the rows that it selects along.

    rows: makes the query set of some values; examples: a value for each of them, by which they are found again among the
    query's parameters: each unlike the others, and unlike whatever else the query set compares with.
    """

    def __init__(self, rows: Callable[..., QuerySet[_Row]], *examples: Any) -> None:
        self._rows, self._examples = rows, examples

    def first(self, *values: Any) -> _Row | None:
        compiled = self._compiled
        parameters = [constant if place is None else values[place] for place, constant in compiled.places]
        with connection.cursor() as cursor:
            cursor.execute(compiled.sql, parameters)
            found = cursor.fetchone()
        return None if found is None else self._made(list(found))

    def _made(self, columns: list[Any]) -> _Row:
        """As Django's ModelIterable makes it."""
        compiled = self._compiled
        for position, converters, expression in compiled.converters:
            for convert in converters:
                columns[position] = convert(columns[position], expression, connection)
        row = compiled.model.from_db(DEFAULT_DB_ALIAS, compiled.names, columns[compiled.start : compiled.end])
        for populator in compiled.related:
            populator.populate(columns, row)
        for name, position in compiled.annotations:
            setattr(row, name, columns[position])
        return cast(_Row, row)

    @cached_property
    def _compiled(self) -> _Compiled:
        compiler = self._rows(*self._examples)[:1].query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        places = [(self._examples.index(one), None) if one in self._examples else (None, one) for one in parameters]
        assert {place for place, _ in places} >= set(range(len(self._examples))), "A value is not in the query."
        select, info = compiler.select, compiler.klass_info
        assert select is not None and info is not None
        start, end = info["select_fields"][0], info["select_fields"][-1] + 1
        return _Compiled(
            sql=sql,
            places=places,
            model=info["model"],
            names=[cast(Any, column[0]).target.attname for column in select[start:end]],
            start=start,
            end=end,
            related=get_related_populators(info, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]  # stubs of Django 6
            annotations=list((compiler.annotation_col_map or {}).items()),
            converters=[
                (position, convert, expression)
                for position, (convert, expression) in compiler.get_converters(
                    [column[0] for column in select[: compiler.col_count]]
                ).items()
            ],
        )
