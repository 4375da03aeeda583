"""All sealed columns together: whether the keys at hand open them, which keys they are under, and putting them under the newest."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Substr

from processors.seal import (
    INDEX_BYTES,
    KEY_ID_BYTES,
    SealUnreadable,
    known_key_ids,
    look_up_key_ids,
    newest_key_id,
)
from processors.sealed_fields import Sealed

ROWS_AT_ONCE: Final = 500
Columns = dict[type[models.Model], list[Sealed[Any, Any]]]


class KeysWrong(Exception):
    """The keys at hand are not those under which the database was written; permanent until they are."""


@dataclass(frozen=True, slots=True)
class Use:
    """How many values a key seals, or is the one by which they are found. keys: the setting. key_id: in hex, "" for keys that
    nobody knows. place: 0 for the newest key there, None for one that is not there."""

    keys: str
    key_id: str
    place: int | None
    values: int


@dataclass(slots=True)
class Renewal:
    """How far a table is: of its rows so many were looked at, so many of their values sealed anew.

    unreadable: where values are that do not open. twice: where values are that another row has under the newest LOOKUP_KEY
    already, though it may stand there once. Both stay as they are.
    """

    table: str
    rows: int
    looked_at: int = 0
    values: int = 0
    unreadable: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)


def sealed_columns() -> Columns:
    """Of every model, in the order of the tables' names."""
    found: Columns = {}
    for model in sorted(apps.get_models(include_auto_created=True), key=lambda each: each._meta.db_table):
        if fields := [field for field in model._meta.local_concrete_fields if isinstance(field, Sealed)]:
            found[model] = fields
    return found


def demand_right_keys() -> list[str]:
    """Opens the oldest and the newest value of each column, compares their blind indexes, and sees that no row may be under a
    LOOKUP_KEY that is not at hand, which the newest ones do not tell.

    The key of hashes is left to whoever can look into the erasure ledger for it (compliance/ledger_key.py).
    Returns what is wrong with columns that have keys of their own: whom they are about is shut out, and the product runs.
    Raises KeysWrong for the others, ImproperlyConfigured.
    """
    borne = []
    for model, fields in sealed_columns().items():
        for column in (each for each in fields if each.keys != "SUPPRESSION_KEY"):
            rows = _with_key_id(model, column).filter(key_id__gt=b"").order_by("pk")
            for row in dict.fromkeys(filter(None, (rows.first(), rows.last()))):
                try:
                    _demand_opens(row, column)
                except KeysWrong as wrong:
                    if column.keys == "FIELD_KEYS":
                        raise
                    borne.append(str(wrong))
    _demand_look_up_keys()
    return borne


def look_up_keys_in_use() -> list[str]:
    """The ids of those under which rows may be, as far as starts and `renew` tell."""
    return list(_noted().order_by("key_id").values_list("key_id", flat=True))


def uses() -> list[Use]:
    """Of each setting its keys in order, used or not, then those that are missing. Reads every row, and opens those that are
    found by a blind index."""
    counted: Counter[tuple[str, bytes]] = Counter()
    settings = []
    for model, fields in sealed_columns().items():
        for column in fields:
            settings.append(column.keys)
            rows = _with_key_id(model, column).filter(key_id__gt=b"").order_by()
            for key_id, values in rows.values_list("key_id").annotate(models.Count("pk")):
                counted[column.keys, bytes(key_id)] += values
    found = []
    for keys in sorted(set(settings)):
        known = known_key_ids(keys)
        found += [Use(keys, key_id.hex(), place, counted[keys, key_id]) for place, key_id in enumerate(known)]
        missing = sorted(key_id for of, key_id in counted if of == keys and key_id not in known)
        found += [Use(keys, key_id.hex(), None, counted[keys, key_id]) for key_id in missing]
    return found + _look_up_uses()


def renew() -> Iterator[Renewal]:
    """Seals anew what is under an older key, or is found by another LOOKUP_KEY than the newest. Yields how far it is after each
    batch, which stands for itself: whatever stops it, the next run goes on. The product may serve meanwhile: a row that
    somebody works with is waited for while no other is held.

    When nothing is left behind, former LOOKUP_KEYs are not demanded at a start any more. Raises ImproperlyConfigured.
    """
    is_left = False
    for model, fields in sealed_columns().items():
        rows = model._base_manager.order_by("pk")
        renewal, last = Renewal(model._meta.db_table, rows.count()), None
        while batch := list((rows if last is None else rows.filter(pk__gt=last))[:ROWS_AT_ONCE]):
            last = batch[-1].pk
            renewal.looked_at += len(batch)
            older = [row.pk for row in batch if _older(row, fields, renewal.unreadable)]
            busy = set(older) - _renewed(model, fields, older, renewal, skip_locked=True)
            for pk in sorted(busy):
                _renewed(model, fields, [pk], renewal, skip_locked=False)
            yield renewal
        # Whether another's value would be found by the newest key alone.
        is_left |= bool(renewal.unreadable or renewal.twice)
    if not is_left:
        _noted().exclude(key_id=look_up_key_ids()[0]).delete()


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


