"""Queries that Django puts into SQL once per process, for the few that every page of work asks.

Django writes a query's text anew each time it is asked: that was two fifths of what one ranking costs the server.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import connection, transaction
from django.db.models import Field, Model, QuerySet, Value
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")
_OF_A_CALL = "a call's own value, under this name"


class Given(Value):
    """The place of a value that each call gives under this name, as it is or as `field` puts it into the database."""

    def __init__(self, name: str, field: "Field[Any, Any] | None" = None) -> None:
        super().__init__(_OF_A_CALL, output_field=field)
        self.name = name
        self._field: Any = field

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def bound(self, values: dict[str, Any]) -> Any:
        value = values[self.name]
        return self._field.get_db_prep_value(value, connection) if self._field else value

    def _resolve_output_field(self) -> None:
        """Its text is no value: nothing can be told from it."""


class _Text:
    """SQL with the places of its values."""

    def __init__(self, sql: str, params: Sequence[Any]) -> None:
        self.sql, self.params = sql, params

    def bound(self, values: dict[str, Any]) -> list[Any]:
        return [each.bound(values) if isinstance(each, Given) else each for each in self.params]


class Prepared(Generic[Row]):
    """A SELECT: `build()` makes its queryset, of models or of `values_list`, with a `Given` for each value of a call.

    Answers what the queryset would, but neither prefetched rows nor the objects that a related manager fills in.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Row]]) -> None:
        self._build = build

    def all(self, **values: Any) -> list[Row]:
        _compiler, text = self._plan
        with connection.cursor() as cursor:
            cursor.execute(text.sql, text.bound(values))
            rows = cursor.fetchall()
        return [self._made(self._converted(row)) for row in rows]

    def first(self, **values: Any) -> Row | None:
        """Return the first row, or None. The query itself says which is first."""
        return next(iter(self.all(**values)), None)

    @cached_property
    def _plan(self) -> tuple[Any, _Text]:
        """The compiler, which knows what each column is only after it wrote the text, and the text."""
        query: Any = self._build().query
        compiler = query.get_compiler(connection=connection)
        text = _Text(*compiler.as_sql())
        return compiler, text

    @cached_property
    def _converters(self) -> list[tuple[int, Any, Any]]:
        compiler, _text = self._plan
        columns = [column for column, _sql, _alias in compiler.select[: compiler.col_count]]
        return [(at, converters, column) for at, (converters, column) in compiler.get_converters(columns).items()]

    def _converted(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for at, converters, column in self._converters:
            for convert in converters:
                values[at] = convert(values[at], column, connection)
        return values

    @cached_property
    def _made(self) -> Callable[[Sequence[Any]], Any]:
        compiler, _text = self._plan
        if compiler.query.values_select:
            return tuple
        return _maker(compiler.klass_info, compiler.select, compiler.annotation_col_map or {})


def _maker(shape: Any, columns: Any, annotations: dict[str, int]) -> Callable[[Sequence[Any]], Any]:
    """As `django.db.models.query.ModelIterable` makes an instance of a row."""
    # Any: the stubs know a later Django's.
    populators: Any = get_related_populators
    first, last = shape["select_fields"][0], shape["select_fields"][-1] + 1
    names = [column.target.attname for column, _sql, _alias in columns[first:last]]
    related = populators(shape, columns, connection.alias)

    def make(row: Sequence[Any]) -> Any:
        made = shape["model"].from_db(connection.alias, names, row[first:last])
        for populator in related:
            populator.populate(row, made)
        for name, at in annotations.items():
            setattr(made, name, row[at])
        return made

    return make


class PreparedUpdate(Generic[M]):
    """An UPDATE of the rows that `build()` names, to `values`; both may hold `Given`s. Returns how many rows it met."""

    def __init__(self, build: Callable[[], QuerySet[M, M]], **values: Any) -> None:
        self._build, self._values = build, values

    def __call__(self, **values: Any) -> int:
        assert transaction.get_connection().in_atomic_block, "what is changed here is part of a larger change"
        with connection.cursor() as cursor:
            cursor.execute(self._text.sql, self._text.bound(values))
            met: int = cursor.rowcount
        return met

    @cached_property
    def _text(self) -> _Text:
        query: Any = self._build().query.chain(UpdateQuery)
        query.add_update_values(self._values)
        return _Text(*query.get_compiler(connection=connection).as_sql())


class PreparedInsert(Generic[M]):
    """INSERTs of new instances of a model that has a key of its own and that no signal listens to."""

    def __init__(self, model: type[M]) -> None:
        self._model = model

    def __call__(self, rows: Sequence[M]) -> None:
        """Write `rows`, which get their primary keys."""
        assert transaction.get_connection().in_atomic_block, "what is written here is part of a larger change"
        head, places, tail = self._text
        values = [
            field.get_db_prep_save(field.pre_save(row, True), connection) for row in rows for field in self._fields
        ]
        with connection.cursor() as cursor:
            cursor.execute(head + ", ".join([places] * len(rows)) + tail, values)
            keys = cursor.fetchall()
        for row, [key] in zip(rows, keys, strict=True):
            row.pk, row._state.adding, row._state.db = key, False, connection.alias

    @cached_property
    def _fields(self) -> list[Any]:
        return [field for field in self._model._meta.local_concrete_fields if not field.primary_key]

    @cached_property
    def _text(self) -> tuple[str, str, str]:
        name, meta = connection.ops.quote_name, self._model._meta
        columns = ", ".join(name(field.column) for field in self._fields)
        places = ", ".join(["%s"] * len(self._fields))
        head = ["INSERT INTO", name(meta.db_table), f"({columns})", "VALUES "]
        return " ".join(head), f"({places})", " ".join([" RETURNING", name(meta.pk.column or "")])
