"""What all of automatic top-up does with a plan: lock it, end it, let a charge fail.

Everybody locks the plan first, then its charge, then the accounts, so that nobody waits for somebody in a circle.
"""

from datetime import UTC, date, datetime
from typing import cast
from uuid import UUID

from django.db.models import Q

from compliance.erasure_ledger import Entry
from ledger.chart import CREDIT_SIGN, AccountKind
from ledger.events import TopUpChanged
from ledger.models import Account, TopUp, TopUpNotice, TopUpPlan
from ledger.top_up_schemas import EndReason, TopUpState
from processors.pseudonyms import pseudonym
from realtime.publish import Topic, publish_on_commit

LIVE = ("pending", "active")
IN_FLIGHT = ("intended", "charged")
# Whoever ended it by these knows it; the others are told by mail.
_KNOWN_TO_THE_PERSON = ("stopped", "replaced", "erased")


def month_of(now: datetime) -> date:
    """The first day of the calendar month, UTC. now: aware."""
    return now.astimezone(UTC).date().replace(day=1)


def used_in_month(workspace_id: UUID, month: date) -> int:
    """Charges that count against the cap: those made or under way, and those that turned out to be paid after all."""
    counted = ~Q(state="failed") | Q(checkout__state="granted")
    return TopUp.objects.for_workspace(workspace_id).filter(counted, month=month).count()


def credit(workspace_id: UUID) -> int:
    """available + held - debt of a workspace, in milli-credits."""
    balances = Account.objects.filter(workspace_id=workspace_id).values_list("kind", "balance_mcredits")
    return sum(CREDIT_SIGN[cast(AccountKind, kind)] * (balance or 0) for kind, balance in balances)


def locked(**match: object) -> TopUpPlan | None:
    """The plan that matches, locked until the transaction ends."""
    return (
        TopUpPlan.objects.get_queryset().select_for_update(of=("self",)).filter(**match).order_by("-agreed_at").first()
    )


def set_state(plan: TopUpPlan, state: TopUpState) -> None:
    plan.state = state
    plan.save()
    publish(plan)


def publish(plan: TopUpPlan) -> None:
    """Tells open pages to look again."""
    publish_on_commit(Topic.workspace(plan.workspace_id), TopUpChanged(state=cast(TopUpState, plan.state)))


def end(plan: TopUpPlan, reason: EndReason, *, now: datetime) -> None:
    """Ends a locked plan: nothing more is charged, and Paddle is asked to forget the payment method.

    What Paddle was asked to charge already is granted if it comes. A plan that is over stays as it ended.
    """
    if plan.state == "ended":
        return
    was_active = plan.state == "active"
    plan.end_reason, plan.ended_at = reason, now
    forget_method(plan, now=now)
    never_asked = TopUp.objects.for_workspace(plan.workspace_id).filter(plan=plan, state="intended", asked_at=None)
    never_asked.update(state="failed", reason=reason, settled_at=now)
    set_state(plan, "ended")
    if was_active and reason not in _KNOWN_TO_THE_PERSON:
        tell(plan, "switched_off", key=f"switched_off:{plan.id}", now=now)


def stopped(plan: TopUpPlan) -> Entry:
    """What the erasure ledger holds of a plan that somebody has stopped."""
    assert plan.ended_at is not None
    return Entry("top_up", pseudonym("top_up", plan.id), plan.ended_at)


def forget_method(plan: TopUpPlan, *, now: datetime) -> None:
    """Makes the cancellation at Paddle due, where there is something to cancel."""
    if plan.subscription_id and plan.canceled_at is None:
        plan.cancel_at = now


def fail(top_up: TopUp, plan: TopUpPlan, reason: EndReason, *, now: datetime) -> None:
    """A charge that will not come, of a locked plan. It switches the plan off, so that nothing is tried over and over."""
    top_up.state, top_up.reason, top_up.settled_at = "failed", reason, now
    top_up.save()
    end(plan, reason, now=now)


def tell(plan: TopUpPlan, kind: str, *, key: str, now: datetime) -> None:
    """Makes a mail due, once per key."""
    row = TopUpNotice(workspace_id=plan.workspace_id, plan=plan, kind=kind, key=key, created_at=now, next_at=now)
    TopUpNotice.objects.bulk_create([row], ignore_conflicts=True)
