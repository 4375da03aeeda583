"""The closed register of mails about cases, and their sending. What is not in it cannot be sent: the database refuses it.

None of them says anything that is held about anybody, but for a reply or an answer that a person of support wrote. Replies
have a closed register of their own (`compliance.case_replies`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import F

from compliance.case_models import Case, CaseLink, CaseMail, CaseMailTemplate
from compliance.keyed_tokens import keyed_token, receipt_token
from compliance.nominee_models import NomineeGrant
from processors import mail as mails
from processors.mail import AT_ONCE_MAX, ATTEMPTS_MAX, next_try, send

# What the kinds of these mails begin with.
KIND: Final = "case_"
_SIGNED: Final = "\nKlosesales\n"
_WITHOUT_READING: Final = (
    "\nTo prove that it is you, use one of these; no mail can do it:\n"
    "- You have an account: sign in and open {url}/privacy\n"
    "- You were called: open {url}/my-data and give the number; a passcode goes to it\n"
    "- You have an account and cannot sign in: say so in your answer and name its e-mail address; a link that proves it goes to that"
    " address\n"
)
_ALERT: Final = (
    "Case {reference} ({kind}, by {channel}) came {day} days ago and is not answered.\n"
    "It has to be answered by {due_on}.{waits}\n\n"
    "Read it: manage.py cases show {reference}\n"
)
_WISHES: Final = {"access": "a copy of what we hold about you", "deletion": "to delete it"}


@dataclass(frozen=True, slots=True)
class Words:
    """subject, text: with the places {reference}, {due_on}, {kind}, {channel}, {day}, {waits}, {words} and {url}; of a link {token} and
    {until}; of what is asked for {wish}; of a deletion {begins} and {receipt}."""

    subject: str
    text: str


REGISTER: Final[dict[CaseMailTemplate, Words]] = {
    "received": Words(
        "We have your message [{reference}]",
        "Your message has reached us. It is answered by {due_on} at the latest.\n"
        "Quote {reference} when you write again; an answer to this mail does so by itself.\n"
        + _WITHOUT_READING
        + _SIGNED,
    ),
    "received_unproved": Words(
        "We have a message that bears your address [{reference}]",
        "A message has reached us that bears your address, but nothing shows that you sent it. Therefore nothing is told or done on"
        " its account.\nIf it was not you, do nothing.\n" + _WITHOUT_READING + _SIGNED,
    ),
    "reply": Words("About your request [{reference}]", "{words}\n" + _SIGNED),
    "answered": Words("Your request [{reference}]", "{words}\n" + _SIGNED),
    "alert_7": Words("Case {reference}: 7 days without an answer", _ALERT),
    "alert_20": Words("Case {reference}: 20 days without an answer", _ALERT),
    "alert_25": Words("Case {reference}: 25 days without an answer, due on {due_on}", _ALERT),
    "deletion_asked": Words(
        "Your account is going to be deleted [{reference}]",
        "You have asked us to delete your account. The deletion begins on {begins} and is done by {due_on} at the latest.\n\n"
        'Until it begins you can take it back: sign in, open {url}/privacy and press "Keep my account". If it was not you who asked, do'
        " that now, change your password, and write to us. If you cannot sign in, answer this mail.\n\n"
        "The receipt can be opened without an account. Keep its address; whoever has it can read the receipt:\n"
        "{url}/erased/{receipt}\n" + _SIGNED,
    ),
    "deletion_taken_back": Words(
        "Your account is kept [{reference}]",
        "The deletion of your account was taken back, and nothing was deleted. If it was not you who took it back, answer this mail.\n"
        + _SIGNED,
    ),
    "deletion_answered": Words(
        "Case {reference}: a mail came while its deletion can be taken back",
        "Read it before the deletion begins, and take the deletion back if the mail asks for it:"
        "\n{url}/staff/cases/{reference}\n",
    ),
    "proof_link": Words(
        "Is this request yours? [{reference}]",
        "We have a request about your account at Klosesales: {wish}. If it is yours and you cannot sign in, confirm it, until {until}:"
        "\n\n{url}/request#{token}\n\n"
        "If it is not yours, do nothing: without the link nothing is told or done.\n" + _SIGNED,
    ),
    "copy_link": Words(
        "Your copy is ready [{reference}]",
        "You find the copy of what we hold about you behind this link. It works once, until {until}:\n\n"
        "{url}/request#{token}\n\nIf you did not ask for it, do not open it, and answer this mail.\n" + _SIGNED,
    ),
    "nominee_asks": Words(
        "Your nominee asks to act for you [{reference}]",
        "Whom you have named to act for you has asked for your data or for the deletion of your account, because you could not act any"
        " more. Nothing is done before two people of ours have seen what shows it.\n\n"
        "If you are well: answer this mail, or take the nominee back at {url}/privacy\n" + _SIGNED,
    ),
    "nominee_access": Words(
        "The copy that you asked for [{reference}]",
        "You find the copy of what we hold about the person who named you behind this link. It works once, until {until}:\n\n"
        "{url}/nominee#{token}\n" + _SIGNED,
    ),
    "nominee_granted": Words(
        "What your nominee may do now [{reference}]",
        "Two people of ours have seen what shows that you cannot act any more, and have granted whom you have named:\n\n{words}\n\n"
        "If you are well: take the nominee back at {url}/privacy, which stops all of it at once, or answer this mail.\n"
        + _SIGNED,
    ),
    "holder_answered": Words(
        "Case {reference}: the person themself has written",
        "Whoever holds the account has answered our mail about what the nominee asks for. It stands in case {words}; read it before"
        " anything is granted, and withdraw what was, if the person is well:\n{url}/staff/cases/{reference}\n",
    ),
    "came_back": Words(
        "Case {reference}: a mail of ours did not arrive",
        "It was sent back, or no mail server has taken it for days, so the person does not know what it says. Read the case, and look for another way to"
        " reach them:\n{url}/staff/cases/{reference}\n",
    ),
}


def queue(
    case: Case, *, template: CaseMailTemplate, now: datetime, to: str = "", text: str = "", about: str = ""
) -> CaseMail:
    """Keeps a mail that is to be sent, in the caller's transaction. to: empty for the operator. about: the Message-ID that it
    answers."""
    return CaseMail.objects.create(
        case=case, template=template, to=to, text=text, about=about[:250], created_at=now, next_at=now
    )


def queue_once(case: Case, *, template: CaseMailTemplate, now: datetime, text: str = "") -> None:
    """The same for the operator; while one waits to be sent, another says no more. One that was given up says nothing."""
    if not case.mails.filter(template=template, sent_at__isnull=True, attempts__lt=ATTEMPTS_MAX).exists():
        queue(case, template=template, text=text, now=now)


def queue_alert(case: Case, *, template: CaseMailTemplate, now: datetime) -> bool:
    """The same for an alert to the operator, of which a case has each once; whether this is the first."""
    _, is_first = CaseMail.objects.get_or_create(
        case=case, template=template, defaults={"created_at": now, "next_at": now}
    )
    return is_first


def send_case_mails(*, now: datetime) -> int:
    """Sends what is due; what the mail server does not take is tried again, a link until it ends. Returns how many were sent.

    What is given up `compliance.bounces` notes. A process that dies between sending and noting it sends twice.
    """
    due = CaseMail.objects.filter(sent_at__isnull=True, next_at__lte=now, attempts__lt=ATTEMPTS_MAX)
    return sum(
        _send(mail_id, now) for mail_id in list(due.order_by("next_at").values_list("id", flat=True)[:AT_ONCE_MAX])
    )


def _send(mail_id: UUID, now: datetime) -> bool:
    claimed = CaseMail.objects.filter(id=mail_id, sent_at__isnull=True, next_at__lte=now)
    if not claimed.update(next_at=next_try(now), attempts=F("attempts") + 1):
        return False
    mail = CaseMail.objects.select_related("case__erasure").get(id=mail_id)
    if _link_is_over(mail, now):
        CaseMail.objects.filter(id=mail_id).update(next_at=now, attempts=ATTEMPTS_MAX)
        return False
    subject, text = _written(mail)
    # A machine that answers by itself is not to answer these (RFC 3834).
    headers = {"Auto-Submitted": "auto-replied" if mail.to else "auto-generated"}
    if mail.about:
        headers |= {"In-Reply-To": mail.about, "References": mail.about}
    to = [mail.to or settings.OPERATOR_EMAIL or settings.DEFAULT_FROM_EMAIL]
    taken = send(
        kind=_kind_of(mail),
        to=to,
        subject=subject,
        text=text,
        row_id=mail.id,
        attempt=mail.attempts,
        headers=headers,
    )
    if not taken:
        return False
    CaseMail.objects.filter(id=mail_id).update(sent_at=now)
    return True


def message_id(mail: CaseMail) -> str:
    """What our mail is called, so that an answer to it finds its case."""
    return mails.message_id(kind=_kind_of(mail), row_id=mail.id)


def subject_of(mail: CaseMail) -> str:
    return _written(mail)[0]


def _kind_of(mail: CaseMail) -> str:
    return f"{KIND}{mail.template}"


def _deletion_of(case: Case) -> dict[str, str]:
    """When it begins, and what opens its receipt."""
    if case.erasure is None:
        return {"begins": "", "receipt": ""}
    begins = case.erasure.runs_at.astimezone(UTC)
    return {"begins": f"{begins:%Y-%m-%d at %H:%M} UTC", "receipt": receipt_token(case.erasure.id)}


def _link_in(mail: CaseMail) -> dict[str, str]:
    """What a link carries, and until when it is good; the mail's text says which and until when, and nothing that opens it."""
    made_of = {"nominee_access": copy_token, "proof_link": link_token, "copy_link": link_token}.get(mail.template)
    if made_of is None:
        return {"token": "", "until": ""}
    row_id, _, until = mail.text.partition(" ")
    return {"token": made_of(UUID(row_id)), "until": until}


