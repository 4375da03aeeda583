"""The mail about an endpoint that was switched off, to whoever may mend it."""

from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import F

from identity.models import Membership
from identity.outgoing.models import Endpoint
from identity.permissions import roles_that_may
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, claimed_at, next_try, send

SUBJECT: Final = "A webhook was switched off"
_WHY: Final = {
    "failing": "It has not taken a single message for three days.",
    "gone": "It answered that it is gone (410).",
}


def send_webhook_mails(*, now: datetime) -> int:
    """One mail to each of those who manage webhooks. Returns how many endpoints were told of.

    One that was switched on before its mail went out is not told. A process that dies between sending and noting it sends twice.
    """
    due = Endpoint.objects.get_queryset().filter(mail_at__lte=now, mail_attempts__lt=ATTEMPTS_MAX)
    return sum(_send(endpoint_id, now) for endpoint_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def _send(endpoint_id: UUID, now: datetime) -> bool:
    rows = Endpoint.objects.get_queryset().filter(id=endpoint_id)
    claimed_until = next_try(now, attempts="mail_attempts")
    if not rows.filter(mail_at__lte=now).update(mail_at=claimed_until, mail_attempts=F("mail_attempts") + 1):
        return False
    endpoint = rows.filter(claimed_at(now)).first()
    if endpoint is None:
        return False
    keepers = Membership.objects.for_workspace(endpoint.workspace_id).filter(role__in=roles_that_may("manage_webhooks"))
    text = (
        f"Nothing is sent to the webhook at {urlsplit(endpoint.url).hostname} any more."
        f" {_WHY.get(endpoint.off_reason or '', '')}\n"
        "What happened since is not lost: your program can ask the API for it.\n"
        f"See what it answered, and switch it on again: {settings.PUBLIC_URL}/settings/webhooks\n"
    )
    to = sorted({keeper.user.email for keeper in keepers.select_related("user")})
    attempt = endpoint.mail_attempts
    sent = send(kind="webhook_off", to=to, subject=SUBJECT, text=text, row_id=endpoint.id, attempt=attempt)
    if sent:
        rows.filter(mail_at=endpoint.mail_at).update(mail_at=None, mail_attempts=0)
    return sent and bool(to)
