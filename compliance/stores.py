"""How compliance reaches what the packages above it keep: each brings one Store, and config lists them
all."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable
from uuid import UUID

from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils.module_loading import import_string

from processors.errors import DomainError

if TYPE_CHECKING:
    from compliance.sealing import Copy

_Row = TypeVar("_Row", bound=Model)
_Value = TypeVar("_Value")


class NotYet(DomainError):
    """A store cannot finish now, such as while a call is live or the carrier is down; the run resumes
    later."""

    code: ClassVar[str] = "erasure_not_yet"
    retryable: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Subject:
    """The person whose data is meant.

    kind: "user" has an account; "callee" was called and is known by number alone.
    workspace_ids: all that the person belongs to. workspace_ids_to_erase: those that end with the person, because
    nobody else is in them; everything in them goes, the callees' data too.
    phone_e164, email: also to be looked for where no id leads to them; both proved.
    contact: where mails to an account go, proved or not. Nothing is looked for by it: it may be somebody else's.
    """

    kind: Literal["user", "callee"]
    user_id: UUID | None = None
    workspace_ids: tuple[UUID, ...] = ()
    workspace_ids_to_erase: tuple[UUID, ...] = ()
    email: str = ""
    phone_e164: str = ""
    contact: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "user_id": str(self.user_id) if self.user_id else None,
            "workspace_ids": [str(each) for each in self.workspace_ids],
            "workspace_ids_to_erase": [str(each) for each in self.workspace_ids_to_erase],
            "email": self.email,
            "phone_e164": self.phone_e164,
            "contact": self.contact,
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> "Subject":
        return Subject(
            kind=stored["kind"],
            user_id=UUID(stored["user_id"]) if stored["user_id"] else None,
            workspace_ids=tuple(UUID(each) for each in stored["workspace_ids"]),
            workspace_ids_to_erase=tuple(UUID(each) for each in stored["workspace_ids_to_erase"]),
            email=stored["email"],
            phone_e164=stored["phone_e164"],
            # What an older version has stored knows one address only.
            contact=stored.get("contact", stored["email"]),
        )


@dataclass(frozen=True, slots=True)
class Corrected:
    """Facts about a person that are others now.

    kind, target_id: an account or a lead. old: what each was, by name: name, email, mobile; of a lead name, company, phone.
    """

    kind: Literal["account", "lead"]
    target_id: UUID
    old: Mapping[str, str]


class Store(Protocol):
    """What one package, or one processor on its behalf, holds about people.

    The keys of counts and of exports are keys of compliance.inventory.ELEMENTS.
    """

    @property
    def name(self) -> str:
        """Short and stable: steps of erasures are recorded under it."""

    def find(self, subject: Subject) -> dict[str, int]:
        """How many things are held, by element."""

    def export(self, subject: Subject) -> dict[str, Any]:
        """Everything held, by element, as JSON values that a person can read; nothing of anybody else.

        One value, or several: those may come as they are read, see `pages`, and are read once.
        """

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        """Removes it, or unlinks the person where the law keeps the row; returns how many, by element.

        Idempotent, and safe to repeat after it died halfway. Runs outside of a transaction.
        Raises NotYet when it has to be continued later.
        """

    def verify(self, subject: Subject) -> int:
        """How many things are left that should be gone; 0 after a complete erasure."""


@runtime_checkable
class Stopping(Protocol):
    """A store that must stop things before anything is erased: end sessions, close sockets, hang up calls. The last of them stops first."""

    def stop(self, subject: Subject, *, now: datetime) -> None:
        """Idempotent. Raises NotYet while something cannot be stopped."""


@runtime_checkable
class Holding(Protocol):
    """A store of rows that a legal hold may cover, which has them sealed before they are erased."""

    def held_copies(self, subject: Subject) -> "Iterable[Copy]":
        """What of the person's rows a hold in force covers, as it stands now; nothing once they are erased."""


@runtime_checkable
class Following(Protocol):
    """A store that holds copies of facts, or what was made of them."""

    def follow(self, corrected: Corrected, *, now: datetime) -> None:
        """Brings copies in line and has the rest made anew. Idempotent; may be done by others later."""

    def left_of(self, corrected: Corrected) -> int:
        """In how many places the old value is, or something that was made of it; 0 when everything follows."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Things of one kind that are held, to be read a page at a time.

    rows: all of them, in no order; their keys grow with time. shown: one of them as the copy has it. size: how many are a page.
    """

    rows: QuerySet[Any]
    shown: Callable[[Any], dict[str, Any]]
    size: int = 20


@runtime_checkable
class Listing(Protocol):
    """A store of kinds that people read on a page, without taking a copy of everything."""

    def listed(self, subject: Subject) -> Mapping[str, Sequence[Listed]]:
        """By element, each behind the one before; nothing is read for it yet."""


def all_stores() -> Sequence[Store]:
    """In the order in which they are erased: whoever knows where things are kept elsewhere comes after that
    elsewhere."""
    return cast(Sequence[Store], import_string(f"{settings.PERSONAL_DATA}.STORES"))


def pages(rows: QuerySet[_Row], *, size: int) -> Iterator[list[_Row]]:
    """The rows in their order, so many at a time; of all of them only the keys are held at once. What goes meanwhile is left out."""
    for wanted in batched(rows.values_list("pk", flat=True), size):
        by_key = {row.pk: row for row in rows.filter(pk__in=wanted)}
        yield [by_key[key] for key in wanted if key in by_key]


def batched(values: Iterable[_Value], size: int) -> Iterator[list[_Value]]:
    """All of them, so many at a time; they are read before the first are given out."""
    held = list(values)
    for start in range(0, len(held), size):
        yield held[start : start + size]


def found(subject: Subject) -> Counter[str]:
    """How many things all stores hold about a person, by element."""
    counts: Counter[str] = Counter()
    for store in all_stores():
        counts.update(store.find(subject))
    return counts


def all_inventories() -> Sequence[Mapping[str, str]]:
    return cast(Sequence[Mapping[str, str]], import_string(f"{settings.PERSONAL_DATA}.INVENTORIES"))


def subject_anew(subject: Subject) -> Subject:
    """The same person as things stand now, with the workspaces locked until the transaction ends: since the request
    somebody may have joined one of them, or left the person alone in one."""
    found: Callable[[Subject], Subject] = import_string(f"{settings.PERSONAL_DATA}.SUBJECT_ANEW")
    return found(subject)
