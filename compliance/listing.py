"""What is held of one kind, read a page at a time, as the copy of everything has it.

Who reads is the person, so nothing is disclosed to anybody; that it was read stands in the record of acts as a copy does, for each kind
once a day: pages that are turned would otherwise lengthen the record at will.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any, ClassVar

from django.core.exceptions import ValidationError

from compliance import audit
from compliance.models import AuditEvent
from compliance.schemas import HeldPage
from compliance.stores import Listed, Listing, Subject, all_stores
from processors.errors import CursorInvalid, DomainError
from processors.pseudonyms import pseudonym


class KindNotListed(DomainError):
    """There is no such kind of data, or it is read with another one or in the copy alone."""

    code: ClassVar[str] = "kind_not_listed"

    def __init__(self) -> None:
        super().__init__(
            "Nothing of this kind can be read by itself. Ask for the copy of everything, which holds all of it."
        )


def listed_kinds(subject: Subject) -> set[str]:
    """Elements of which `page` has pages."""
    return {element for store in all_stores() if isinstance(store, Listing) for element in store.listed(subject)}


def count(subject: Subject, element: str) -> int:
    """How many things `page` has of this kind."""
    return sum(part.rows.count() for part in _parts(subject, element))


def page(*, subject: Subject, element: str, cursor: str | None, now: datetime) -> HeldPage:
    """The newest first, part by part; that the person read it is noted. Raises KindNotListed, CursorInvalid."""
    parts = _parts(subject, element)
    if not parts:
        raise KindNotListed
    place, after = _place(cursor, parts) if cursor else (0, None)
    _note_read(subject, element, now)
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


def _parts(subject: Subject, element: str) -> list[Listed]:
    listing = (store for store in all_stores() if isinstance(store, Listing))
    return [part for store in listing for part in store.listed(subject).get(element, ())]


def _note_read(subject: Subject, element: str, now: datetime) -> None:
    target = str(subject.user_id) if subject.user_id else pseudonym("phone", subject.phone_e164)
    today = datetime.combine(now.astimezone(UTC).date(), time.min, UTC)
    noted = AuditEvent.objects.filter(target=target, action="privacy.read", at__gte=today, detail__element=element)
    if noted.exists():
        return
    audit.record(
        workspace_id=None,
        actor_ref=str(subject.user_id) if subject.user_id else "requester",
        action="privacy.read",
        target=target,
        detail={"element": element},
        now=now,
    )


def _place(cursor: str, parts: Sequence[Listed]) -> tuple[int, Any]:
    """In which part the next page begins, and behind which key. Raises CursorInvalid."""
    number, _, key = cursor.partition(".")
    if not (number.isascii() and number.isdigit() and len(number) == 1 and int(number) < len(parts)):
        raise CursorInvalid
    try:
        return int(number), parts[int(number)].rows.model._meta.pk.to_python(key)
    except ValidationError:
        raise CursorInvalid from None
