"""What cases, restrictions and the register of breaches hold about people."""

from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance.models import Case, Restriction
from compliance.stores import Subject
from processors.pseudonyms import pseudonym

INVENTORY: Final[dict[str, str]] = {
    "compliance.Case.id": "none",
    "compliance.Case.reference": "request",
    "compliance.Case.kind": "request",
    "compliance.Case.channel": "request",
    "compliance.Case.state": "request",
    "compliance.Case.outcome": "request",
    "compliance.Case.user_id": "request",
    "compliance.Case.person": "request",
    "compliance.Case.contact": "request",
    "compliance.Case.contact_key": "request",
    "compliance.Case.opened_at": "request",
    "compliance.Case.due_on": "request",
    "compliance.Case.proved_at": "request",
    "compliance.Case.proved_by": "request",
    "compliance.Case.paused_at": "request",
    "compliance.Case.pause_reason": "request",
    "compliance.Case.taken_by": "request",
    "compliance.Case.closed_at": "request",
    "compliance.Case.emptied_at": "none",
    "compliance.Case.joined_to": "request",
    "compliance.Case.erasure": "request",
    "compliance.CaseEntry.id": "none",
    "compliance.CaseEntry.case": "request",
    "compliance.CaseEntry.at": "request",
    "compliance.CaseEntry.kind": "none",
    "compliance.CaseEntry.author": "request",
    "compliance.CaseEntry.text": "request",
    "compliance.CaseEntry.message_key": "request",
    "compliance.CaseEntry.thread_key": "request",
    "compliance.CaseMail.id": "none",
    "compliance.CaseMail.case": "request",
    "compliance.CaseMail.template": "none",
    "compliance.CaseMail.to": "request",
    "compliance.CaseMail.about": "request",
    "compliance.CaseMail.text": "request",
    "compliance.CaseMail.created_at": "request",
    "compliance.CaseMail.next_at": "none",
    "compliance.CaseMail.attempts": "none",
    "compliance.CaseMail.sent_at": "request",
    "compliance.PreparedDeletion.id": "none",
    "compliance.PreparedDeletion.case": "request",
    "compliance.PreparedDeletion.state": "request",
    "compliance.PreparedDeletion.subject": "request",
    "compliance.PreparedDeletion.counts": "request",
    "compliance.PreparedDeletion.digest": "none",
    "compliance.PreparedDeletion.prepared_by": "request",
    "compliance.PreparedDeletion.prepared_at": "request",
    "compliance.PreparedDeletion.decided_by": "request",
    "compliance.PreparedDeletion.decided_at": "request",
    "compliance.AuthorityDisclosure.id": "none",
    "compliance.AuthorityDisclosure.reference": "disclosure",
    "compliance.AuthorityDisclosure.state": "disclosure",
    "compliance.AuthorityDisclosure.order_id": "disclosure",
    "compliance.AuthorityDisclosure.authority": "disclosure",
    "compliance.AuthorityDisclosure.legal_basis": "disclosure",
    "compliance.AuthorityDisclosure.secret_until": "disclosure",
    "compliance.AuthorityDisclosure.elements": "disclosure",
    "compliance.AuthorityDisclosure.person": "disclosure",
    "compliance.AuthorityDisclosure.subject": "disclosure",
    "compliance.AuthorityDisclosure.counts": "disclosure",
    "compliance.AuthorityDisclosure.digest": "none",
    "compliance.AuthorityDisclosure.prepared_by": "disclosure",
    "compliance.AuthorityDisclosure.prepared_at": "disclosure",
    "compliance.AuthorityDisclosure.decided_by": "disclosure",
    "compliance.AuthorityDisclosure.decided_at": "disclosure",
    "compliance.AuthorityDisclosure.released_by": "disclosure",
    "compliance.AuthorityDisclosure.released_at": "disclosure",
    "compliance.AuthorityDisclosure.bundle_hash": "disclosure",
    "compliance.LegalHold.id": "none",
    "compliance.LegalHold.reference": "legal_hold",
    "compliance.LegalHold.basis": "legal_hold",
    "compliance.LegalHold.order_id": "legal_hold",
    "compliance.LegalHold.reason": "legal_hold",
    "compliance.LegalHold.review_on": "legal_hold",
    "compliance.LegalHold.ends_on": "legal_hold",
    "compliance.LegalHold.secret_until": "legal_hold",
    "compliance.LegalHold.approved_by": "legal_hold",
    "compliance.LegalHold.approved_at": "legal_hold",
    "compliance.LegalHold.lift_asked_by": "legal_hold",
    "compliance.LegalHold.placed_by": "legal_hold",
    "compliance.LegalHold.placed_at": "legal_hold",
    "compliance.LegalHold.lifted_by": "legal_hold",
    "compliance.LegalHold.lifted_at": "legal_hold",
    "compliance.LegalHold.lift_reason": "legal_hold",
    "compliance.LegalHold.next_at": "none",
    "compliance.LegalHold.attempts": "none",
    "compliance.LegalHold.told_at": "none",
    "compliance.HeldRow.id": "none",
    "compliance.HeldRow.hold": "legal_hold",
    "compliance.HeldRow.kind": "legal_hold",
    "compliance.HeldRow.row_id": "legal_hold",
    "compliance.HeldCopy.id": "none",
    "compliance.HeldCopy.hold": "legal_hold",
    "compliance.HeldCopy.kind": "legal_hold",
    "compliance.HeldCopy.row_id": "legal_hold",
    "compliance.HeldCopy.content": "legal_hold",
    "compliance.HeldCopy.at": "legal_hold",
    "compliance.Restriction.id": "none",
    "compliance.Restriction.case": "request",
    "compliance.Restriction.person": "request",
    "compliance.Restriction.since": "request",
    "compliance.Restriction.lifted_at": "request",
    "compliance.RestrictedRow.id": "none",
    "compliance.RestrictedRow.restriction": "request",
    "compliance.RestrictedRow.row_id": "request",
    "compliance.Breach.id": "none",
    "compliance.Breach.reference": "breach",
    "compliance.Breach.noticed_at": "breach",
    "compliance.Breach.what": "breach",
    "compliance.Breach.told_authority_at": "breach",
    "compliance.Breach.told_people_at": "breach",
    "compliance.Breach.closed_at": "breach",
    "compliance.Breach.conclusion": "breach",
    "compliance.BreachEntry.id": "none",
    "compliance.BreachEntry.breach": "breach",
    "compliance.BreachEntry.at": "breach",
    "compliance.BreachEntry.author": "breach",
    "compliance.BreachEntry.text": "breach",
    "compliance.BreachAlert.id": "none",
    "compliance.BreachAlert.breach": "breach",
    "compliance.BreachAlert.after_h": "none",
    "compliance.BreachAlert.next_at": "none",
    "compliance.BreachAlert.attempts": "none",
    "compliance.BreachAlert.sent_at": "none",
}


