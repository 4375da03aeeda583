"""Sends mails; each is kept in a row until the mail server has taken it.

The list of mails is closed: what is not in it is not sent, and nothing in it advertises (C2.6).
"""

import hmac
import logging
import re
import smtplib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import Case, Q, Value, When

from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

Reason = Literal["security", "service", "invitation", "law", "operations"]
# Kind of mail -> what it is sent for. There is no reason for advertising, and none may be added.
MAILS: Final[dict[str, Reason]] = {
    "reset_link": "security",
    "password_changed": "security",
    "key_made": "security",
    "key_ends": "security",
    "mobile_changed": "security",
    "verify_email": "security",
    "new_email": "security",
    "email_changed": "security",
    "way_linked": "security",
    "way_unlinked": "security",
    "texts_stopped": "law",
    "invitation": "invitation",
    "low_balance": "service",
    "switched_off": "service",
    "cap_reached": "service",
    "webhook_off": "service",
    "policy_change": "law",
    "egress_blocked": "operations",
    "somebody_guesses": "operations",
    "case_received": "law",
    "case_received_unproved": "law",
    "case_reply": "law",
    "case_answered": "law",
    "case_alert_7": "operations",
    "case_alert_20": "operations",
    "case_alert_25": "operations",
    "case_deletion_asked": "law",
    "case_deletion_taken_back": "law",
    "case_deletion_answered": "operations",
    "case_nominee_asks": "security",
    "case_nominee_access": "law",
    "case_nominee_granted": "security",
    "case_holder_answered": "operations",
    "case_came_back": "operations",
    "case_proof_link": "security",
    "case_copy_link": "law",
    "nominee_named": "law",
    "nominee_link": "law",
    "breach_untold": "operations",
    "hold_review": "operations",
    "erasure_ledger_away": "operations",
    "passcodes_stopped": "operations",
    "review_overdue": "operations",
    "backups_over": "operations",
    "complaints": "operations",
    "orphan_calls": "operations",
    "carrier_limit": "operations",
}

AT_ONCE_MAX: Final = 20
# Longer than a mail server is waited for; a process that died with the mail gives it up to the next one after this.
CLAIM: Final = timedelta(minutes=5)
# A mail server may be away for an hour or for days: every five minutes for the first hour, then hourly for five days, as mail servers do.
_SOON: Final = 12
_LATER: Final = timedelta(hours=1)
ATTEMPTS_MAX: Final = _SOON + 5 * 24
_SEAL_DIGITS: Final = 32
_OURS: Final = re.compile(rf"<([a-z0-9_]{{1,40}})\.([0-9a-f-]{{36}})\.([0-9a-f]{{{_SEAL_DIGITS}}})@[^<>@\s]{{1,253}}>")


class MailUnregistered(ValueError):
    """Nobody said what this mail is for: a mistake in the code. Nothing was sent. Permanent."""


def send(
    *,
    kind: str,
    to: Sequence[str],
    subject: str,
    text: str,
    row_id: UUID,
    attempt: int,
    headers: Mapping[str, str] | None = None,
) -> bool:
    """Whether the mail server took it; without a reader there is nothing to be taken.

    kind: of MAILS. row_id: the row that the mail is kept in; the log says no more of it. headers: besides the usual ones.
    Raises MailUnregistered.
    """
    if kind not in MAILS:
        raise MailUnregistered(f"{kind} is not in processors.mail.MAILS: say there what it is for, or do not send it.")
    try:
        if to:
            named = {"Message-ID": message_id(kind=kind, row_id=row_id), **(headers or {})}
            EmailMessage(subject, text, settings.DEFAULT_FROM_EMAIL, list(to), headers=named).send()
    # A ValueError is an address that no mail server can be told; whoever stands behind it in the same round is written to.
    except (OSError, smtplib.SMTPException, ValueError) as error:
        extra = {"notice_id": str(row_id), "error_type": type(error).__name__, "attempt": attempt}
        logger.warning("mail not sent yet", extra=extra)
        if attempt == ATTEMPTS_MAX:
            logger.error("mail not sent for days", extra={**extra, "kind": kind})
        return False
    return True


def can_be_encoded(address: str) -> bool:
    """Whether a mail server can be told its domain: no part of it is empty, or longer than 63 characters once encoded (RFC 1035)."""
    try:
        address.rpartition("@")[2].encode("idna")
    except UnicodeError:
        return False
    return True


def next_try(now: datetime, *, attempts: str = "attempts") -> Case:
    """When a mail that is claimed now is tried again if the mail server does not take it. attempts: the field that counts them."""
    return Case(When(**{f"{attempts}__lt": _SOON}, then=Value(now + CLAIM)), default=Value(now + _LATER))


def claimed_at(now: datetime) -> Q:
    """Rows as a claim of this moment left their `mail_at`: any later time may be that of what is told next, or another's claim."""
    return Q(mail_at__in=(now + CLAIM, now + _LATER), mail_attempts__gt=0)


def message_id(*, kind: str, row_id: UUID) -> str:
    """What our mail is called: it says which row it is kept in, so that an answer or a report about it is known by it, and nobody
    without our key can make one."""
    return f"<{kind}.{row_id}.{_seal(kind, row_id)}@{settings.DEFAULT_FROM_EMAIL.rpartition('@')[2]}>"


def sent_by_us(called: str) -> tuple[str, UUID] | None:
    """Kind and row of the mail that is called so, if we have called one so."""
    found = _OURS.fullmatch(called)
    try:
        kind, row_id, seal = (found[1], UUID(found[2]), found[3]) if found else ("", None, "")
    except ValueError:
        return None
    if row_id is None or not hmac.compare_digest(seal, _seal(kind, row_id)):
        return None
    return kind, row_id


def _seal(kind: str, row_id: UUID) -> str:
    return pseudonym("message", f"{kind}:{row_id}")[:_SEAL_DIGITS]
