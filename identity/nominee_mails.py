"""The mails to somebody who was named: what it means and how to decline, and the link that proves who asks."""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F

from compliance.models import Nominee, NomineeClaim
from identity.invitation_mails import harmless
from identity.models import User
from identity.nominees import claim_token, decline_token
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, next_try, send

_NAMED: Final = (
    "{who} has an account at Klosesales and has named you to act in their place if they die or can no longer act.\n\n"
    "What it means: if that happens you may ask us for a copy of what we hold about them, or to delete the account. Two people of ours"
    " look at what shows it before anything is done. Until then you see nothing, and you owe nobody anything.\n\n"
    "When it happens: {url}/nominee\n"
    "If you do not want to: {url}/nominee#{token}\n\n"
    "We keep your name and this address for that alone, as long as the account is there or until you decline."
    " What we keep and why: {url}/policy\n"
)
_CLAIM: Final = (
    "Somebody has asked us, with this address, to act for a person who has named it. If it was you, confirm it within 24 hours:\n\n"
    "{url}/nominee#{token}\n\n"
    "If it was not you, do nothing: without the link nothing is done.\n"
)


def send_nominee_mails(*, now: datetime) -> int:
    """Sends what is due; what the mail server does not take is tried again. Returns how many were sent.

    A process that dies between sending and noting it sends twice.
    """
    named = Nominee.objects.filter(sent_at__isnull=True, declined_at__isnull=True, next_at__lte=now)
    asked = NomineeClaim.objects.filter(sent_at__isnull=True, expires_at__gt=now, next_at__lte=now)
    few = {"attempts__lt": ATTEMPTS_MAX}
    sent = sum(_send_named(each, now) for each in list(named.filter(**few).values_list("id", flat=True)[:AT_ONCE_MAX]))
    return sent + sum(
        _send_claim(each, now) for each in list(asked.filter(**few).values_list("id", flat=True)[:AT_ONCE_MAX])
    )


def _send_named(nominee_id: UUID, now: datetime) -> bool:
    mine = Nominee.objects.filter(id=nominee_id, sent_at__isnull=True, declined_at__isnull=True, next_at__lte=now)
    if not mine.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    nominee = Nominee.objects.get(id=nominee_id)
    user = User.objects.filter(id=nominee.user_id).first()
    if user is None:
        return False
    who = harmless(f"{user.first_name} {user.last_name}") or "Somebody"
    text = _NAMED.format(who=who, url=settings.PUBLIC_URL, token=decline_token(nominee.id))
    if not send(
        kind="nominee_named",
        to=[nominee.email],
        subject=f"{who} has named you at Klosesales",
        text=text,
        row_id=nominee.id,
        attempt=nominee.attempts,
    ):
        return False
    Nominee.objects.filter(id=nominee_id).update(sent_at=now)
    return True


def _send_claim(claim_id: UUID, now: datetime) -> bool:
    mine = NomineeClaim.objects.filter(id=claim_id, sent_at__isnull=True, next_at__lte=now)
    if not mine.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    claim = NomineeClaim.objects.select_related("nominee").get(id=claim_id)
    if not send(
        kind="nominee_link",
        to=[claim.nominee.email],
        subject="Confirm that you ask for somebody who named you",
        text=_CLAIM.format(url=settings.PUBLIC_URL, token=claim_token(claim.id)),
        row_id=claim.id,
        attempt=claim.attempts,
    ):
        return False
    NomineeClaim.objects.filter(id=claim_id).update(sent_at=now)
    return True
