"""Model fields whose columns hold sealed values (decision 0013).

A row of the database is opened where its attribute is read, and costs nothing before. The column can be compared with whole
values alone, by the blind index beside it, and only where the field has one; Django refuses everything else by itself.
"""

import json
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.expressions import Col
from django.db.models.functions import Substr
from django.db.models.lookups import In, IsNull
from django.db.models.query_utils import DeferredAttribute

from processors.seal import INDEX_BYTES, KEY_ID_BYTES, blind_indexes, seal, unseal

_Set = TypeVar("_Set")
_Get = TypeVar("_Get")
if TYPE_CHECKING:
    _Field = models.Field
    _In = In[bytes]
else:
    _In = In

    class _Field(models.Field, Generic[_Set, _Get]):
        """Django's own takes no types while it runs."""


KEY_SUFFIX: Final = "_key"
COLUMN_SUFFIX: Final = "_sealed"


def index_column(of: str) -> models.GeneratedField:
    """The blind index of a sealed field of the same model as a column of its own, which the database keeps in step. Named as
    the field and `_key`."""
    return models.GeneratedField(
        expression=Substr(of, KEY_ID_BYTES + 1, INDEX_BYTES), output_field=models.BinaryField(), db_persist=True
    )


class _Opened(DeferredAttribute):
    """The attribute of a sealed field: as it came from the database until somebody asks, then as it was written."""

    field: "Sealed[Any, Any]"

    def __get__(self, instance: models.Model | None, cls: type[models.Model] | None = None) -> Any:
        value = super().__get__(instance, cls)
        if instance is not None and isinstance(value, bytes):
            value = instance.__dict__[self.field.attname] = self.field.opened(value, instance.pk)
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value


class Sealed(_Field[_Set, _Get]):
    """A value that is bound to its table, column and row. Empty text is kept as nothing, unsealed.

    lookup: whether it is found by its whole content; its `index_column` has to stand beside it. keys: the setting that holds
    its keys. pattern: a regular expression that the whole text has to match, which the database cannot check any more.
    A query set's `update` takes no text, because it knows no row: set it on the row and save that. For the same reason what
    nobody has read is not read from a row that was deleted.
    Renaming table or column makes everything in it unreadable; a migration that does has to seal anew.
    """

    descriptor_class = _Opened

    def __init__(
        self, *args: Any, lookup: bool = False, keys: str = "FIELD_KEYS", pattern: str = "", **options: Any
    ) -> None:
        self.lookup, self.keys, self.pattern = lookup, keys, pattern
        super().__init__(*args, **options)

    def get_attname_column(self) -> tuple[str, str]:
        """The column is named otherwise than a plain one was: a process of before, which knows nothing of sealing, fails there
        and writes nothing into it as it is."""
        attname, column = super().get_attname_column()
        return attname, f"{column}{COLUMN_SUFFIX}"

    def deconstruct(self) -> Any:
        name, path, arguments, options = super().deconstruct()
        if self.lookup:
            options["lookup"] = True
        if self.keys != "FIELD_KEYS":
            options["keys"] = self.keys
        if self.pattern:
            options["pattern"] = self.pattern
        return name, path, arguments, options

    def get_internal_type(self) -> str:
        return "BinaryField"

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return IsNull
        return {"exact": _Is, "in": _IsAmong}.get(lookup_name) if self.lookup else None

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """What was not looked at since it came from the database goes back as it is. Raises ValueError for text that does not
        match the pattern."""
        value = model_instance.__dict__[self.attname]
        if isinstance(value, bytes):
            return value
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise ValueError(f"{self.model.__name__}.{self.name} has another form.")
        if value is None or value == "":
            return value
        return seal(
            self._written(value),
            about=self._about(model_instance.pk),
            keys=self.keys,
            index=self.index_of(value) if self.lookup else b"",
        )

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Raises TypeError for text, which cannot be sealed without its row."""
        if value == "":
            value = b""
        if value is not None and not isinstance(value, bytes):
            raise TypeError(f"{self.model.__name__}.{self.name} is sealed: set it on the row and save the row.")
        return value

    def opened(self, sealed: bytes, pk: Any) -> Any:
        """Raises SealUnreadable."""
        if not sealed:
            return ""
        index_bytes = INDEX_BYTES if self.lookup else 0
        return self._read(unseal(sealed, about=self._about(pk), keys=self.keys, index_bytes=index_bytes))

    def index_of(self, value: Any) -> bytes:
        """By which the value is written."""
        return self.indexes_of(value)[0]

    def indexes_of(self, value: Any) -> list[bytes]:
        """By which the value is found: several while one LOOKUP_KEY takes the place of another."""
        return blind_indexes(value, of=self._column) if value else [b""]

    @property
    def _column(self) -> str:
        return f"{self.model._meta.db_table}.{self.column}"

    def _about(self, pk: Any) -> str:
        return f"{self._column}:{self.model._meta.pk.to_python(pk)}"

    def _written(self, value: Any) -> str:
        return str(value)

    def _read(self, text: str) -> Any:
        return text


class SealedField(Sealed[str, str]):
    """Text."""


class SealedJSONField(Sealed[Any, Any]):
    """A JSON value; null where there is none."""

    def _written(self, value: Any) -> str:
        return json.dumps(value)

    def _read(self, text: str) -> Any:
        return json.loads(text)


class _Is(_In):
    """Equal to one text, by the blind index under any key at hand."""

    def __init__(self, lhs: Col, rhs: Any) -> None:
        super().__init__(_index_of(lhs), _hashed(lhs, rhs))


class _IsAmong(_In):
    """Equal to one of some texts, by the blind index under any key at hand."""

    def __init__(self, lhs: Col, rhs: Sequence[str]) -> None:
        super().__init__(_index_of(lhs), [index for each in rhs for index in _hashed(lhs, each)])


def _index_of(lhs: Col) -> Col:
    field = cast(Sealed[Any, Any], lhs.target)
    index = cast(models.GeneratedField, field.model._meta.get_field(field.name + KEY_SUFFIX))
    return index.get_col(lhs.alias)


def _hashed(lhs: Col, value: Any) -> list[bytes]:
    """Raises TypeError for what is no text, such as another column."""
    if not isinstance(value, str):
        raise TypeError(f"{lhs.target.name} is sealed: it can be compared with text alone.")
    return cast(Sealed[Any, Any], lhs.target).indexes_of(value)
