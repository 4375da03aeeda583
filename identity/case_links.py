"""Who cannot sign in shows by the account's own mailbox that a case is theirs, and fetches the copy that it asks for (decision 0036).

A link opens something only while the account has the address to which it went, and that address was proved; every other link is refused
alike.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import transaction

from compliance import access, case_links, cases
from compliance.models import Case, CaseLink, Request
from compliance.schemas import CaseLinkOut
from identity import email_proof
from identity.models import User
from identity.personal_data import subject_of
from identity.staff.people_named import AccountUnknown
from processors.errors import DomainError
from processors.pseudonyms import pseudonym


class AddressUnproved(DomainError):
    """Nobody has shown that the account's address is the person's, or its change may still be taken back."""

    code: ClassVar[str] = "address_unproved"

    def __init__(self) -> None:
        super().__init__(
            "The account's address was never confirmed, or was changed within a week, so nothing is mailed there."
            " Verify who asks in another way."
        )


class CaseLinkInvalid(DomainError):
    """The link was used, replaced or ended, is too old, or never was; which of them is not told."""

    code: ClassVar[str] = "case_link_invalid"

    def __init__(self) -> None:
        super().__init__(
            "This link cannot be used any more. Answer the mail in which it came, or write to support@klosesales.com."
        )


def mail_proof(*, reference: str, email: str, by: str, now: datetime) -> Case:
    """Asks whoever reads the mails of an account whether a case is theirs. email: the account's, as one of us typed it.

    Raises CaseUnknown, CaseClosed, CaseWaitsForErasure, AccountUnknown, AddressUnproved.
    """
    with transaction.atomic():
        case = cases.locked_open(reference)
        if case.erasure is not None and case.erasure.state in Request.OPEN_STATES:
            raise cases.CaseWaitsForErasure("Its erasure goes on and closes the case when it is done.")
        user = email_proof.account_of(email, now=now)
        if user is None:
            raise AccountUnknown("No account has this e-mail. Check it.")
        _mail(case, "proof", user, by, now)
    return case


def mail_copy(case: Case, *, user_id: UUID, by: str, now: datetime) -> None:
    """Mails the link to the copy of an account, to its own address and no other.

    user_id: whose account a proved case is about. case: locked by the caller, in whose transaction this is. Raises AddressUnproved.
    """
    _mail(case, "copy", User.objects.get(id=user_id), by, now)


def seen(*, token: str, now: datetime) -> CaseLinkOut:
    """What pressing the button behind a mailed link does; looking does nothing. Raises CaseLinkInvalid."""
    return _shown(_valid(case_links.usable(token, now), now))


def press(*, token: str, now: datetime) -> CaseLinkOut:
    """Confirms that the case is whose account it is, which ends the link. Raises CaseLinkInvalid."""
    with transaction.atomic():
        link = _valid(case_links.locked(token, now), now, "proof")
        email = User.objects.get(id=link.user_id).email
        cases.prove_by_mailbox(link.case, user_id=link.user_id, email=email, now=now)
        return _shown(link)


def copy(*, token: str, now: datetime, as_page: bool) -> Iterator[str]:
    """The copy of the person's data, as the privacy centre gives it; once, see `copied`. Raises CaseLinkInvalid."""
    with transaction.atomic():
        link = _valid(case_links.locked(token, now), now, "copy")
        case_links.reopened(link, now=now)
        subject = subject_of(link.user_id)
        return access.export(subject=subject, now=now, case=link.case.reference, as_page=as_page)


def copied(*, token: str, now: datetime) -> None:
    """The copy has left as a whole. now: as `copy` had it."""
    with transaction.atomic():
        link = case_links.locked(token, now)
        if link is not None:
            case_links.use_up(link, now=now)


def _mail(case: Case, what: case_links.What, user: User, by: str, now: datetime) -> None:
    """Raises AddressUnproved."""
    if user.email_first_proved_at is None or email_proof.may_be_taken_back(user_id=user.id, now=now):
        raise AddressUnproved
    case_links.mail(case, what, user_id=user.id, email=user.email, by=by, now=now)


def _valid(link: CaseLink | None, now: datetime, what: case_links.What | None = None) -> CaseLink:
    """Raises CaseLinkInvalid. Who is blocked still has a right to the copy; of whom an erasure has begun nothing is left to copy."""
    if link is None or (what is not None and link.what != what):
        raise CaseLinkInvalid
    user = User.objects.filter(id=link.user_id).first()
    is_going = user is None or (not user.is_active and user.blocked_at is None)
    if user is None or is_going or pseudonym("email", user.email) != link.address_key:
        raise CaseLinkInvalid
    if email_proof.may_be_taken_back(user_id=user.id, now=now):
        raise CaseLinkInvalid
    if link.what == "copy" and link.case.user_id != link.user_id:
        raise CaseLinkInvalid
    return link


def _shown(link: CaseLink) -> CaseLinkOut:
    step = {"proof": "confirm", "copy": "copy"}[link.what]
    return CaseLinkOut.model_validate({"step": step, "reference": link.case.reference, "kind": link.case.kind})
