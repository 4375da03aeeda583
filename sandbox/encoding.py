"""Records to JSON and back, for the control API and the state file."""

import dataclasses
import types
import typing
from datetime import datetime
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def to_json(value: Any) -> Any:
    """Dataclasses to objects, datetimes to ISO 8601; a trailing underscore of a field name is dropped."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {entry.name.rstrip("_"): to_json(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(key): to_json(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(entry) for entry in value]
    return value


def from_json(kind: type[T], data: Any) -> T:
    """The reverse for one record class.

    :raises KeyError, ValueError, TypeError: for data that this version did not write.
    """
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)  # type: ignore[arg-type] # the callers pass record classes
    return kind(**{entry.name: _value(hints[entry.name], data[entry.name.rstrip("_")]) for entry in fields})


def _value(hint: Any, data: Any) -> Any:
    origin = get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else _value(next(arm for arm in get_args(hint) if arm is not type(None)), data)
    if hint is datetime:
        return datetime.fromisoformat(data)
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(type[Any], hint), data)
    if origin is list:
        return [_value(get_args(hint)[0], entry) for entry in data]
    if origin is tuple:
        arms = get_args(hint)
        if len(arms) == 2 and arms[1] is Ellipsis:
            return tuple(_value(arms[0], entry) for entry in data)
        return tuple(_value(arm, entry) for arm, entry in zip(arms, data, strict=True))
    return data
