"""The mail that tells everybody of a coming version of the policy, before it takes effect."""

import logging
from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from compliance import policy, policy_change
from compliance.models import PolicyMail, PolicyReceipt, PolicyVersion
from compliance.policy import Policy
from identity.models import User
from processors.mail import AT_ONCE_MAX, next_try, send

logger = logging.getLogger(__name__)

QUEUED_AT_ONCE_MAX: Final = 1_000


def queue_policy_mails(*, now: datetime) -> int:
    """Puts a bounded number of the people who are still to be told into the queue; the next round goes on. Returns how many.

    Whoever signs up while a version is coming is told as well.
    """
    queued = 0
    for version in policy_change.coming(now=now):
        queued_before = PolicyMail.objects.filter(version=version, user_id=OuterRef("id"))
        # The queue keeps its rows for a month alone; the receipts stay.
        name = policy.of_row(version).version
        told_before = PolicyReceipt.objects.filter(version=name, user_id=OuterRef("id"), channel="mail")
        people = User.objects.filter(
            ~Exists(queued_before), ~Exists(told_before), mobile_verified_at__isnull=False, is_active=True
        )
        ids = list(people.order_by("id").values_list("id", flat=True)[: QUEUED_AT_ONCE_MAX - queued])
        PolicyMail.objects.bulk_create(
            [PolicyMail(version=version, user_id=user_id, created_at=now, next_at=now) for user_id in ids],
            ignore_conflicts=True,
        )
        queued += len(ids)
    return queued


def send_policy_mails(*, now: datetime) -> int:
    """Sends what is due; what the mail server does not take is tried again. Returns how many were sent.

    A mail that would come after the effective date is not sent any more: its reader is asked on the page instead; until then it is tried. A process
    that dies between sending and noting it sends twice; that is better than not at all.
    """
    late, _ = PolicyMail.objects.filter(sent_at__isnull=True, version__effective_at__lte=now).delete()
    if late:
        logger.error("mails about the policy not sent in time", extra={"count": late})
    due = PolicyMail.objects.filter(sent_at__isnull=True, next_at__lte=now)
    return sum(_send(mail_id, now) for mail_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def _send(mail_id: UUID, now: datetime) -> bool:
    claimed = PolicyMail.objects.filter(id=mail_id, sent_at__isnull=True, next_at__lte=now)
    if not claimed.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    mail = PolicyMail.objects.select_related("version").get(id=mail_id)
    reader = User.objects.filter(id=mail.user_id, is_active=True).first()
    if reader is None:
        mail.delete()
        return False
    subject, text = _written(mail.version)
    if not send(
        kind="policy_change", to=[reader.email], subject=subject, text=text, row_id=mail.id, attempt=mail.attempts
    ):
        return False
    with transaction.atomic():
        PolicyMail.objects.filter(id=mail_id).update(sent_at=now)
        policy_change.note_told(version=mail.version, user_id=reader.id, channel="mail", now=now)
    return True


def _written(row: PolicyVersion) -> tuple[str, str]:
    coming = policy.of_row(row)
    return (
        "Our privacy policy changes",
        f"The privacy policy of Klosesales changes on {coming.effective_at:%-d %B %Y}.\n\n"
        f"What changes: {coming.summary}\n\n"
        f"Every change, word by word: {settings.PUBLIC_URL}/policy/changes?version={coming.version}\n\n"
        f"{_what_follows(coming)}"
        "If you do not want that, you can take your data along or delete your account at any time before and after that date:"
        f" {settings.PUBLIC_URL}/privacy\n"
        "Questions: support@klosesales.com\n",
    )


def _what_follows(coming: Policy) -> str:
    follows = "Using Klosesales from that date on means that you accept the changed policy. "
    if not coming.purposes:
        return follows
    titles = ", ".join(purpose.title for purpose in coming.purposes)
    return f"{follows}We will ask you about this first, and you may say no: {titles}. "
