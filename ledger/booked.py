"""What is booked for references, read so that somebody can compare it with what they should have cost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db.models import Q, Sum

from ledger.models import Account, Entry, Hold, Posting

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Part:
    """One charge of a reference: which of its entries, which part, and what it cost."""

    entry_id: UUID
    ordinal: int
    amount_mcredits: int


@dataclass(slots=True)
class Booked:
    """A reference's hold, and what its entries come to.

    parts: charges in order; settlements_mcredits: what settlements added to them, signed; newest_settlement: the last entry of
    that kind; released: whether anything that was held came back.
    """

    workspace_id: UUID
    state: str
    charged_mcredits: int
    settled_total_mcredits: int | None
    parts: list[Part] = field(default_factory=list)
    settlements_mcredits: int = 0
    newest_settlement: Entry | None = None
    released: bool = False

    @property
    def entries_mcredits(self) -> int:
        """What all charges and settlements together cost."""
        return sum(part.amount_mcredits for part in self.parts) + self.settlements_mcredits


def booked(references: Sequence[str]) -> dict[str, Booked]:
    """Of each of these that has a hold."""
    found = {
        hold.reference: Booked(hold.workspace_id, hold.state, hold.charged_mcredits, hold.settled_total_mcredits)
        for hold in Hold.objects.get_queryset().filter(reference__in=references)
    }
    entries = Entry.objects.get_queryset().filter(reference__in=list(found))
    for entry in entries.order_by("reference", "sequence").iterator(_PAGE):
        one = found[entry.reference]
        match entry.kind:
            case "charge":
                one.parts.append(Part(entry.id, entry.ordinal, -entry.effect_mcredits))
            case "settlement":
                one.settlements_mcredits -= entry.effect_mcredits
                one.newest_settlement = entry
            case "release":
                one.released = True
    return found


def had_no_more(one: Booked) -> bool:
    """Whether a reference that was charged less than it cost took all that there was: its whole hold, and what was available."""
    if not one.released:
        return True
    if one.newest_settlement is None:
        return False
    available = Account.objects.get(workspace_id=one.workspace_id, kind="available")
    until = Entry.objects.for_workspace(one.workspace_id).filter(sequence__lte=one.newest_settlement.sequence)
    postings = Posting.objects.filter(account=available, entry_id__in=until.values("id"))
    sums = postings.aggregate(
        credits=Sum("amount_mcredits", filter=Q(side="credit"), default=0),
        debits=Sum("amount_mcredits", filter=Q(side="debit"), default=0),
    )
    return bool(sums["credits"] == sums["debits"])


def references(*, kind: str) -> Iterator[list[str]]:
    """All references of this kind ("call") that ever had a hold, page by page."""
    after = ""
    prefix = f"{kind}:"
    holds = Hold.objects.get_queryset().filter(reference__startswith=prefix).order_by("reference")
    while page := list(holds.filter(reference__gt=after or prefix).values_list("reference", flat=True)[:_PAGE]):
        yield page
        after = page[-1]
