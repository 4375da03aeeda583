"""What a member, and a workspace as a whole, may spend of its credits in a month, and how many calls it may have at once.

Calls are counted from their rows, answers and deleted calls by the ledger. A call that goes on counts with the most that it
may cost, which its greatest length bounds, so calls and questions together never pass a limit. Both lock the workspace, where
it has a limit, and then the membership.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from identity.auth import Actor
from identity.models import Membership, Workspace
from ledger import queries as ledger_queries
from ledger.money import RateCardTerms, price
from ledger.operations import MonthlyBounds, count_spending, counted_spending
from voice.models import TERMINAL_STATUSES, Call
from voice.spending_schemas import MemberSpending, TeamSpendingOut, WorkspaceSpending

# Of what is left to a whole workspace, one call may cost this part, or so long a talk: else the first would keep all others waiting.
SHARE: Final = 10
SHARE_MIN_S: Final = 1_800


@dataclass(frozen=True, slots=True)
class WorkspaceCaps:
    """Of a workspace, None without one. live_calls_max: calls at once; monthly_mcredits: what all may spend in a month."""

    live_calls_max: int | None = None
    monthly_mcredits: int | None = None


def of_workspace(workspace_id: UUID, *, lock: bool = False) -> WorkspaceCaps:
    """lock: within a transaction that dials or spends, before its other locks. Others that do so in the workspace wait for its end,
    and then count what it has placed; a workspace without caps is not locked."""
    capped = Workspace.objects.filter(Q(live_calls_max__isnull=False) | Q(monthly_cap_mcredits__isnull=False))
    rows = capped.filter(id=workspace_id)
    if lock:
        rows = rows.select_for_update(no_key=True)
    found = rows.values_list("live_calls_max", "monthly_cap_mcredits").first()
    return WorkspaceCaps(*found) if found else WorkspaceCaps()


def left_mcredits(*, actor: Actor, now: datetime, lock: bool = False) -> int | None:
    """What the actor may still spend this month; None without a cap. Never negative.

    lock: within a transaction that spends; others that spend for the member wait for its end.
    """
    cap = _cap(actor, lock=lock)
    if cap is None:
        return None
    # Calls first: one that is deleted in this moment counts twice then, and never not at all.
    calls = _bound_by_calls(_of_member(actor, now))
    month = _month_of(now).date()
    counted = counted_spending(workspace_id=actor.workspace_id, month=month, user_id=actor.user_id)
    return max(0, cap - calls - counted.get(actor.user_id, 0))


def left_to_all_mcredits(*, workspace_id: UUID, caps: WorkspaceCaps, now: datetime) -> int | None:
    """What all of the workspace together may still spend this month; None without a cap. Never negative."""
    if caps.monthly_mcredits is None:
        return None
    calls = _bound_by_calls(_of_month(workspace_id, now))
    counted = counted_spending(workspace_id=workspace_id, month=_month_of(now).date())
    return max(0, caps.monthly_mcredits - calls - sum(counted.values()))


def share_mcredits(left_to_all_mcredits: int, *, terms: RateCardTerms) -> int:
    """What one call may cost of it."""
    return min(left_to_all_mcredits, max(left_to_all_mcredits // SHARE, price(duration_s=SHARE_MIN_S, terms=terms)))


def besides_calls(*, actor: Actor, now: datetime) -> MonthlyBounds:
    """What may be spent this month on all but calls. Within a transaction that spends."""
    all_may = of_workspace(actor.workspace_id, lock=True).monthly_mcredits
    cap = _cap(actor, lock=True)
    return MonthlyBounds(
        member_mcredits=None if cap is None else cap - _bound_by_calls(_of_member(actor, now)),
        workspace_mcredits=None if all_may is None else all_may - _bound_by_calls(_of_month(actor.workspace_id, now)),
    )


def keep_spending(calls: QuerySet[Call]) -> None:
    """What these calls cost stays counted though they are deleted. In the transaction that deletes them."""
    # In one order, so that two deletions never wait for each other.
    for call in calls.filter(charged_mcredits__gt=0).order_by("user_id", "created_at"):
        count_spending(
            workspace_id=call.workspace_id, user_id=call.user_id, mcredits=call.charged_mcredits, at=call.created_at
        )


def team_spending(*, actor: Actor, now: datetime) -> TeamSpendingOut:
    """Of every member, and of all together, what was charged until now. Raises NotPermitted."""
    actor.demand("manage_members")
    since = _month_of(now)
    calls = _of_month(actor.workspace_id, now)
    spent = Counter(dict(calls.values_list("user_id").annotate(Sum("charged_mcredits"))))
    spent.update(counted_spending(workspace_id=actor.workspace_id, month=since.date()))
    members = Membership.objects.for_workspace(actor.workspace_id).order_by("created_at")
    caps = of_workspace(actor.workspace_id)
    live = Call.objects.for_workspace(actor.workspace_id).exclude(status__in=TERMINAL_STATUSES)
    return TeamSpendingOut(
        since=since,
        workspace=WorkspaceSpending(
            # Those who have left the team spent some of it too.
            spent_mcredits=spent.total(),
            monthly_cap_mcredits=caps.monthly_mcredits,
            live_calls=live.count(),
            live_calls_max=caps.live_calls_max,
        ),
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


def _of_month(workspace_id: UUID, now: datetime) -> QuerySet[Call]:
    return Call.objects.for_workspace(workspace_id).filter(created_at__gte=_month_of(now))


def _of_member(actor: Actor, now: datetime) -> QuerySet[Call]:
    return _of_month(actor.workspace_id, now).filter(user_id=actor.user_id)


def _bound_by_calls(calls: QuerySet[Call]) -> int:
    """What these calls cost, and the most that those that go on may."""
    over = calls.filter(status__in=TERMINAL_STATUSES).aggregate(charged=Sum("charged_mcredits"))["charged"] or 0
    return over + sum(map(_most, calls.exclude(status__in=TERMINAL_STATUSES)))


def _most(call: Call) -> int:
    terms = ledger_queries.rate_card(call.rate_card_id).terms
    return max(price(duration_s=call.max_duration_s, terms=terms), call.charged_mcredits)


def _month_of(now: datetime) -> datetime:
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
