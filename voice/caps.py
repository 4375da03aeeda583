"""What a member may spend of the workspace's credits in a month, and has spent.

A member has one call at a time, so the time that a call may last bounds it. A question that is asked during a call is checked
against what the call has cost until then.
"""

from collections import Counter
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from ai import queries as ai_queries
from identity.auth import Actor
from identity.models import Membership
from voice.models import Call
from voice.spending_schemas import MemberSpending, TeamSpendingOut


def left_mcredits(*, actor: Actor, now: datetime) -> int | None:
    """What the actor may still spend this month; None without a cap. Never negative."""
    cap = _cap(actor)
    if cap is None:
        return None
    return max(0, cap - _spent(actor.workspace_id, now, actor.user_id)[actor.user_id])


def for_questions_mcredits(*, actor: Actor, now: datetime) -> int | None:
    """What all answers of this month may cost the actor, next to the calls until now; None without a cap."""
    cap = _cap(actor)
    if cap is None:
        return None
    return cap - _spent_on_calls(actor.workspace_id, now, actor.user_id)[actor.user_id]


def team_spending(*, actor: Actor, now: datetime) -> TeamSpendingOut:
    """Of every member, the caller's own included. Raises NotPermitted."""
    actor.demand("manage_members")
    spent = _spent(actor.workspace_id, now)
    members = Membership.objects.for_workspace(actor.workspace_id).order_by("created_at")
    return TeamSpendingOut(
        since=_month_of(now),
        items=[
            MemberSpending(
                user_id=member.user_id,
                spent_mcredits=spent[member.user_id],
                monthly_cap_mcredits=member.monthly_cap_mcredits,
            )
            for member in members
        ],
    )


def _cap(actor: Actor) -> int | None:
    members = Membership.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
    return members.values_list("monthly_cap_mcredits", flat=True).first()


def _spent(workspace_id: UUID, now: datetime, user_id: UUID | None = None) -> Counter[UUID]:
    month = _month_of(now).date()
    spent = _spent_on_calls(workspace_id, now, user_id)
    spent.update(ai_queries.spent_in_month(workspace_id=workspace_id, month=month, user_id=user_id))
    return spent


def _spent_on_calls(workspace_id: UUID, now: datetime, user_id: UUID | None) -> Counter[UUID]:
    calls = Call.objects.for_workspace(workspace_id).filter(created_at__gte=_month_of(now))
    if user_id is not None:
        calls = calls.filter(user_id=user_id)
    return Counter(dict(calls.values_list("user_id").annotate(Sum("charged_mcredits"))))


def _month_of(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