def cases(subject: Subject) -> QuerySet[Case]:
    """Those that name the person, whoever wrote them: a mail may bear the person's address without being theirs."""
    match = Q(pk__in=())
    if subject.user_id:
        match |= Q(user_id=subject.user_id) | Q(person=pseudonym("user", subject.user_id))
    if subject.email:
        match |= Q(person=pseudonym("email", subject.email)) | Q(contact=subject.email)
    if subject.kind == "callee":
        match |= Q(person=pseudonym("phone", subject.phone_e164)) | Q(contact=subject.phone_e164)
    return Case.objects.filter(match, emptied_at__isnull=True)


def restrictions(subject: Subject) -> QuerySet[Restriction]:
    people = [pseudonym("user", subject.user_id)] if subject.user_id else []
    if subject.kind == "callee":
        people.append(pseudonym("phone", subject.phone_e164))
    return Restriction.objects.filter(person__in=people)


def own_cases(subject: Subject) -> QuerySet[Case]:
    """Those of which it is proved that the person wrote them."""
    return cases(subject).filter(proved_at__isnull=False)


def adopt(*, email: str, user_id: UUID) -> None:
    """Ties what was proved under an address to the account that gives it up, whose they stay."""
    theirs = Case.objects.filter(contact=email, user_id__isnull=True, proved_at__isnull=False, emptied_at__isnull=True)
    theirs.update(user_id=user_id)


def exported(case: Case) -> dict[str, Any]:
    return {
        "reference": case.reference,
        "kind": case.kind,
        "by": case.channel,
        "state": case.state,
        "outcome": case.outcome,
        "opened_at": case.opened_at.isoformat(),
        "due_on": case.due_on.isoformat(),
        "entries": [
            {"at": entry.at.isoformat(), "what": entry.kind, "text": entry.text}
            for entry in case.entries.order_by("at", "id")
        ],
    }
