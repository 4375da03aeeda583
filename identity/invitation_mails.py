"""The mail that invites somebody to a workspace."""

import re
import unicodedata
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import F

from identity.invitations import link_token
from identity.models import Invitation
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, next_try, send

# Programs that show mails make a link of whatever looks like a host, in any script and whatever follows it.
_LINK = re.compile(r"://|www\.|[\w-][.\u3002][^\W\d_]{2,}|@", re.IGNORECASE)


def send_invitation_mails(*, now: datetime) -> int:
    """Sends what is due; what the mail server does not take is tried again. Returns how many were sent.

    A process that dies between sending and noting it sends twice; that is better than not at all.
    """
    rows = Invitation.objects.get_queryset().filter(sent_at__isnull=True, ended_at__isnull=True)
    due = rows.filter(next_at__lte=now, expires_at__gt=now, attempts__lt=ATTEMPTS_MAX)
    return sum(_send(invitation_id, now) for invitation_id in list(due.values_list("id", flat=True)[:AT_ONCE_MAX]))


def _send(invitation_id: UUID, now: datetime) -> bool:
    rows = Invitation.objects.get_queryset().filter(id=invitation_id)
    claimed = rows.filter(sent_at__isnull=True, ended_at__isnull=True, next_at__lte=now)
    if not claimed.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    invitation = rows.select_related("workspace", "invited_by").get()
    inviter = invitation.invited_by
    name = harmless(f"{inviter.first_name} {inviter.last_name}") if inviter else ""
    name = name or "A member of a workspace"
    workspace = harmless(invitation.workspace.name)
    where = f"the workspace {workspace}" if workspace else "a workspace"
    text = (
        f"{name} invites you to {where} on Klosesales, as a {invitation.role}.\n\n"
        f"Join here: {settings.PUBLIC_URL}/join#{link_token(invitation)}\n\n"
        "The link works once, within a week. If you do not want to join, do nothing: your address is"
        f" deleted after 30 days. What we keep and why: {settings.PUBLIC_URL}/policy\n"
    )
    subject = f"{name} invites you to Klosesales"
    to = [invitation.email]
    if not send(
        kind="invitation", to=to, subject=subject, text=text, row_id=invitation_id, attempt=invitation.attempts
    ):
        return False
    rows.update(sent_at=now)
    return True


def harmless(name: str) -> str:
    """The name, or "" when it could lead a reader somewhere: whoever signs up chooses it, and we send it to strangers."""
    # Marks stand between the letters of some scripts, dots have wider forms, and what nobody sees is left out by some programs.
    bare = "".join(
        each for each in unicodedata.normalize("NFKD", name) if not unicodedata.category(each).startswith(("M", "Cf"))
    )
    return "" if _LINK.search(bare) else name
