"""A mail to support becomes a case, or joins the one that it belongs to. Nothing is ever told on a mail's account alone."""

import logging
import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from compliance import bounces, case_mails, cases
from compliance.case_models import CaseMailTemplate
from compliance.cases import Kind
from compliance.mail_in import IncomingMail
from compliance.models import Case, CaseEntry, CaseMail
from processors import guessing
from processors.mail import sent_by_us
from processors.pseudonyms import pseudonym

logger = logging.getLogger(__name__)

# Words of a subject or text -> what is wanted, in this order. A person of support corrects it where it is wrong.
_WORDS: Final[tuple[tuple[str, Kind], ...]] = (
    (r"\b(delete|deletion|erase|erasure|forget me|right to be forgotten)\b", "deletion"),
    (r"\b(stop|no more|unsubscribe from) (the )?(text|texts|text messages|sms)\b", "opt_out"),
    (r"\b(do not|don't|dont|stop|never) call(ing)?\b|\bobject\b|\bobjection\b", "objection"),
    (r"\brestrict(ion)?\b", "restriction"),
    (r"\bnominee\b", "nominee"),
    (r"\bwithdraw(al)?\b", "withdrawal"),
    (r"\b(correct|correction|rectif\w+|wrong (name|number|address))\b", "correction"),
    (r"\b(complain\w*|grievance)\b", "grievance"),
    (r"\b(copy of|access to|what (data|do you)|my data|subject access)\b", "access"),
)
_LOOKED_AT_MAX: Final = 4_000
RECEIPTS_AN_HOUR_MAX: Final = 100


def receive(*, mail: IncomingMail, now: datetime) -> Case | None:
    """The case that the mail is kept in; None for a mail of our own that a machine wrote, and for a report about the delivery of one. The
    same mail again changes nothing.

    A mail joins an open case of its thread or of its address, whoever it says it is from: joining tells nothing. It is
    answered at most once for each case, and by nothing but what the register says.
    """
    if mail.is_automatic and mail.sender == settings.DEFAULT_FROM_EMAIL.lower():
        return None
    if mail.report is not None:
        bounces.note(report=mail.report, now=now)
        return None
    message_key = pseudonym("mail", f"{mail.message_id} {mail.digest}")
    with transaction.atomic():
        _line_up(mail.sender or message_key)
        while known := CaseEntry.objects.select_related("case").filter(message_key=message_key).first():
            if mail.message_id or known.case.is_open:
                return known.case
            # Nothing names it, and its like was answered: somebody writes the same again.
            message_key = pseudonym("mail", f"again {message_key}")
        nominees = _asked_of(mail)
        case = _belongs_to(mail, nominees)
        is_new = case is None
        if case is None:
            case = cases.open_case(
                kind=kind_of(f"{mail.subject}\n{mail.text}"[:_LOOKED_AT_MAX]),
                channel="mail",
                person=pseudonym("email", mail.sender) if mail.sender else message_key,
                contact=mail.sender,
                now=now,
            )
        cases.add_entry(
            case,
            kind="mail",
            author="holder" if case == nominees else "requester",
            text=_written(mail, by_holder=case == nominees),
            now=now,
            message_key=message_key,
            thread_key=pseudonym("mail", mail.message_id) if mail.message_id else "",
        )
        if mail.sender and not mail.is_genuine and settings.MAIL_AUTHSERV_ID:
            guessing.note(kind="forged_mail", network="", now=now)
        if answered_deletions([case]):
            # The mail may take it back, for which there are days only.
            case_mails.queue_once(case, template="deletion_answered", now=now)
        elif nominees is not None:
            case_mails.queue_once(nominees, template="holder_answered", text=case.reference, now=now)
        if is_new and mail.sender and not mail.is_automatic:
            _acknowledge(case, mail, now)
    return case


def answered_deletions(found: Collection[Case]) -> set[UUID]:
    """Those of these cases in which a mail came since a deletion was approved that can still be taken back."""
    since = CaseEntry.objects.filter(
        case__in=[case.id for case in found], kind="mail", case__erasure__state="requested"
    )
    return set(since.filter(at__gte=F("case__erasure__opened_at")).values_list("case_id", flat=True))


def _acknowledge(case: Case, mail: IncomingMail, now: datetime) -> None:
    lately = CaseMail.objects.filter(template__startswith="received", created_at__gt=now - timedelta(hours=1))
    if lately.count() >= RECEIPTS_AN_HOUR_MAX:
        # Who forges senders would have us write to all of them.
        logger.warning("no more receipts this hour", extra={"count": RECEIPTS_AN_HOUR_MAX})
        return
    template: CaseMailTemplate = "received" if mail.is_genuine else "received_unproved"
    case_mails.queue(case, template=template, to=mail.sender, about=mail.message_id, now=now)


def kind_of(text: str) -> Kind:
    """What a mail seems to want."""
    return next((kind for words, kind in _WORDS if re.search(words, text, re.IGNORECASE)), "unsorted")


def _asked_of(mail: IncomingMail) -> Case | None:
    """The nominee's case about which we wrote the mail that this answers, to the person whose account it is."""
    for ours in CaseMail.objects.filter(id__in=_our_mails(mail.thread), case__kind="nominee").select_related("case"):
        if mail.sender and ours.to == mail.sender != ours.case.contact:
            return ours.case
    return None


def _belongs_to(mail: IncomingMail, nominees: Case | None) -> Case | None:
    """An open case with the same address, of the thread first, then the newest that came by mail; in between, that of the person's nominee
    to which the mail is an answer."""
    if not mail.sender:
        return None
    theirs = Case.objects.filter(contact=mail.sender).exclude(state="closed").order_by("-opened_at", "-id")
    ours = CaseMail.objects.filter(id__in=_our_mails(mail.thread)).values("case_id")
    before = CaseEntry.objects.filter(thread_key__in=[pseudonym("mail", each) for each in mail.thread])
    threaded = theirs.filter(id__in=ours).first() or theirs.filter(id__in=before.values("case_id")).first()
    if threaded is None and nominees is not None and nominees.is_open:
        return nominees
    return threaded or theirs.filter(channel="mail").first()


def _our_mails(thread: tuple[str, ...]) -> list[UUID]:
    known = filter(None, map(sent_by_us, thread))
    return [row_id for kind, row_id in known if kind.startswith(case_mails.KIND)]


def _written(mail: IncomingMail, *, by_holder: bool) -> str:
    proof = (
        "Our mail server vouches for the sender." if mail.is_genuine else "Nothing shows that the sender is genuine."
    )
    head = [f"Subject: {mail.subject or 'none'}", proof, *mail.faults]
    if by_holder:
        head.insert(0, "From the address of the account, not from the nominee.")
    return "\n".join(head) + f"\n\n{mail.text}"


def _line_up(sender: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"mail:{sender}"])
