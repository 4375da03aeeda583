"""What a nominee may do with an account: one of us judges what was shown, another approves exactly that."""

from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance import case_mails, case_replies, cases, nominees, requests
from compliance.keyed_tokens import hash_of, receipt_token
from compliance.models import Case, NomineeGrant, Request
from compliance.redaction import redact_cards
from compliance.second_person import NothingPrepared, PreparedAlready, PreviewChanged, SamePerson
from compliance.stores import Subject
from processors.errors import DomainError

LINK_GOOD_FOR: Final = timedelta(days=7)
REOPENED_FOR: Final = timedelta(minutes=10)


class NotOfNominee(DomainError):
    """The case did not come by the link that was mailed to who is the nominee now."""

    code: ClassVar[str] = "not_of_nominee"


class NothingGranted(DomainError):
    """A nominee who gets neither a copy nor the deletion gets nothing; then the case is refused."""

    code: ClassVar[str] = "nothing_granted"


def prepare(*, case: Case, evidence: str, access: bool, erasure: bool, by: str, now: datetime) -> NomineeGrant:
    """Judges what was shown, for another to approve. case: locked by the caller, in whose transaction this is.

    evidence: what it was; names nobody. Raises NotOfNominee, NothingGranted, PreparedAlready, ReasonMissing, CaseWaitsForErasure.
    """
    if case.kind != "nominee" or case.proved_by != "link" or case.user_id is None:
        raise NotOfNominee("This did not come from a nominee by the link in our mail. Answer it with words.")
    _demand_acting(case)
    if not access and not erasure:
        raise NothingGranted("Choose a copy, the deletion, or both. To grant nothing, refuse the case.")
    if case.erasure is not None:
        raise cases.CaseWaitsForErasure("Its deletion goes on already.")
    if case.grants.filter(state="waiting").exists():
        raise PreparedAlready("It is prepared already. Ask a second person to approve it, or take it back first.")
    grant = NomineeGrant.objects.create(
        case=case,
        evidence=redact_cards(cases.reason_given(evidence)),
        access=access,
        erasure=erasure,
        prepared_by=by,
        prepared_at=now,
    )
    cases.note_act(case, "nominee.prepared", by, now)
    return grant


def approve(*, case: Case, seen: UUID, subject: Subject, by: str, now: datetime) -> None:
    """Mails the link to a copy, begins the deletion with its grace, or both. seen: which preparation the approver has read.

    case: locked by the caller, in whose transaction this is. subject: whose account it is. Where both are granted the link is good
    until the deletion begins. The person is told, who may be well. Raises NotOfNominee, NothingPrepared, SamePerson, PreviewChanged,
    RequestAlreadyOpen.
    """
    grant = _waiting(case)
    if grant.prepared_by == by:
        raise SamePerson("You have prepared it. Ask somebody else of us to approve it.")
    if seen != grant.id:
        raise PreviewChanged("It was prepared anew meanwhile. Read it again.")
    _demand_acting(case)
    if case.entries.filter(kind="mail", at__gt=grant.prepared_at).exists():
        raise PreviewChanged(
            "A mail came since it was prepared. Read it, withdraw this, and prepare it anew if it is still right."
        )
    grant.state, grant.decided_by, grant.decided_at = "approved", by, now
    granted = []
    if grant.access:
        grant.link_hash = hash_of(case_mails.copy_token(grant.id))
        grant.link_until = now + (requests.GRACE if grant.erasure else LINK_GOOD_FOR)
        until = f"{grant.link_until:%Y-%m-%d %H:%M} UTC"
        case_mails.queue(case, template="nominee_access", to=case.contact, text=f"{grant.id} {until}", now=now)
        granted.append(f"- A copy of what we hold about you, by a link that works once, until {until}.")
    grant.save(update_fields=["state", "decided_by", "decided_at", "link_hash", "link_until"])
    cases.note_act(case, "nominee.approved", by, now, prepared_by=grant.prepared_by)
    if grant.erasure:
        request = requests.open_for_case(case=case, subject=subject, by=by, now=now)
        token = receipt_token(request.id)
        case_replies.tell_of_deletion(case, request=request, token=token, by=by, now=now)
        granted.append(f"- The deletion of your account, which begins on {request.runs_at:%Y-%m-%d %H:%M} UTC.")
    case_mails.queue(case, template="nominee_granted", to=subject.contact, text="\n".join(granted), now=now)


def withdraw(*, case: Case, by: str, now: datetime) -> None:
    """Takes back what waits for approval, and a link that nobody has opened, also when the case was answered.

    case: locked by the caller, in whose transaction this is. Raises NothingPrepared, CaseWaitsForErasure.
    """
    if case.erasure is not None and case.erasure.state in Request.OPEN_STATES:
        raise cases.CaseWaitsForErasure("Its deletion goes on. Take that back, which ends the link to the copy too.")
    if not cases.withdraw_grants(case.grants.all(), by=by, now=now):
        raise NothingPrepared(
            "There is nothing to take back: nothing waits for approval, and no link can still be used. Reload the page."
        )
    cases.note_act(case, "nominee.withdrawn", by, now)


def open_link(*, token: str, now: datetime) -> UUID | None:
    """Whose copy a link opens; None when it opens nothing. It opens it again for REOPENED_FOR at most, in case that breaks off; `use_up`
    ends it before. Within the caller's transaction."""
    grant = _usable(token, now).select_for_update(of=("self",)).first()
    # An erasure that has begun leaves nothing to copy.
    if grant is None or grant.link_until is None or not nominees.acts(grant.case):
        return None
    grant.link_until = min(grant.link_until, now + REOPENED_FOR)
    grant.save(update_fields=["link_until"])
    return grant.case.user_id


def use_up(*, token: str, now: datetime) -> None:
    """Ends a link, whose copy has left as a whole. now: when that was opened. Within the caller's transaction."""
    grant = _usable(token, now).select_for_update(of=("self",)).first()
    if grant is not None:
        grant.used_at = now
        grant.save(update_fields=["used_at"])
        cases.note_act(grant.case, "nominee.copied", "requester", now)


def is_link(token: str, now: datetime) -> bool:
    """Whether it still opens a copy."""
    grant = _usable(token, now).first()
    return grant is not None and nominees.acts(grant.case)


def _usable(token: str, now: datetime) -> QuerySet[NomineeGrant]:
    usable = Q(state="approved", link_until__gt=now, used_at__isnull=True)
    return NomineeGrant.objects.filter(usable, link_hash=hash_of(token)).select_related("case")


def _demand_acting(case: Case) -> None:
    """Raises NotOfNominee."""
    if not nominees.acts(case):
        raise NotOfNominee("Whoever asked is not the person's nominee any more. Refuse the case.")


def _waiting(case: Case) -> NomineeGrant:
    """Raises NothingPrepared."""
    grant = case.grants.select_for_update().filter(state="waiting").first()
    if grant is None:
        raise NothingPrepared("Nothing waits for approval: it was approved or taken back meanwhile. Reload the page.")
    return grant
