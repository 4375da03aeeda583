"""Calls that go on while their rep is kept out by one of us, or is not of the workspace any more: they end.

The lead is taken out of the conversation at once and hears that the call ends, as when credits do; a phone that only rings is let go.
Who signs out everywhere, or stops our text messages, ends no call by it: it is the own one, and the phone is in the own hand.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from compliance import audit
from identity.models import Membership
from voice import sweeps, wake
from voice.changes import publish_call
from voice.models import TERMINAL_STATUSES, Call
from voice.state import CLOSING_AT_S

AT_ONCE_MAX: Final = 200


def sweep_shut_out(*, now: datetime) -> None:
    """Ends them. What is not dialled yet is refused where it would be dialled."""
    due = list(_shut_out().order_by("created_at").values_list("id", flat=True)[:AT_ONCE_MAX])
    sweeps.one_by_one("end shut out", due, lambda call_id: _end(call_id, now))


def _shut_out() -> QuerySet[Call]:
    going_on = Call.objects.exclude(status__in=TERMINAL_STATUSES).exclude(status="intended")
    mine = Membership.objects.get_queryset().filter(user_id=OuterRef("user_id"), workspace_id=OuterRef("workspace_id"))
    return going_on.filter(Q(user__blocked_at__isnull=False) | ~Exists(mine), hangup_requested_at__isnull=True)


def _end(call_id: UUID, now: datetime) -> None:
    with transaction.atomic():
        locked = Call.objects.select_for_update(of=("self",), no_key=True).select_related("lead", "user", "ended_by")
        call = locked.get(id=call_id)
        # Meanwhile it may be over, or its rep be in again.
        if not _shut_out().filter(id=call_id).exists():
            return
        talks = call.status == "in_progress"
        call.shut_out = True
        call.warned_at_s = CLOSING_AT_S if talks else None
        call.hangup_requested_at = now + timedelta(seconds=CLOSING_AT_S if talks else 0)
        publish_call(call, now=now, changed=["shut_out", "warned_at_s", "hangup_requested_at"])
        audit.record(
            workspace_id=call.workspace_id,
            actor_ref="system",
            action="call.rep_shut_out",
            target=str(call.id),
            detail={},
            now=now,
        )
        wake.soon("say_closing_line" if talks else "hang_up", call.id)