def _older(row: models.Model, fields: list[Sealed[Any, Any]], unreadable: list[str]) -> list[str]:
    """Which fields are under older keys. Opening them makes the row forget how they were sealed. Adds to `unreadable` where a
    value is that does not open."""
    found = []
    for column in fields:
        sealed = row.__dict__[column.attname]
        is_older = bool(sealed) and sealed[:KEY_ID_BYTES] != newest_key_id(column.keys)
        if not is_older and not (sealed and column.lookup):
            continue
        try:
            value = getattr(row, column.attname)
        except SealUnreadable:
            unreadable.append(f"{row._meta.db_table}.{column.column} of {row.pk}")
            continue
        if is_older or column.index_of(value) != sealed[KEY_ID_BYTES : KEY_ID_BYTES + INDEX_BYTES]:
            found.append(column.name)
    return found


def _renewed(
    model: type[models.Model], fields: list[Sealed[Any, Any]], pks: list[Any], renewal: Renewal, *, skip_locked: bool
) -> set[Any]:
    """Which rows were looked at once more, locked, and sealed anew where they are older still."""
    with transaction.atomic():
        rows = model._base_manager.select_for_update(no_key=True, skip_locked=skip_locked).filter(pk__in=pks)
        looked_at = set()
        for row in rows.order_by("pk"):
            looked_at.add(row.pk)
            # What does not open was named before.
            if names := _older(row, fields, []):
                try:
                    with transaction.atomic():
                        row.save(update_fields=names)
                    renewal.values += len(names)
                except IntegrityError:
                    renewal.twice.append(f"{', '.join(names)} in {renewal.table} of {row.pk}")
    return looked_at


def _noted() -> models.Manager[Any]:
    # Starts import this before any model can be.
    return cast(models.Manager[Any], apps.get_model("processors", "LookUpKey")._default_manager)


def _demand_look_up_keys() -> None:
    """Notes the key under which rows will be written. Raises KeysWrong."""
    known, noted = look_up_key_ids(), look_up_keys_in_use()
    if missing := sorted(set(noted) - set(known)):
        raise KeysWrong(
            f"Rows may be under the LOOKUP_KEY of before, whose id is {' or '.join(missing)}, and would not be found. Set it as"
            " LOOKUP_KEY_PREVIOUS until `manage.py sealed renew` is through, or run that while nothing else runs."
        )
    # Nothing is noted in a database of before these notes, whose rows may be under either.
    for key_id in known[:1] if noted else known:
        _noted().get_or_create(key_id=key_id)


def _look_up_uses() -> list[Use]:
    known = look_up_key_ids()
    counted: Counter[int | None] = Counter()
    for model, fields in sealed_columns().items():
        for column in filter(lambda each: each.lookup, fields):
            for row in model._base_manager.only(column.name).iterator(ROWS_AT_ONCE):
                # What does not open is counted with the keys that seal.
                with suppress(SealUnreadable):
                    if sealed := row.__dict__[column.attname]:
                        counted[_place_of(row, column, sealed)] += 1
    found = [Use("LOOKUP_KEY", key_id, place, counted[place]) for place, key_id in enumerate(known)]
    return found + ([Use("LOOKUP_KEY", "", None, counted[None])] if counted[None] else [])


def _place_of(row: models.Model, column: Sealed[Any, Any], sealed: bytes) -> int | None:
    """Of the key by which the value is found; None for one that is not there. Raises SealUnreadable."""
    indexes = column.indexes_of(getattr(row, column.attname))
    index = sealed[KEY_ID_BYTES : KEY_ID_BYTES + INDEX_BYTES]
    return indexes.index(index) if index in indexes else None


def _with_key_id(model: type[models.Model], field: Sealed[Any, Any]) -> models.QuerySet[Any]:
    key_id = Substr(field.name, 1, KEY_ID_BYTES, output_field=models.BinaryField())
    return model._base_manager.annotate(key_id=key_id)


def _demand_opens(row: models.Model, column: Sealed[Any, Any]) -> None:
    """Raises KeysWrong."""
    sealed, name = row.__dict__[column.attname], f"{row._meta.db_table}.{column.column}"
    try:
        value = getattr(row, column.attname)
    except SealUnreadable as error:
        raise KeysWrong(f"{name} cannot be read. {error}") from None
    if column.lookup and sealed[KEY_ID_BYTES : KEY_ID_BYTES + INDEX_BYTES] not in column.indexes_of(value):
        raise KeysWrong(
            f"{name} was written with another LOOKUP_KEY, so nobody would be found. Set that key as LOOKUP_KEY_PREVIOUS until"
            " `manage.py sealed renew` is through, or run that while nothing else runs."
        )
