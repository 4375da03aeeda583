"""Credit set aside before it is spent: place, extend, settle, release, expire."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final
from uuid import UUID

from django.db import connection, transaction

from ledger.models import Hold
from ledger.money import AMOUNT_MAX_MCREDITS, AmountOutOfRange, checked_amount
from ledger.operations.book import Batch, Books, Line
from processors.errors import DomainError

EXPIRE_AT_ONCE_MAX = 500
# All but the expiry, which a renewal may move in the same moment.
_BOOKED = ["state", "remaining_mcredits", "charged_mcredits", "settlements", "settled_total_mcredits", "closed_at"]


class HoldUnknown(DomainError):
    """Nothing was ever held for the reference. Permanent."""

    code: ClassVar[str] = "hold_unknown"


class HoldClosed(DomainError):
    """The hold was settled, released or has expired, so it cannot be extended. Permanent."""

    code: ClassVar[str] = "hold_closed"


class ReferenceTaken(DomainError):
    """The reference holds credit of another workspace. Permanent."""

    code: ClassVar[str] = "reference_taken"


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a reference ended, in milli-credits.

    charged_mcredits: what was charged in the end; adjusted_mcredits: by how much the settlement changed it, signed;
    released_mcredits: what was still held; uncollected_mcredits: what the total asked for and nobody could pay.
    """

    reference: str
    total_mcredits: int
    charged_mcredits: int
    adjusted_mcredits: int
    released_mcredits: int
    uncollected_mcredits: int


@transaction.atomic
def place_hold(
    *, workspace_id: UUID, amount_mcredits: int, reference: str, expires_at: datetime, now: datetime
) -> Hold:
    """Sets credit aside for a reference, once: repeating it returns the hold as it is.

    :raises InsufficientCredit: less is available; nothing was changed.
    :raises ReferenceTaken, AmountOutOfRange:
    """
    checked_amount(amount_mcredits)
    batch = Batch(workspace_ids=[workspace_id], now=now)
    if hold := Hold.objects.get_queryset().filter(reference=reference).first():
        if hold.workspace_id != workspace_id:
            raise ReferenceTaken("This reference is in use. Take another one.")
        return hold
    _set_aside(batch, batch.books(workspace_id), amount_mcredits, reference=reference, ordinal=0)
    hold = Hold.objects.get_queryset().create(
        workspace_id=workspace_id,
        reference=reference,
        remaining_mcredits=amount_mcredits,
        placed_at=now,
        expires_at=expires_at,
    )
    batch.write()
    return hold


@transaction.atomic
def extend_hold(*, reference: str, remaining_mcredits: int, expires_at: datetime, now: datetime) -> Hold:
    """Tops a hold up so that at least `remaining_mcredits` are set aside, and moves its expiry. Repeating adds nothing.

    :raises InsufficientCredit: less is available; nothing was changed.
    :raises HoldUnknown, HoldClosed, AmountOutOfRange:
    """
    checked_amount(remaining_mcredits)
    batch, hold = _open(reference, now)
    if hold.state != "active":
        raise HoldClosed("The hold has ended. Place a new one.")
    missing = remaining_mcredits - hold.remaining_mcredits
    if missing > 0:
        hold.extensions += 1
        _set_aside(batch, batch.books(hold.workspace_id), missing, reference=reference, ordinal=hold.extensions)
        hold.remaining_mcredits += missing
    hold.expires_at = max(hold.expires_at, expires_at)
    hold.save(update_fields=["remaining_mcredits", "extensions", "expires_at"])
    batch.write()
    return hold


def settle(*, reference: str, total_mcredits: int, now: datetime) -> Settlement:
    """Makes `total_mcredits` the whole charge of a reference and frees what is left of its hold. Idempotent.

    What was charged before counts: only the difference is charged or given back, so a total never comes on top. Another
    total later adjusts again. What neither the hold nor the workspace can pay is reported as uncollected and not booked:
    a call that ran on longer than it was paid for is our fault, not the workspace's debt.

    :raises HoldUnknown, AmountOutOfRange:
    """
    return settle_together(totals_mcredits={reference: total_mcredits}, now=now)[reference]


@transaction.atomic
def settle_together(*, totals_mcredits: Mapping[str, int], now: datetime) -> dict[str, Settlement]:
    """The same for many references, all or none of them, in as many statements as for one.

    :raises HoldUnknown, AmountOutOfRange:
    """
    for total_mcredits in totals_mcredits.values():
        if not 0 <= total_mcredits <= AMOUNT_MAX_MCREDITS:
            raise AmountOutOfRange(
                f"A total of {total_mcredits} milli-credits cannot be settled; give 0 to {AMOUNT_MAX_MCREDITS}."
            )
    asked = Hold.objects.get_queryset().filter(reference__in=list(totals_mcredits))
    workspaces = dict(asked.values_list("reference", "workspace_id"))
    if len(workspaces) < len(totals_mcredits):
        raise HoldUnknown("Nothing is held for this reference. Place a hold first.")
    batch = Batch(workspace_ids=workspaces.values(), now=now)
    changed: list[Hold] = []
    settled: dict[str, Settlement] = {}
    # As they are once the accounts are locked.
    for hold in asked.order_by("reference").all():
        total_mcredits = totals_mcredits[hold.reference]
        adjusted = released = 0
        if not (hold.state == "settled" and hold.settled_total_mcredits == total_mcredits):
            books = batch.books(hold.workspace_id)
            adjusted = _adjust(batch, books, hold, total_mcredits)
            released = _release_rest(batch, books, hold)
            hold.state, hold.settled_total_mcredits, hold.closed_at = "settled", total_mcredits, now
            changed.append(hold)
        settled[hold.reference] = Settlement(
            reference=hold.reference,
            total_mcredits=total_mcredits,
            charged_mcredits=hold.charged_mcredits,
            adjusted_mcredits=adjusted,
            released_mcredits=released,
            uncollected_mcredits=total_mcredits - hold.charged_mcredits,
        )
    if changed:
        _save_settled(changed, now)
        batch.write()
    return settled


