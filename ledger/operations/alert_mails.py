"""The mail about a low balance, to whoever may buy credits: who is not signed in would not see it on the page."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F

from identity.models import Membership
from identity.permissions import roles_that_may
from ledger.models import BalanceAlert
from ledger.top_up_words import credit
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, claimed_at, next_try, send

SUBJECT: Final = "Your credits are low"


def send_alert_mails(*, now: datetime) -> int:
    """One mail to each buyer for each time that the balance fell below the line. Returns how many falls were told.

    A fall that is over before its mail went out is not told. A process that dies between sending and noting it sends twice;
    that is better than not at all.
    """
    due = BalanceAlert.objects.get_queryset().filter(mail_at__lte=now, mail_attempts__lt=ATTEMPTS_MAX)
    return sum(_send(alert_id, now) for alert_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def _send(alert_id: UUID, now: datetime) -> bool:
    rows = BalanceAlert.objects.get_queryset().filter(id=alert_id)
    claimed_until = next_try(now, attempts="mail_attempts")
    if not rows.filter(mail_at__lte=now).update(mail_at=claimed_until, mail_attempts=F("mail_attempts") + 1):
        return False
    alert = rows.filter(claimed_at(now)).first()
    if alert is None:
        return False
    buyers = Membership.objects.for_workspace(alert.workspace_id).filter(role__in=roles_that_may("buy_credits"))
    to = sorted({buyer.user.email for buyer in buyers.select_related("user")})
    text = (
        f"Your balance fell below the {credit(alert.threshold_mcredits)} that you asked to be told of. Calls stop when the"
        f" credits end. Buy a pack, or change the amount: {settings.PUBLIC_URL}/credits\n"
    )
    sent = send(kind="low_balance", to=to, subject=SUBJECT, text=text, row_id=alert.id, attempt=alert.mail_attempts)
    if sent:
        # Only this claim's: a new fall in the meantime has a mail of its own.
        rows.filter(mail_at=alert.mail_at).update(mail_at=None, mail_attempts=0)
    return sent and bool(to)
