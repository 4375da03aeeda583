"""What ledger does for a database that was restored: automatic top-ups that were stopped are stopped again."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from compliance.erasure_ledger import Entry
from compliance.replaying import Named
from ledger.models import TopUpPlan
from ledger.operations.top_up_plans import end, locked, stopped
from processors.pseudonyms import pseudonym


class LedgerRestored:
    def named(self, kind: Named) -> Iterable[str | UUID]:
        """Nobody whom identity does not name."""
        return ()

    def recall(self, entries: Iterable[Entry], *, now: datetime) -> None:
        """Nothing is charged to a payment method that the backup takes for usable, and Paddle is asked once more to forget it."""
        keys = {each.key for each in entries if each.kind == "top_up"}
        going_on = TopUpPlan.objects.get_queryset().exclude(state="ended").values_list("id", flat=True)
        for plan_id in list(going_on) if keys else ():
            if pseudonym("top_up", plan_id) in keys:
                with transaction.atomic():
                    if plan := locked(id=plan_id):
                        end(plan, "stopped", now=now)

    def forget(self, *, now: datetime) -> None:
        """Nothing goes by itself."""

    def remembered(self, *, since: datetime) -> Iterator[Entry]:
        plans = TopUpPlan.objects.get_queryset().filter(end_reason="stopped", ended_at__gte=since)
        return (stopped(plan) for plan in plans.order_by("id").iterator())


RESTORED: Final = LedgerRestored()
