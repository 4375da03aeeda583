"""Reading automatic top-up."""

from datetime import datetime
from typing import cast

from django.conf import settings

from identity.auth import Actor
from identity.models import User
from ledger.models import TopUp, TopUpPlan
from ledger.operations.top_up_plans import IN_FLIGHT, month_of, used_in_month
from ledger.operations.top_ups import checked_pack
from ledger.top_up_schemas import EndReason, TopUpOut, TopUpPlanOut, TopUpState, TopUpTerms, TopUpWords
from ledger.top_up_words import words


def top_up(*, actor: Actor, now: datetime) -> TopUpOut:
    """The newest plan, whatever became of it.

    :raises NotPermitted: the role does not see what the team spends.
    """
    actor.demand("see_team")
    plan = TopUpPlan.objects.for_workspace(actor.workspace_id).order_by("-agreed_at", "-id").first()
    return TopUpOut(offered=bool(settings.PADDLE_TOP_UP_PRICE_ID), plan=_plan(plan, now) if plan else None)


def top_up_words(*, actor: Actor, terms: TopUpTerms) -> TopUpWords:
    """What the owner would agree to.

    :raises NotPermitted, TopUpNotOffered, PackUnknown, TopUpLineTooHigh:
    """
    actor.demand("manage_workspace")
    return words(pack=checked_pack(terms), terms=terms)


def _plan(plan: TopUpPlan, now: datetime) -> TopUpPlanOut:
    month = month_of(now)
    person = User.objects.filter(id=plan.user_id).first() if plan.user_id else None
    flights = TopUp.objects.for_workspace(plan.workspace_id).filter(state__in=IN_FLIGHT)
    return TopUpPlanOut(
        plan_id=plan.id,
        state=cast(TopUpState, plan.state),
        end_reason=cast(EndReason, plan.end_reason) if plan.end_reason else None,
        cancelling=plan.cancel_at is not None,
        price_id=plan.price_id,
        pack_name=plan.pack_name,
        mcredits=plan.mcredits,
        amount_minor=plan.amount_minor,
        currency=plan.currency,
        threshold_mcredits=plan.threshold_mcredits,
        monthly_max=plan.monthly_max,
        used=used_in_month(plan.workspace_id, month),
        month=month,
        capped=plan.state == "active" and plan.capped_month == month,
        charging=flights.exists(),
        by=f"{person.first_name} {person.last_name}".strip() if person else None,
        agreed_at=plan.agreed_at,
        ended_at=plan.ended_at,
    )
