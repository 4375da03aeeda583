"""What a member may spend of the workspace's credits in a month, and has spent.

Calls are counted from their rows, answers and deleted calls by the ledger. A call that goes on counts with the most that it
may cost, which its greatest length bounds, so calls and questions together never pass the limit. Both lock the membership.
"""

from collections import Counter
from datetime import datetime

from django.db.models import QuerySet, Sum

from identity.auth import Actor
from identity.models import Membership
from ledger import queries as ledger_queries
from ledger.money import price
from ledger.operations import count_spending, counted_spending
from voice.models import TERMINAL_STATUSES, Call
from voice.spending_schemas import MemberSpending, TeamSpendingOut


def left_mcredits(*, actor: Actor, now: datetime, lock: bool = False) -> int | None:
    """What the actor may still spend this month; None without a cap. Never negative.

    lock: within a transaction that spends; others that spend for the member wait for its end.
    """
    cap = _cap(actor, lock=lock)
    if cap is None:
        return None
    # Calls first: one that is deleted in this moment counts twice then, and never not at all.
    calls = _bound_by_calls(actor, now)
    month = _month_of(now).date()
    counted = counted_spending(workspace_id=actor.workspace_id, month=month, user_id=actor.user_id)
    return max(0, cap - calls - counted.get(actor.user_id, 0))


def besides_calls_mcredits(*, actor: Actor, now: datetime) -> int | None:
    """What the actor may spend this month on all but calls; None without a cap. Within a transaction that spends."""
    cap = _cap(actor, lock=True)
    return None if cap is None else cap - _bound_by_calls(actor, now)


def keep_spending(calls: QuerySet[Call]) -> None:
    """What these calls cost stays counted though they are deleted. In the transaction that deletes them."""
    # In one order, so that two deletions never wait for each other.
    for call in calls.filter(charged_mcredits__gt=0).order_by("user_id", "created_at"):
        count_spending(
            workspace_id=call.workspace_id, user_id=call.user_id, mcredits=call.charged_mcredits, at=call.created_at
        )


def team_spending(*, actor: Actor, now: datetime) -> TeamSpendingOut:
    """Of every member, what was charged until now. Raises NotPermitted."""
    actor.demand("manage_members")
    since = _month_of(now)
    calls = Call.objects.for_workspace(actor.workspace_id).filter(created_at__gte=since)
    spent = Counter(dict(calls.values_list("user_id").annotate(Sum("charged_mcredits"))))
    spent.update(counted_spending(workspace_id=actor.workspace_id, month=since.date()))
    members = Membership.objects.for_workspace(actor.workspace_id).order_by("created_at")
    return TeamSpendingOut(
        since=since,
        items=[
            MemberSpending(
                user_id=member.user_id,
                spent_mcredits=spent[member.user_id],
                monthly_cap_mcredits=member.monthly_cap_mcredits,
            )
            for member in members
        ],
    )


def _cap(actor: Actor, *, lock: bool) -> int | None:
    members = Membership.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id)
    if lock:
        members = members.select_for_update(no_key=True)
    return members.values_list("monthly_cap_mcredits", flat=True).first()


def _bound_by_calls(actor: Actor, now: datetime) -> int:
    """What the actor's calls of this month cost, and the most that one that goes on may."""
    calls = Call.objects.for_workspace(actor.workspace_id).filter(user_id=actor.user_id, created_at__gte=_month_of(now))
    over = calls.filter(status__in=TERMINAL_STATUSES).aggregate(charged=Sum("charged_mcredits"))["charged"] or 0
    live = calls.exclude(status__in=TERMINAL_STATUSES)
    return over + sum(max(_most(call), call.charged_mcredits) for call in live)


def _most(call: Call) -> int:
    return price(duration_s=call.max_duration_s, terms=ledger_queries.rate_card(call.rate_card_id).terms)


def _month_of(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
