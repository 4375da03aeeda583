"""What is held of one kind, read a page at a time, as the copy of everything has it."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.core.exceptions import ValidationError

from compliance.schemas import HeldPage
from compliance.stores import Listed, Listing, Subject, all_stores
from processors.errors import CursorInvalid, DomainError


class KindNotListed(DomainError):
    """There is no such kind of data, or it is read with another one or in the copy alone."""

    code: ClassVar[str] = "kind_not_listed"

    def __init__(self) -> None:
        super().__init__("Nothing of this kind can be read by itself. The copy of everything holds all of it.")


def listed_kinds(subject: Subject) -> set[str]:
    """Elements of which `page` has pages."""
    return {element for store in all_stores() if isinstance(store, Listing) for element in store.listed(subject)}


def page(*, subject: Subject, element: str, cursor: str | None) -> HeldPage:
    """The newest first, part by part. Raises KindNotListed, CursorInvalid."""
    parts = [
        part for store in all_stores() if isinstance(store, Listing) for part in store.listed(subject).get(element, ())
    ]
    if not parts:
        raise KindNotListed
    place, after = _place(cursor, parts) if cursor else (0, None)
    size = min(part.size for part in parts)
    found: list[tuple[int, Any]] = []
    for number, part in enumerate(parts[place:], place):
        rows = part.rows.order_by("-pk")
        if number == place and after is not None:
            rows = rows.filter(pk__lt=after)
        found += [(number, row) for row in rows[: size + 1 - len(found)]]
        if len(found) > size:
            break
    items = [parts[number].shown(row) for number, row in found[:size]]
    last = found[size - 1] if len(found) > size else None
    return HeldPage(items=items, next_cursor=f"{last[0]}.{last[1].pk}" if last else None)


def _place(cursor: str, parts: Sequence[Listed]) -> tuple[int, Any]:
    """In which part the next page begins, and behind which key. Raises CursorInvalid."""
    number, _, key = cursor.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) == 1 and int(number) < len(parts)):
        raise CursorInvalid
    try:
        return int(number), parts[int(number)].rows.model._meta.pk.to_python(key)
    except ValidationError:
        raise CursorInvalid from None
