"""What cases, restrictions and the register of breaches hold about people."""

from typing import Any, Final
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance.models import Case, CaseLink, CaseMail, Nominee, Restriction
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
    "compliance.CaseLink.id": "none",
    "compliance.CaseLink.case": "request",
    "compliance.CaseLink.what": "request",
    "compliance.CaseLink.user_id": "request",
    "compliance.CaseLink.address_key": "request",
    "compliance.CaseLink.link_hash": "none",
    "compliance.CaseLink.made_by": "request",
    "compliance.CaseLink.made_at": "request",
    "compliance.CaseLink.expires_at": "request",
    "compliance.CaseLink.used_at": "request",
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
    "compliance.Correction.id": "none",
    "compliance.Correction.case": "request",
    "compliance.Correction.kind": "request",
    "compliance.Correction.target_id": "request",
    "compliance.Correction.what": "request",
    "compliance.Correction.old": "request",
    "compliance.Correction.began_at": "request",
    "compliance.Correction.next_at": "none",
    "compliance.Correction.attempts": "none",
    "compliance.Correction.left": "none",
    "compliance.Correction.done_at": "request",
    "compliance.Nominee.id": "none",
    "compliance.Nominee.user_id": "nominee",
    "compliance.Nominee.name": "nominee",
    "compliance.Nominee.email": "nominee",
    "compliance.Nominee.email_key": "nominee",
    "compliance.Nominee.named_at": "nominee",
    "compliance.Nominee.link_hash": "none",
    "compliance.Nominee.next_at": "none",
    "compliance.Nominee.attempts": "none",
    "compliance.Nominee.sent_at": "nominee",
    "compliance.Nominee.declined_at": "nominee",
    "compliance.NomineeClaim.id": "none",
    "compliance.NomineeClaim.nominee": "account_mail",
    "compliance.NomineeClaim.words": "account_mail",
    "compliance.NomineeClaim.link_hash": "none",
    "compliance.NomineeClaim.created_at": "account_mail",
    "compliance.NomineeClaim.expires_at": "account_mail",
    "compliance.NomineeClaim.next_at": "none",
    "compliance.NomineeClaim.attempts": "none",
    "compliance.NomineeClaim.sent_at": "account_mail",
    "compliance.NomineeGrant.id": "none",
    "compliance.NomineeGrant.case": "request",
    "compliance.NomineeGrant.state": "request",
    "compliance.NomineeGrant.evidence": "identity_proof",
    "compliance.NomineeGrant.access": "request",
    "compliance.NomineeGrant.erasure": "request",
    "compliance.NomineeGrant.prepared_by": "request",
    "compliance.NomineeGrant.prepared_at": "request",
    "compliance.NomineeGrant.decided_by": "request",
    "compliance.NomineeGrant.decided_at": "request",
    "compliance.NomineeGrant.link_hash": "none",
    "compliance.NomineeGrant.link_until": "request",
    "compliance.NomineeGrant.used_at": "request",
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
    "compliance.Breach.untold_reason": "breach",
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
    "compliance.SecurityReview.id": "none",
    "compliance.SecurityReview.kind": "review",
    "compliance.SecurityReview.reviewed_at": "review",
    "compliance.SecurityReview.reviewed_by": "review",
    "compliance.SecurityReview.findings": "review",
    "compliance.SecurityReview.due_on": "review",
    "compliance.FollowUp.id": "none",
    "compliance.FollowUp.review": "review",
    "compliance.FollowUp.what": "review",
    "compliance.FollowUp.done_at": "review",
    "compliance.FollowUp.done_by": "review",
    "compliance.FollowUp.how": "review",
    "compliance.ReviewAlert.id": "none",
    "compliance.ReviewAlert.kind": "none",
    "compliance.ReviewAlert.due_on": "review",
    "compliance.ReviewAlert.next_at": "none",
    "compliance.ReviewAlert.attempts": "none",
    "compliance.ReviewAlert.sent_at": "none",
    "compliance.BackupLook.id": "none",
    "compliance.BackupLook.looked_at": "none",
    "compliance.BackupLook.files": "none",
    "compliance.BackupLook.over": "none",
    "compliance.BackupLook.unread": "none",
    "compliance.BackupLook.oldest_at": "none",
    "compliance.BackupLook.told_at": "none",
}


def nominees(subject: Subject) -> QuerySet[Nominee]:
    """Whom the person has named."""
    return Nominee.objects.filter(user_id=subject.user_id) if subject.user_id else Nominee.objects.none()


def named(subject: Subject) -> QuerySet[Nominee]:
    """Where the person was named by somebody else, found by the address."""
    if not subject.email:
        return Nominee.objects.none()
    others = Nominee.objects.filter(email=subject.email)
    return others.exclude(user_id=subject.user_id) if subject.user_id else others


def nominee_shown(row: Nominee) -> dict[str, Any]:
    return {
        "name": row.name,
        "email": row.email,
        "named_at": row.named_at.isoformat(),
        "declined_at": row.declined_at.isoformat() if row.declined_at else None,
    }


def named_shown(row: Nominee) -> dict[str, Any]:
    """Who named the person is that other person's own."""
    return {"you_were_named_at": row.named_at.isoformat(), "as": row.name}


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


def links(subject: Subject) -> QuerySet[CaseLink]:
    """Those to the person's account, also in cases of which nothing has shown yet that they are the person's."""
    return CaseLink.objects.filter(user_id=subject.user_id) if subject.user_id else CaseLink.objects.none()


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


def readdress(*, user_id: UUID, old: str, new: str) -> None:
    """Has answers that are not mailed yet go to the person's new address."""
    mine = Case.objects.filter(user_id=user_id, contact=old).exclude(state="closed")
    for case in mine:
        case.contact = new
        case.save(update_fields=["contact"])
    for mail in _waiting_for(user_id, old):
        mail.to = new
        mail.save(update_fields=["to"])


def addressed_to(*, user_id: UUID, old: str) -> int:
    """How many answers would still go to an address that the person has given up."""
    cases_left = Case.objects.filter(user_id=user_id, contact=old).exclude(state="closed").count()
    return cases_left + len(_waiting_for(user_id, old))


def _waiting_for(user_id: UUID, address: str) -> list[CaseMail]:
    unsent = CaseMail.objects.filter(case__user_id=user_id, sent_at__isnull=True)
    return [mail for mail in unsent if mail.to == address]


def exported(case: Case, subject: Subject) -> dict[str, Any]:
    """What the person whose nominee somebody is has answered is not for the nominee."""
    entries = case.entries.all() if case.user_id == subject.user_id else case.entries.exclude(author="holder")
    return {
        "reference": case.reference,
        "kind": case.kind,
        "by": case.channel,
        "state": case.state,
        "outcome": case.outcome,
        "opened_at": case.opened_at.isoformat(),
        "due_on": case.due_on.isoformat(),
        "corrected": [
            {"what": one.what, "at": one.began_at.isoformat()} for one in case.corrections.order_by("began_at")
        ],
        "entries": [
            {"at": entry.at.isoformat(), "what": entry.kind, "text": entry.text}
            for entry in entries.order_by("at", "id")
        ],
    }
