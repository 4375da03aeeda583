"""What legal holds cover, and the sealed copies of it that are kept when it is erased or changed, or its term is over. Nothing in the
application reads them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now, TruncDate

from compliance.models import HeldCopy, HeldRow, LegalHold

HeldKind = Literal["account", "lead", "call"]
# As it was before the first change under the hold; what came after that is sealed as it is at last.
WasKind = Literal["user_was", "lead_was", "call_was", "line_was"]
CopyKind = Literal[HeldKind, WasKind, "text"]
Row = tuple[HeldKind, UUID]
# What a kind of copy is in the inventory.
ELEMENT_OF: Final[Mapping[CopyKind, str]] = {
    "account": "account",
    "lead": "callee",
    "call": "call",
    "text": "transcript",
    "user_was": "account",
    "lead_was": "callee",
    "call_was": "call",
    "line_was": "transcript",
}
# By the database's own day, because stores are asked without a time.
_IN_FORCE: Final = Q(hold__lifted_at__isnull=True, hold__ends_on__gte=TruncDate(Now()))
_TOLD: Final = Q(hold__secret_until__isnull=True) | Q(hold__secret_until__lt=TruncDate(Now()))


@dataclass(frozen=True, slots=True)
class Copy:
    """What a row holds before it is erased or changed, or before its text ends. under: the rows that each cover it, itself among them."""

    kind: CopyKind
    row_id: UUID
    content: Mapping[str, Any]
    under: tuple[Row, ...]

    @property
    def covers(self) -> Q:
        """Which held rows cover it."""
        covers = Q(pk__in=())
        for kind, row_id in self.under:
            covers |= Q(kind=kind, row_id=row_id)
        return covers


@dataclass(frozen=True, slots=True)
class Kept:
    """How many rows were sealed for the first time, by element. told_after: the last day on which none of their holds permits
    telling the person; None where one does."""

    counts: Counter[str]
    told_after: date | None


def held(kind: HeldKind) -> QuerySet[HeldRow, UUID]:
    """The identifiers of the rows of one kind that a hold in force covers, for use in another query."""
    return HeldRow.objects.filter(_IN_FORCE, kind=kind).values_list("row_id", flat=True)


def any_in_force() -> bool:
    return HeldRow.objects.filter(_IN_FORCE).exists()


def any_told() -> bool:
    """Whether a hold in force permits telling people of it."""
    return HeldRow.objects.filter(_IN_FORCE, _TOLD).exists()


def is_told(copy: Copy) -> bool:
    """Whether one of the holds that cover it permits telling the person."""
    return HeldRow.objects.filter(_IN_FORCE, _TOLD, copy.covers).exists()


def keep(copies: Iterable[Copy], *, now: datetime) -> Kept:
    """Seals copies of what is about to go, one for each hold that covers it; a second time it changes nothing.

    Within what removes it, before anything goes.
    """
    sealed: Counter[str] = Counter()
    secret_until: set[date | None] = set()
    for copy in copies:
        holds = _seal(copy, now)
        secret_until |= {hold.secret_until for hold in holds}
        if holds:
            sealed[ELEMENT_OF[copy.kind]] += 1
    days = [day for day in secret_until if day is not None]
    return Kept(sealed, None if None in secret_until else min(days, default=None))


def _seal(copy: Copy, now: datetime) -> list[LegalHold]:
    """Returns the holds for which it was sealed. They are locked, so that none is lifted meanwhile and leaves a copy behind."""
    with transaction.atomic():
        covering = HeldRow.objects.filter(_IN_FORCE, copy.covers).values("hold_id")
        known = HeldCopy.objects.filter(kind=copy.kind, row_id=copy.row_id).values("hold_id")
        locked = LegalHold.objects.select_for_update().filter(id__in=covering, lifted_at__isnull=True)
        new = list(locked.exclude(id__in=known).order_by("id"))
        if new:
            HeldCopy.objects.bulk_create(
                [
                    HeldCopy(hold=each, kind=copy.kind, row_id=copy.row_id, content=dict(copy.content), at=now)
                    for each in new
                ],
                ignore_conflicts=True,
            )
    return new


def unsealed(hold: LegalHold, copies: Sequence[UUID]) -> list[dict[str, Any]]:
    """What these of the copies under a hold hold, in order."""
    return [
        {"kind": copy.kind, "sealed_at": copy.at.isoformat(), **copy.content}
        for copy in hold.copies.filter(id__in=copies).order_by("at", "id")
    ]
