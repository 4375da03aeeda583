"""Counting what a member spends in a month, so that a limit holds whatever is deleted afterwards."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from ledger.models import MemberSpending
from ledger.operations.book import CapReached, WorkspaceCapReached


@dataclass(frozen=True, slots=True)
class MonthlyBounds:
    """What may come together in a month in the way that `count_spending` counts; None without a bound.

    member_mcredits: by the member; workspace_mcredits: by all of the workspace.
    """

    member_mcredits: int | None = None
    workspace_mcredits: int | None = None


UNBOUNDED = MonthlyBounds()


def count_spending(
    *, workspace_id: UUID, user_id: UUID, mcredits: int, at: datetime, bounds: MonthlyBounds = UNBOUNDED
) -> None:
    """Adds to the month in which it was spent, in the caller's transaction.

    bounds: more may not come together; where all of a workspace have one, the caller has locked the workspace.
    Raises CapReached, WorkspaceCapReached.
    """
    month = at.date().replace(day=1)
    of_month = {"workspace_id": workspace_id, "user_id": user_id, "month": month}
    MemberSpending.objects.bulk_create([MemberSpending(**of_month)], ignore_conflicts=True)
    row = MemberSpending.objects.get_queryset().select_for_update().get(**of_month)
    row.spent_mcredits += mcredits
    if bounds.member_mcredits is not None and row.spent_mcredits > bounds.member_mcredits:
        raise CapReached
    if bounds.workspace_mcredits is not None:
        before = sum(counted_spending(workspace_id=workspace_id, month=month).values())
        if before + mcredits > bounds.workspace_mcredits:
            raise WorkspaceCapReached
    row.save(update_fields=["spent_mcredits"])


def counted_spending(*, workspace_id: UUID, month: date, user_id: UUID | None = None) -> dict[UUID, int]:
    """Milli-credits of a month by member; of one alone if user_id is given."""
    rows = MemberSpending.objects.for_workspace(workspace_id).filter(month=month)
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    return dict(rows.values_list("user_id", "spent_mcredits"))
