"""Mails about automatic top-up: that it switched itself off, and that the month's top-ups are used up."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q

from identity.models import Membership
from ledger.models import TopUpNotice, TopUpPlan
from ledger.top_up_words import credit
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, next_try, send

REASONS: Final[dict[str, str]] = {
    "declined": "Your payment method was declined.",
    "past_due": "Paddle could not charge your payment method.",
    "method_removed": "The payment method was removed at Paddle.",
    "pack_changed": "The pack that you chose has another price now, or is not on sale any more. We charge only what you agreed to.",
    "refused": "Paddle refused the charge.",
    "unanswered": "Paddle did not take the charge, after several attempts.",
    "charged_back": "A charge was disputed with the bank.",
    "owner_left": "Whoever agreed to it does not own the workspace any more.",
}


def send_top_up_mails(*, now: datetime) -> int:
    """Sends what is due; what the mail server does not take is tried again. Returns how many were sent.

    A process that dies between sending and noting it sends twice; that is better than not at all.
    """
    due = TopUpNotice.objects.get_queryset().filter(sent_at__isnull=True, next_at__lte=now, attempts__lt=ATTEMPTS_MAX)
    return sum(_send(notice_id, now) for notice_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def _send(notice_id: UUID, now: datetime) -> bool:
    rows = TopUpNotice.objects.get_queryset()
    claimed = rows.filter(id=notice_id, sent_at__isnull=True, next_at__lte=now)
    if not claimed.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    notice = rows.select_related("plan").get(id=notice_id)
    subject, text = _written(notice.kind, notice.plan)
    to = _readers(notice.plan)
    if not send(kind=notice.kind, to=to, subject=subject, text=text, row_id=notice_id, attempt=notice.attempts):
        return False
    rows.filter(id=notice_id).update(sent_at=now)
    return bool(to)


def _readers(plan: TopUpPlan) -> list[str]:
    """The owner, and whoever agreed as far as that person is still in the workspace."""
    members = Membership.objects.for_workspace(plan.workspace_id)
    told = members.filter(Q(role=Membership.OWNER) | Q(user_id=plan.user_id))
    return sorted({reader.user.email for reader in told.select_related("user")})


def _written(kind: str, plan: TopUpPlan) -> tuple[str, str]:
    """Subject and text; nothing in them but the terms and the reason."""
    page = f"{settings.PUBLIC_URL}/credits"
    if kind == "cap_reached":
        return (
            "Your credits are low and this month's automatic top-ups are used up",
            f"Your balance fell below {credit(plan.threshold_mcredits)}, and all {plan.monthly_max} automatic top-ups of"
            " this calendar month (UTC) are used up, so nothing was charged. Calls stop when the credits end. You can buy"
            f" a pack yourself: {page}\n",
        )
    return (
        "Automatic top-up is off",
        f"{REASONS[plan.end_reason]} Automatic top-up of your workspace is off, nothing more is charged, and the payment"
        f" method is removed. To turn it on again, or to buy a pack yourself: {page}\n",
    )
