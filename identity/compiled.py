"""What is asked of the database most, compiled once in a process.

Django compiles a query set each time it is used, and that takes longer than PostgreSQL takes to answer.
"""

import re
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, Generic, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet
from django.db.models.query import RelatedPopulator, get_related_populators
from django.db.models.sql.compiler import SQLCompiler

_Row = TypeVar("_Row")
_ModelRow = TypeVar("_ModelRow", bound=Model)
# The example of how many rows a query set is cut to; Django writes that into the SQL instead of passing it on.
LIMIT: Final = 2_000_000_011


@dataclass(frozen=True, slots=True)
class Several:
    """The example of a list that a query set compares with by `__in`. one: what it is compiled with."""

    one: Any


@dataclass(frozen=True, slots=True)
class _Compiled:
    """places: for each parameter, which of the given values it is, or the constant that the query set has there.
    made: what one row of the database becomes.
    """

    sql: str
    places: Sequence[tuple[int | None, Any]]
    made: Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Asked(Generic[_Row]):
    """A statement with its values."""

    statement: "Statement[_Row]"
    parameters: Sequence[Any]


class Statement(Generic[_Row]):
    """A query whose shape is always the same."""

    def asked(self, *values: Any) -> Asked[_Row]:
        return Asked(self, self.parameters(*values))

    def parameters(self, *values: Any) -> list[Any]:
        return [constant if place is None else values[place] for place, constant in self.compiled.places]

    @cached_property
    def numbered(self) -> str:
        """The SQL as PostgreSQL itself takes it, with $1 and $2 in the places of the parameters."""
        number = iter(range(1, len(self.compiled.places) + 1))
        return re.sub("%(.)", lambda found: f"${next(number)}" if found[1] == "s" else found[1], self.compiled.sql)

    @cached_property
    def compiled(self) -> _Compiled:
        raise NotImplementedError


class Plain(Statement[tuple[Any, ...]]):
    """SQL of our own; every parameter is one of the values, in their order."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    @cached_property
    def compiled(self) -> _Compiled:
        return _Compiled(self._sql, [(place, None) for place in range(self._sql.count("%s"))], tuple)


class Rows(Statement[_Row]):
    """A query set whose shape is always the same: of models, with those that it selects along, or `values_list(named=True)`.

    rows: makes the query set of some values; examples: a value for each of them, by which they are found again among the
    query's parameters: each unlike the others, and unlike whatever else the query set compares with.
    """

    def __init__(self, rows: Callable[..., QuerySet[Any, Any]], *examples: Any) -> None:
        self._rows, self._examples = rows, examples

    @cached_property
    def compiled(self) -> _Compiled:
        examples = [one.one if isinstance(one, Several) else one for one in self._examples]
        rows = self._rows(*([one.one] if isinstance(one, Several) else one for one in self._examples))
        compiler = rows.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        parameters = list(parameters)
        if any(isinstance(one, Several) for one in self._examples):
            assert sql.count("IN (%s)") == 1, "It is not known which list is given."
            sql = sql.replace("IN (%s)", "= ANY(%s)")
        if LIMIT in examples:
            assert sql.endswith(f"LIMIT {LIMIT}"), "The query set is not cut to the limit."
            sql = sql.removesuffix(str(LIMIT)) + "%s"
            parameters.append(LIMIT)
        places = [(examples.index(one), None) if one in examples else (None, one) for one in parameters]
        assert {place for place, _ in places} >= set(range(len(examples))), "A value is not in the query."
        return _Compiled(sql, places, _made_by(rows, compiler))


class Lookup(Rows[_ModelRow]):
    """The first row of such a query set."""

    def __init__(self, rows: Callable[..., QuerySet[_ModelRow]], *examples: Any) -> None:
        super().__init__(lambda *values: rows(*values)[:1], *examples)

    def first(self, *values: Any) -> _ModelRow | None:
        with connection.cursor() as cursor:
            cursor.execute(self.compiled.sql, self.parameters(*values))
            found = cursor.fetchone()
        return None if found is None else cast(_ModelRow, self.compiled.made(found))


def _made_by(rows: QuerySet[Any, Any], compiler: SQLCompiler) -> Callable[[Sequence[Any]], Any]:
    select = compiler.select
    assert select is not None
    converters = [
        (position, convert, expression)
        for position, (convert, expression) in compiler.get_converters(
            [column[0] for column in select[: compiler.col_count]]
        ).items()
    ]
    fields = cast(Any, rows)._fields
    made: Callable[[Sequence[Any]], Any]
    if fields is not None:
        # As Django's NamedValuesListIterable makes it.
        made = partial(tuple.__new__, namedtuple("Row", fields))
    else:
        info = compiler.klass_info
        assert info is not None
        start, end = info["select_fields"][0], info["select_fields"][-1] + 1
        made = _Model(
            model=info["model"],
            names=[cast(Any, column[0]).target.attname for column in select[start:end]],
            start=start,
            end=end,
            related=get_related_populators(info, select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]  # stubs of Django 6
            annotations=list((compiler.annotation_col_map or {}).items()),
        )
    return _Converted(converters, made) if converters else made


@dataclass(frozen=True, slots=True)
class _Converted:
    """converters: by column, as fields read what the database gives."""

    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
    made: Callable[[Sequence[Any]], Any]

    def __call__(self, row: Sequence[Any]) -> Any:
        columns = list(row)
        for position, converters, expression in self.converters:
            for convert in converters:
                columns[position] = convert(columns[position], expression, connection)
        return self.made(columns)


@dataclass(frozen=True, slots=True)
class _Model:
    """A row as Django's ModelIterable makes it. start, end: where its own columns stand."""

    model: type[Model]
    names: Sequence[str]
    start: int
    end: int
    related: Sequence[RelatedPopulator]
    annotations: Sequence[tuple[str, int]]

    def __call__(self, columns: Sequence[Any]) -> Model:
        row = self.model.from_db(DEFAULT_DB_ALIAS, self.names, columns[self.start : self.end])
        for populator in self.related:
            populator.populate(columns, row)
        for name, position in self.annotations:
            setattr(row, name, columns[position])
        return row
