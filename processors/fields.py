"""What an outgoing request carries, as a flat list of field names. Pure."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

BODY_BYTES_MAX = 65_536


class BodyUnreadable(ValueError):
    """The body cannot be listed field by field, so it cannot be allowed. The message says why."""


def fields_of(*, url: str, content_type: str, body: bytes | str | None) -> list[tuple[str, str]]:
    """Every (name, value) of query and body; JSON members as dotted paths, list items as `name[]`.

    Raises BodyUnreadable for a body that is neither a form nor JSON, is a stream, or is over BODY_BYTES_MAX.
    """
    found = parse_qsl(urlsplit(url).query, keep_blank_values=True)
    if not body:
        return found
    if not isinstance(body, bytes | str):
        raise BodyUnreadable("a streamed body is not allowed")
    text = body.decode("utf-8", errors="strict") if isinstance(body, bytes) else body
    if len(text) > BODY_BYTES_MAX:
        raise BodyUnreadable(f"the body is over {BODY_BYTES_MAX} characters")
    kind = content_type.split(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return found + parse_qsl(text, keep_blank_values=True)
    if kind == "application/json":
        try:
            return found + list(_members(json.loads(text), ""))
        except ValueError:
            raise BodyUnreadable("the body says it is JSON and is not") from None
    raise BodyUnreadable("the body is neither a form nor JSON")


def _members(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _members(member, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, f"{path}[]")
    else:
        yield path, "" if value is None else str(value)