def _save_settled(holds: Sequence[Hold], now: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLED,
            [
                now,
                [hold.id for hold in holds],
                [hold.remaining_mcredits for hold in holds],
                [hold.charged_mcredits for hold in holds],
                [hold.settlements for hold in holds],
                [hold.settled_total_mcredits for hold in holds],
            ],
        )


@transaction.atomic
def release_hold(*, reference: str, now: datetime) -> Hold:
    """Frees what is left of a hold; nothing more can be charged to the reference. Repeating changes nothing.

    :raises HoldUnknown:
    """
    batch, hold = _open(reference, now)
    if hold.state in ("active", "expired"):
        _close(batch, hold, state="released")
        batch.write()
    return hold


@transaction.atomic
def release_expired_holds(*, now: datetime) -> int:
    """Frees what silent references still hold, at most EXPIRE_AT_ONCE_MAX at a time. Returns how many.

    Several may run at once: who comes second finds the holds closed.
    """
    due = (
        Hold.objects.get_queryset()
        .filter(state="active", expires_at__lte=now)
        .order_by("expires_at")[:EXPIRE_AT_ONCE_MAX]
    )
    found = {hold.id: hold.workspace_id for hold in due}
    batch = Batch(workspace_ids=found.values(), now=now)
    expired = 0
    # Under the rows' own locks, since a renewal does not lock the accounts.
    still = Hold.objects.get_queryset().select_for_update().filter(id__in=found, state="active", expires_at__lte=now)
    for hold in still.order_by("id"):
        _close(batch, hold, state="expired")
        expired += 1
    batch.write()
    return expired


def renew_holds(*, references: Sequence[str], expires_at: datetime, now: datetime) -> None:
    """Moves the expiry of those of these holds that are active: their references are alive. Never backwards.

    A hold that is being charged or settled in this moment is left out.
    """
    ids = Hold.objects.get_queryset().filter(reference__in=references, state="active", expires_at__lt=expires_at)
    with transaction.atomic():
        locked = list(ids.select_for_update(skip_locked=True).values_list("id", flat=True))
        Hold.objects.get_queryset().filter(id__in=locked).update(expires_at=expires_at)


def _open(reference: str, now: datetime) -> tuple[Batch, Hold]:
    """The hold as it is once its workspace's accounts are locked."""
    workspace_id = (
        Hold.objects.get_queryset().filter(reference=reference).values_list("workspace_id", flat=True).first()
    )
    if workspace_id is None:
        raise HoldUnknown("Nothing is held for this reference. Place a hold first.")
    batch = Batch(workspace_ids=[workspace_id], now=now)
    return batch, Hold.objects.get_queryset().get(reference=reference)


def _set_aside(batch: Batch, books: Books, amount_mcredits: int, *, reference: str, ordinal: int) -> None:
    batch.post(
        books,
        "hold",
        [Line("available", "debit", amount_mcredits), Line("held", "credit", amount_mcredits)],
        reference=reference,
        ordinal=ordinal,
        key=f"hold:{reference}:{ordinal}",
    )


def _adjust(batch: Batch, books: Books, hold: Hold, total_mcredits: int) -> int:
    """Charges or gives back the difference to the total. Returns the signed change of what is charged."""
    missing = total_mcredits - hold.charged_mcredits
    if missing > 0:
        from_hold = min(missing, hold.remaining_mcredits)
        from_available = min(missing - from_hold, books.available)
        adjusted = from_hold + from_available
        lines = [
            Line("held", "debit", from_hold),
            Line("available", "debit", from_available),
            Line("sales", "credit", adjusted),
        ]
        hold.remaining_mcredits -= from_hold
    else:
        adjusted = missing
        to_debt = min(-missing, books.debt)
        lines = [
            Line("sales", "debit", -missing),
            Line("debt", "credit", to_debt),
            Line("available", "credit", -missing - to_debt),
        ]
    if adjusted:
        hold.settlements += 1
        hold.charged_mcredits += adjusted
        batch.post(
            books,
            "settlement",
            lines,
            reference=hold.reference,
            ordinal=hold.settlements,
            key=f"settlement:{hold.reference}:{hold.settlements}",
        )
    return adjusted


def _close(batch: Batch, hold: Hold, *, state: str) -> None:
    _release_rest(batch, batch.books(hold.workspace_id), hold)
    hold.state = state
    hold.closed_at = batch.now
    hold.save(update_fields=_BOOKED)


def _release_rest(batch: Batch, books: Books, hold: Hold) -> int:
    """Returns what was released. A hold is released at most once: closed ones have nothing left."""
    rest = hold.remaining_mcredits
    if rest:
        hold.remaining_mcredits = 0
        batch.post(
            books,
            "release",
            [Line("held", "debit", rest), Line("available", "credit", rest)],
            reference=hold.reference,
            key=f"release:{hold.reference}",
        )
    return rest


# All but the expiry, which a renewal may move in the same moment.
_SETTLED: Final = """
UPDATE ledger_hold AS hold
SET state = 'settled', closed_at = %s, remaining_mcredits = settled.remaining, charged_mcredits = settled.charged,
    settlements = settled.times, settled_total_mcredits = settled.total
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::int[], %s::bigint[])
    AS settled (id, remaining, charged, times, total)
WHERE hold.id = settled.id
"""
