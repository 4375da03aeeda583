"""Writing down what somebody asked of us otherwise than by mail or on a page."""

from datetime import datetime

from compliance import cases
from compliance.cases import Kind
from compliance.models import Case
from identity.contact import parse_email, parse_mobile
from processors.pseudonyms import pseudonym


def open_by_support(*, kind: Kind, contact: str, words: str, by: str, now: datetime) -> Case:
    """Nobody has proved anything by that. contact: the e-mail address or number for the answer.

    Raises EmailInvalid, MobileInvalid.
    """
    typed = contact.strip()
    address = parse_email(typed) if "@" in typed else parse_mobile(typed)
    person = pseudonym("email" if "@" in address else "phone", address)
    return cases.open_case(kind=kind, channel="support", person=person, contact=address, words=words, by=by, now=now)
