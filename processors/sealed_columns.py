"""All sealed columns together: whether the keys at hand open them, which keys they are under, and putting them under the newest."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db import models, transaction
from django.db.models.functions import Substr

from processors.seal import INDEX_BYTES, KEY_ID_BYTES, SealUnreadable, known_key_ids, newest_key_id
from processors.sealed_fields import Sealed

ROWS_AT_ONCE: Final = 500
Columns = dict[type[models.Model], list[Sealed[Any, Any]]]


class KeysWrong(Exception):
    """The keys at hand are not those under which the database was written; permanent until they are."""


@dataclass(frozen=True, slots=True)
class Use:
    """How many values a key seals. keys: the setting. place: 0 for the newest key there, None for one that is not there."""

    keys: str
    key_id: bytes
    place: int | None
    values: int


def sealed_columns() -> Columns:
    """Of every model, in the order of the tables' names."""
    found: Columns = {}
    for model in sorted(apps.get_models(include_auto_created=True), key=lambda each: each._meta.db_table):
        if fields := [field for field in model._meta.local_concrete_fields if isinstance(field, Sealed)]:
            found[model] = fields
    return found


def demand_right_keys() -> list[str]:
    """Opens the oldest and the newest value of each column, and compares their blind indexes.

    Returns what is wrong with columns that have keys of their own: whom they are about is shut out, and the product runs.
    Raises KeysWrong for the others, ImproperlyConfigured.
    """
    borne = []
    for model, fields in sealed_columns().items():
        for field in fields:
            rows = _with_key_id(model, field).filter(key_id__gt=b"").order_by("pk")
            for row in dict.fromkeys(filter(None, (rows.first(), rows.last()))):
                try:
                    _demand_opens(row, field)
                except KeysWrong as wrong:
                    if field.keys == "FIELD_KEYS":
                        raise
                    borne.append(str(wrong))
    return borne


def uses() -> list[Use]:
    """Of each setting its keys in order, used or not, then those that are missing. Reads every row."""
    counted: Counter[tuple[str, bytes]] = Counter()
    settings = []
    for model, fields in sealed_columns().items():
        for field in fields:
            settings.append(field.keys)
            rows = _with_key_id(model, field).filter(key_id__gt=b"").order_by()
            for key_id, values in rows.values_list("key_id").annotate(models.Count("pk")):
                counted[field.keys, bytes(key_id)] += values
    found = []
    for keys in sorted(set(settings)):
        known = known_key_ids(keys)
        found += [Use(keys, key_id, place, counted[keys, key_id]) for place, key_id in enumerate(known)]
        missing = sorted(key_id for of, key_id in counted if of == keys and key_id not in known)
        found += [Use(keys, key_id, None, counted[keys, key_id]) for key_id in missing]
    return found


def renew(*, everything: bool = False) -> Iterator[tuple[str, int, list[str]]]:
    """Seals anew what is under an older key, or everything, for a new LOOKUP_KEY. Yields a table, how many of its values are
    done, and where those are that do not open and stay as they are, after each batch, which stands for itself: whatever
    stops it, the next run goes on.

    Raises ImproperlyConfigured.
    """
    for model, fields in sealed_columns().items():
        last, done, unreadable = None, 0, list[str]()
        while True:
            with transaction.atomic():
                rows = _some(model, last)
                for row in rows:
                    done += _renewed(row, fields, everything, unreadable)
            if not rows:
                break
            last = rows[-1].pk
            yield model._meta.db_table, done, unreadable


def convert(
    model: type[models.Model],
    columns: Mapping[str, str],
    read: Callable[[Any], Any] = lambda value: value,
) -> None:
    """For migrations: fills each column from the other one, in batches. Columns that hold something already stay, so that it
    may be repeated. columns: to -> from. read: what is put there of what was found.
    """
    last = None
    while rows := _converted(model, columns, read, last):
        last = rows[-1].pk


def _converted(
    model: type[models.Model], columns: Mapping[str, str], read: Callable[[Any], Any], last: Any
) -> list[models.Model]:
    with transaction.atomic():
        rows = _some(model, last)
        for row in rows:
            filled = [to for to in columns if not row.__dict__[to]]
            for to in filled:
                value = getattr(row, columns[to])
                setattr(row, to, read(value) if value else value)
            row.save(update_fields=filled)
    return rows


def _some(model: type[models.Model], last: Any) -> list[models.Model]:
    """The next rows behind `last`, locked."""
    rows = model._base_manager.select_for_update(no_key=True).order_by("pk")
    return list((rows if last is None else rows.filter(pk__gt=last))[:ROWS_AT_ONCE])


def _renewed(row: models.Model, fields: list[Sealed[Any, Any]], everything: bool, unreadable: list[str]) -> int:
    """Adds to `unreadable` where a value is that does not open."""
    opened = []
    for field in fields:
        sealed = row.__dict__[field.attname]
        if not sealed or not (everything or sealed[:KEY_ID_BYTES] != newest_key_id(field.keys)):
            continue
        try:
            # Opening it makes the row forget how it was sealed.
            getattr(row, field.attname)
            opened.append(field.name)
        except SealUnreadable:
            unreadable.append(f"{row._meta.db_table}.{field.column} of {row.pk}")
    if opened:
        row.save(update_fields=opened)
    return len(opened)


def _with_key_id(model: type[models.Model], field: Sealed[Any, Any]) -> models.QuerySet[Any]:
    key_id = Substr(field.name, 1, KEY_ID_BYTES, output_field=models.BinaryField())
    return model._base_manager.annotate(key_id=key_id)


def _demand_opens(row: models.Model, field: Sealed[Any, Any]) -> None:
    """Raises KeysWrong."""
    sealed, name = row.__dict__[field.attname], f"{row._meta.db_table}.{field.column}"
    try:
        value = getattr(row, field.attname)
    except SealUnreadable as error:
        raise KeysWrong(f"{name} cannot be read. {error}") from None
    if field.lookup and field.index_of(value) != sealed[KEY_ID_BYTES : KEY_ID_BYTES + INDEX_BYTES]:
        raise KeysWrong(
            f"{name} was written with another LOOKUP_KEY, so nobody would be found. Put that key back, or run"
            " `manage.py sealed renew --all` while nothing else runs."
        )
