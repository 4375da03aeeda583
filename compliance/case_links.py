"""Links for who cannot sign in: one shows that a case is theirs, one fetches the copy that it asks for. Each works once."""

from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from django.db.models import QuerySet
from uuid_utils.compat import uuid7

from compliance import case_mails, cases
from compliance.keyed_tokens import hash_of
from compliance.models import Case, CaseLink
from processors.pseudonyms import pseudonym

LINK_GOOD_FOR: Final = timedelta(days=7)
REOPENED_FOR: Final = timedelta(minutes=10)
What = Literal["proof", "copy"]


def mail(case: Case, what: What, *, user_id: UUID, email: str, by: str, now: datetime) -> None:
    """Mails a link, in the place of one of the kind that was mailed before. email: the account's own address.

    case: locked by the caller, in whose transaction this is.
    """
    case_mails.end_links(case, kinds=(what,))
    link_id, expires_at = uuid7(), now + LINK_GOOD_FOR
    CaseLink.objects.create(
        id=link_id,
        case=case,
        what=what,
        user_id=user_id,
        address_key=pseudonym("email", email),
        link_hash=hash_of(case_mails.link_token(link_id)),
        made_by=by,
        made_at=now,
        expires_at=expires_at,
    )
    text = f"{link_id} {expires_at:%Y-%m-%d %H:%M} UTC"
    if what == "proof":
        case_mails.queue(case, template="proof_link", to=email, text=text, now=now)
        cases.note_act(case, "case.proof_mailed", by, now)
    else:
        case_mails.queue(case, template="copy_link", to=email, text=text, now=now)
        cases.add_entry(case, kind="change", author=by, text="A link to the copy was mailed to the account.", now=now)
        cases.note_act(case, "copy.mailed", by, now)


def usable(token: str, now: datetime) -> CaseLink | None:
    """The link with its case, while it still opens something; whether the account is there and has the address, the caller looks."""
    return _found(token, now).select_related("case").first()


def locked(token: str, now: datetime) -> CaseLink | None:
    """The same with link and case locked until the caller's transaction ends; the case first, as whoever works on it does."""
    link = usable(token, now)
    if link is None:
        return None
    Case.objects.select_for_update(of=("self",)).get(id=link.case_id)
    return _found(token, now).select_for_update(of=("self",)).select_related("case").first()


def reopened(link: CaseLink, *, now: datetime) -> None:
    """A copy begins to leave: the link brings it again for REOPENED_FOR at most, in case that breaks off."""
    link.expires_at = min(link.expires_at, now + REOPENED_FOR)
    link.save(update_fields=["expires_at"])


def use_up(link: CaseLink, *, now: datetime) -> None:
    """The copy has left as a whole; the link opens nothing any more."""
    link.used_at = now
    link.save(update_fields=["used_at"])
    cases.add_entry(link.case, kind="change", author="requester", text="The copy was fetched.", now=now)
    cases.note_act(link.case, "copy.fetched", str(link.user_id), now)


def _found(token: str, now: datetime) -> QuerySet[CaseLink]:
    """A case whose person was removed has no links left, nor has one that was answered otherwise than by the copy."""
    return CaseLink.objects.filter(link_hash=hash_of(token), expires_at__gt=now, used_at__isnull=True)
