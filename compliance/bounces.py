"""What follows from a report that a mail of ours did not arrive: whoever was to be told by it counts as not told.

A report is never answered and opens no case, so that no two machines write to each other for ever. Reports can be forged: only what
names a mail by the name that our key gave it does anything, and then no more than to doubt that mail.
"""

import logging
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from compliance import case_mails, cases, policy_change
from compliance.case_models import CaseEntry, CaseMail
from compliance.delivery_report import DeliveryReport
from compliance.models import PolicyMail
from processors import guessing
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, sent_by_us
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)


def note(*, report: DeliveryReport, now: datetime) -> None:
    """The same report again changes nothing."""
    known = sent_by_us(report.about)
    if known is None:
        logger.info("report about a mail that is not ours")
        if settings.MAIL_AUTHSERV_ID:
            guessing.note(kind="forged_mail", network="", now=now)
        return
    kind, row_id = known
    if not report.failure:
        return
    logger.warning("mail came back", extra={"kind": kind, "notice_id": str(row_id)})
    with transaction.atomic():
        if kind == "policy_change":
            _doubt_notice(row_id, now)
        elif kind.startswith(case_mails.KIND):
            status = f"the other mail server says {report.failure}"
            _tell_case(row_id, f"did not arrive: {status}.", now)


def note_given_up(*, now: datetime) -> int:
    """Those mails about cases that no mail server has taken for days, or before their link ended. Returns how many."""
    over = CaseMail.objects.filter(sent_at__isnull=True, next_at__lte=now, attempts=ATTEMPTS_MAX)
    noted = 0
    for mail_id, reference in list(over.values_list("id", "case__reference")[:AT_ONCE_MAX]):
        with transaction.atomic():
            cases.locked(reference)
            # One more than there can be says that it is noted.
            if over.filter(id=mail_id).update(attempts=ATTEMPTS_MAX + 1):
                logger.error("mail about a case given up", extra={"notice_id": str(mail_id), "reference": reference})
                _tell_case(mail_id, "was not sent: no mail server has taken it.", now)
                noted += 1
    return noted


def _doubt_notice(mail_id: UUID, now: datetime) -> None:
    """The notice in the product stands all the same; who does not read that is asked before the product goes on."""
    mail = PolicyMail.objects.select_related("version").filter(id=mail_id).first()
    if mail is not None:
        policy_change.note_told(version=mail.version, user_id=mail.user_id, channel="back", now=now)


def _tell_case(mail_id: UUID, what: str, now: datetime) -> None:
    """A line in the case, and a mail to the operator, whose own mails have nobody else to be told of them."""
    mail = CaseMail.objects.select_related("case__erasure").filter(id=mail_id, case__emptied_at__isnull=True).first()
    if mail is None or not mail.to:
        return
    message_key = pseudonym("mail", f"back {mail_id}")
    case = cases.locked(mail.case.reference)
    if CaseEntry.objects.filter(message_key=message_key).exists():
        return
    text = f"Our mail “{case_mails.subject_of(mail)}” {what}"
    cases.add_entry(case, kind="note", author="system", text=text, now=now, message_key=message_key)
    case_mails.queue_once(case, template="came_back", now=now)