def _link_is_over(mail: CaseMail, now: datetime) -> bool:
    row_id = mail.text.partition(" ")[0]
    if mail.template in ("proof_link", "copy_link"):
        return not CaseLink.objects.filter(id=row_id, expires_at__gt=now).exists()
    return mail.template == "nominee_access" and not NomineeGrant.objects.filter(id=row_id, link_until__gt=now).exists()


def copy_token(grant_id: UUID) -> str:
    """What opens the copy that a nominee was granted; made from our key, so it is stored nowhere."""
    return keyed_token("nominee_grant", grant_id)


def link_token(link_id: UUID) -> str:
    """What stands in a mail to who cannot sign in; made from our key too."""
    return keyed_token("case_link", link_id)


def end_links(case: Case, *, kinds: Sequence[str]) -> None:
    """Links of these kinds to who cannot sign in open nothing any more, and what would bring one is not sent. In the caller's
    transaction."""
    case.links.filter(what__in=kinds).delete()
    case.mails.filter(template__in=[f"{kind}_link" for kind in kinds], sent_at__isnull=True).delete()


def _written(mail: CaseMail) -> tuple[str, str]:
    words, case = REGISTER[mail.template], mail.case  # type: ignore[index]  # the database knows no other
    places = {
        "reference": case.reference,
        "due_on": case.due_on.isoformat(),
        "kind": case.kind.replace("_", " "),
        "channel": case.channel.replace("_", " "),
        "day": mail.template.rpartition("_")[2],
        "waits": f"\nIt waits: {case.pause_reason}" if case.pause_reason else "",
        "words": mail.text,
        "wish": _WISHES.get(case.kind, "something about your data"),
        **_link_in(mail),
        **_deletion_of(case),
        "url": settings.PUBLIC_URL,
    }
    return words.subject.format(**places), words.text.format(**places)
