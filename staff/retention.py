"""Removing what is kept of our own people for its term; the terms are those of the inventory."""

from datetime import datetime, timedelta
from typing import Final

from compliance.elements import ELEMENTS
from staff.actor import IDLE_FOR
from staff.models import Look, StaffEvent, StaffSession

ROWS_AT_ONCE_MAX: Final = 2_000


def expire_staff_traces(*, now: datetime) -> int:
    """Removes a bounded number of rows that are over their term, and returns how many; the next round goes on."""
    removed = 0
    for rows in (
        StaffSession.objects.filter(expires_at__lte=now),
        StaffSession.objects.filter(last_used_at__lte=now - IDLE_FOR),
        StaffEvent.objects.filter(at__lte=now - _term("staff_access")),
        Look.objects.get_queryset().filter(began_at__lte=now - _term("staff_look")),
    ):
        some = list(rows.values_list("id", flat=True)[:ROWS_AT_ONCE_MAX])
        removed += rows.model._base_manager.filter(id__in=some).delete()[0]
    return removed


def _term(element: str) -> timedelta:
    return timedelta(days=ELEMENTS[element].retention_days or 0)
