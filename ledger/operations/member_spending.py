"""Counting what a member spends in a month, so that a limit holds whatever is deleted afterwards."""

from datetime import date, datetime
from uuid import UUID

from ledger.models import MemberSpending
from ledger.operations.book import CapReached


def count_spending(
    *, workspace_id: UUID, user_id: UUID, mcredits: int, at: datetime, monthly_max_mcredits: int | None = None
) -> None:
    """Adds to the month in which it was spent, in the caller's transaction.

    monthly_max_mcredits: more than that may not come together in this way. Raises CapReached.
    """
    of_month = {"workspace_id": workspace_id, "user_id": user_id, "month": at.date().replace(day=1)}
    MemberSpending.objects.bulk_create([MemberSpending(**of_month)], ignore_conflicts=True)
    row = MemberSpending.objects.get_queryset().select_for_update().get(**of_month)
    row.spent_mcredits += mcredits
    if monthly_max_mcredits is not None and row.spent_mcredits > monthly_max_mcredits:
        raise CapReached
    row.save(update_fields=["spent_mcredits"])


def counted_spending(*, workspace_id: UUID, month: date, user_id: UUID | None = None) -> dict[UUID, int]:
    """Milli-credits of a month by member; of one alone if user_id is given."""
    rows = MemberSpending.objects.for_workspace(workspace_id).filter(month=month)
    if user_id is not None:
        rows = rows.filter(user_id=user_id)
    return dict(rows.values_list("user_id", "spent_mcredits"))
