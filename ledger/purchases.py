"""Purchases: what was bought, what was taken back of it and what that did."""

from uuid import UUID

from django.db.models import QuerySet

from ledger.models import Checkout


def references_of(*, workspace_id: UUID, user_id: UUID) -> QuerySet[Checkout, str]:
    """The ledger's references of what a person bought: Paddle's transaction ids."""
    mine = Checkout.objects.for_workspace(workspace_id).filter(user_id=user_id)
    return mine.values_list("transaction_id", flat=True)


def by_transaction(*, workspace_id: UUID, transaction_ids: set[str]) -> dict[str, Checkout]:
    found = Checkout.objects.for_workspace(workspace_id).filter(transaction_id__in=transaction_ids)
    return {checkout.transaction_id: checkout for checkout in found}
