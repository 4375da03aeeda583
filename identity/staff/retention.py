"""How what is kept of our own people ends; the terms are those of the inventory."""

from typing import Final

from django.db.models import F, QuerySet
from django.db.models.functions import Least

from compliance.retention import Rule, delete_rows
from identity.staff.actor import IDLE_FOR
from identity.staff.models import Look, StaffEvent, StaffSession


def _ending_sessions() -> QuerySet[StaffSession]:
    return StaffSession.objects.annotate(ends_at=Least(F("expires_at"), F("last_used_at") + IDLE_FOR))


RETENTION: Final = (
    Rule("staff_access", ("staff.StaffSession",), _ending_sessions, "ends_at", delete_rows(StaffSession), is_end=True),
    Rule("staff_access", ("staff.StaffEvent",), StaffEvent.objects.all, "at", delete_rows(StaffEvent)),
    Rule(
        "staff_look",
        ("staff.Look",),
        lambda: Look.objects.get_queryset(),
        "began_at",
        delete_rows(Look),
        workspace="workspace_id",
    ),
)
