"""What compliance itself holds about people, and the disclosures that processors keep below it."""

from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.db.models import F, Q, QuerySet

from compliance import acts, authorities, correcting, nominees
from compliance import case_personal_data as case_data
from compliance import cases as case_operations
from compliance.models import ConsentEvent, PolicyMail, PolicyReceipt, Request, Suppression
from compliance.stores import Listed, Subject
from processors.models import Disclosure
from processors.pseudonyms import pseudonym

INVENTORY: Final[dict[str, str]] = {
    "compliance.ConsentEvent.id": "none",
    "compliance.ConsentEvent.user_id": "consent",
    "compliance.ConsentEvent.person": "consent",
    "compliance.ConsentEvent.purpose": "consent",
    "compliance.ConsentEvent.given": "consent",
    "compliance.ConsentEvent.policy_version": "consent",
    "compliance.ConsentEvent.text_hash": "consent",
    "compliance.ConsentEvent.ip": "consent",
    "compliance.ConsentEvent.at": "consent",
    "compliance.ConsentEvent.unlinked_at": "consent",
    "compliance.PolicyVersion.id": "none",
    "compliance.PolicyVersion.name": "none",
    "compliance.PolicyVersion.effective_at": "none",
    "compliance.PolicyVersion.published_at": "none",
    "compliance.PolicyVersion.summary": "none",
    "compliance.PolicyVersion.clauses": "none",
    "compliance.PolicyVersion.purposes": "none",
    "compliance.PolicyVersion.where_twilio_writes": "none",
    "compliance.PolicyVersion.receives": "none",
    "compliance.PolicyVersion.text_hash": "none",
    "compliance.PolicyMail.id": "none",
    "compliance.PolicyMail.version": "account_mail",
    "compliance.PolicyMail.user_id": "account_mail",
    "compliance.PolicyMail.created_at": "account_mail",
    "compliance.PolicyMail.next_at": "none",
    "compliance.PolicyMail.attempts": "none",
    "compliance.PolicyMail.sent_at": "account_mail",
    "compliance.PolicyReceipt.id": "none",
    "compliance.PolicyReceipt.version": "policy_notice",
    "compliance.PolicyReceipt.user_id": "policy_notice",
    "compliance.PolicyReceipt.person": "policy_notice",
    "compliance.PolicyReceipt.channel": "policy_notice",
    "compliance.PolicyReceipt.text_hash": "policy_notice",
    "compliance.PolicyReceipt.at": "policy_notice",
    "compliance.PolicyReceipt.unlinked_at": "policy_notice",
    "compliance.Suppression.id": "none",
    "compliance.Suppression.workspace_id": "suppression",
    "compliance.Suppression.number_key": "suppression",
    "compliance.Suppression.reason": "suppression",
    "compliance.Suppression.source": "suppression",
    "compliance.Suppression.created_at": "suppression",
    "compliance.Suppression.last_asked_at": "suppression",
    "compliance.Suppression.lifted_at": "suppression",
    "compliance.Suppression.lifted_source": "suppression",
    "compliance.Tombstone.id": "none",
    "compliance.Tombstone.kind": "erasure_ledger",
    "compliance.Tombstone.key": "erasure_ledger",
    "compliance.Tombstone.erased_at": "erasure_ledger",
    "compliance.LeftBytes.id": "none",
    "compliance.LeftBytes.since": "none",
    "compliance.LeftBytes.newest_at": "none",
    "compliance.LedgerMark.id": "none",
    "compliance.LedgerMark.ledger": "none",
    "compliance.LedgerMark.sequence": "none",
    "compliance.LedgerMark.told_at": "none",
    "compliance.LedgerMark.asked_in": "none",
    "compliance.LedgerMark.remembered": "none",
    "compliance.LedgerNote.id": "none",
    "compliance.LedgerNote.entry_id": "none",
    "compliance.LedgerNote.kind": "erasure_ledger",
    "compliance.LedgerNote.key": "erasure_ledger",
    "compliance.LedgerNote.at": "erasure_ledger",
    "compliance.LedgerNote.detail": "erasure_ledger",
    "compliance.LedgerNote.noted_at": "none",
    "compliance.AuditEvent.id": "none",
    "compliance.AuditEvent.sequence": "audit",
    "compliance.AuditEvent.at": "audit",
    "compliance.AuditEvent.workspace_id": "audit",
    "compliance.AuditEvent.actor_ref": "audit",
    "compliance.AuditEvent.action": "audit",
    "compliance.AuditEvent.target": "audit",
    "compliance.AuditEvent.detail": "audit",
    "compliance.AuditEvent.previous_hash": "audit",
    "compliance.AuditEvent.hash": "audit",
    "compliance.AuditHead.id": "none",
    "compliance.AuditHead.sequence": "none",
    "compliance.AuditHead.hash": "none",
    "compliance.AuditHead.ended_sequence": "none",
    "compliance.AuditHead.ended_hash": "none",
    "compliance.Request.id": "request",
    "compliance.Request.kind": "request",
    "compliance.Request.state": "request",
    "compliance.Request.channel": "request",
    "compliance.Request.user_id": "request",
    "compliance.Request.person": "request",
    "compliance.Request.subject": "request",
    "compliance.Request.opened_at": "request",
    "compliance.Request.due_on": "request",
    "compliance.Request.runs_at": "request",
    "compliance.Request.cancelled_at": "request",
    "compliance.Request.started_at": "request",
    "compliance.Request.finished_at": "request",
    "compliance.Request.attempts": "none",
    "compliance.Request.next_attempt_at": "none",
    "compliance.Request.claimed_until": "none",
    "compliance.Request.receipt_hash": "request",
    "compliance.Request.receipt": "request",
    "compliance.Request.held_told_after": "request",
    "compliance.ErasureStep.id": "none",
    "compliance.ErasureStep.request": "request",
    "compliance.ErasureStep.position": "none",
    "compliance.ErasureStep.name": "none",
    "compliance.ErasureStep.state": "request",
    "compliance.ErasureStep.attempts": "none",
    "compliance.ErasureStep.counts": "request",
    "compliance.ErasureStep.error_type": "none",
    "compliance.ErasureStep.started_at": "request",
    "compliance.ErasureStep.finished_at": "request",
    **case_data.INVENTORY,
}


class ComplianceStore:
    """Consents, notices, requests and cases. Consents and receipts stay as proof, unlinked; the open request keeps the run and
    is emptied by it; of cases what was asked and when it was answered."""

    name = "compliance"

    def find(self, subject: Subject) -> dict[str, int]:
        counts = {
            "consent": _consents(subject).count(),
            "policy_notice": _receipts(subject).count(),
            "account_mail": _mails(subject).count(),
            "nominee": case_data.nominees(subject).count() + case_data.named(subject).count(),
            "request": _requests(subject).count() + case_data.cases(subject).count(),
        }
        return {element: count for element, count in counts.items() if count}

    def listed(self, subject: Subject) -> dict[str, list[Listed]]:
        called = subject.kind == "callee"
        return {
            # It outlives every erasure, so it is not among what is found and erased.
            **({"suppression": [Listed(_suppressions(subject), _suppression_shown)]} if called else {}),
            "consent": [Listed(_consents(subject), _asked_shown if called else _consent_shown)],
            "policy_notice": [Listed(_receipts(subject), _receipt_shown)],
            "account_mail": [Listed(_mails(subject), _mail_shown)],
            "request": [
                Listed(_requests(subject), _request_shown),
                Listed(case_data.own_cases(subject), partial(case_data.exported, subject=subject)),
            ],
            "nominee": [
                Listed(case_data.nominees(subject), case_data.nominee_shown),
                Listed(case_data.named(subject), case_data.named_shown),
            ],
        }

    def export(self, subject: Subject) -> dict[str, Any]:
        held = {
            element: [part.shown(row) for part in parts for row in part.rows.order_by("id")]
            for element, parts in self.listed(subject).items()
        }
        # It stays, so it is not among what is found and erased.
        return {element: rows for element, rows in held.items() if rows} | {"audit": acts.exported(subject)}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        # The proof of somebody without an account runs for its term already.
        term_begins = {} if subject.kind == "callee" else {"unlinked_at": now}
        unlinked = _linked(subject).update(user_id=None, ip=None, **term_begins)
        notices = _receipts(subject).update(user_id=None, unlinked_at=now)
        mails, _ = _mails(subject).delete()
        closed = _requests(subject).filter(state__in=["done", "cancelled"]).update(user_id=None, subject=None)
        emptied = list(case_data.cases(subject))
        for case in emptied:
            case_operations.empty(case, now=now)
        # Nothing is left that could be used; what was decided stands in the audit.
        case_data.restrictions(subject).delete()
        case_data.links(subject).delete()
        authorities.forget(subject, now=now)
        named, _ = case_data.nominees(subject).delete()
        for nominee in case_data.named(subject):
            with transaction.atomic():
                nominees.decline(nominee, now=now)
            named += 1
        if subject.user_id:
            correcting.forget(kind="account", target_ids=[subject.user_id])
        counts = {
            "consent": unlinked,
            "policy_notice": notices,
            "account_mail": mails,
            "nominee": named,
            "request": closed + len(emptied),
        }
        return {element: count for element, count in counts.items() if count}

    def verify(self, subject: Subject) -> int:
        closed = _requests(subject).filter(state__in=["done", "cancelled"])
        account = (_receipts(subject), _mails(subject))
        orders = authorities.going_on_about(subject)
        named = (case_data.nominees(subject), case_data.named(subject))
        asked = (closed, case_data.cases(subject), case_data.links(subject), case_data.restrictions(subject), orders)
        return sum(rows.count() for rows in (_linked(subject), *account, *named, *asked))


class DisclosureStore:
    """Who received what. The rows name people by keyed hash only; the workspace is taken out."""

    name = "disclosures"

    def find(self, subject: Subject) -> dict[str, int]:
        count = _shown(subject).count()
        return {"disclosure": count} if count else {}

    def listed(self, subject: Subject) -> dict[str, list[Listed]]:
        return {"disclosure": [Listed(_shown(subject), _disclosure_shown)]}

    def export(self, subject: Subject) -> dict[str, Any]:
        rows = [_disclosure_shown(row) for row in _shown(subject).order_by("day", "id")]
        return {"disclosure": rows} if rows else {}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        rows = Disclosure.objects.filter(workspace_id__in=subject.workspace_ids_to_erase)
        # Rows that differ in the workspace alone would become the same row; they are counted together first.
        unlinked = 0
        for row in rows.order_by("id"):
            unlinked += 1
            twin = Disclosure.objects.filter(
                day=row.day,
                processor=row.processor,
                endpoint=row.endpoint,
                data_classes=row.data_classes,
                person=row.person,
                workspace_id__isnull=True,
            ).first()
            if twin is None:
                Disclosure.objects.filter(id=row.id).update(workspace_id=None)
            else:
                with transaction.atomic():
                    Disclosure.objects.filter(id=twin.id).update(count=F("count") + row.count)
                    row.delete()
        return {"disclosure": unlinked} if unlinked else {}

    def verify(self, subject: Subject) -> int:
        return Disclosure.objects.filter(workspace_id__in=subject.workspace_ids_to_erase).count()


STORE: Final = ComplianceStore()
DISCLOSURES: Final = DisclosureStore()


def _consent_shown(row: ConsentEvent) -> dict[str, Any]:
    return {
        "purpose": row.purpose,
        "given": row.given,
        "policy_version": row.policy_version,
        "ip": row.ip,
        "at": row.at.isoformat(),
    }


def _asked_shown(row: ConsentEvent) -> dict[str, Any]:
    """Of a number: whoever typed it agreed, proved or not, so it is not said to be the person's own word, and where they were is not told."""
    return {
        "purpose": row.purpose,
        "policy_version": row.policy_version,
        "agreed_by": "whoever typed your number, before a passcode was sent to it",
        "at": row.at.isoformat(),
    }


def _suppression_shown(row: Suppression) -> dict[str, Any]:
    return {
        "what": "calls",
        "workspace_id": str(row.workspace_id) if row.workspace_id else "all",
        "reason": row.reason,
        "source": row.source,
        "created_at": row.created_at.isoformat(),
        "last_asked_at": row.last_asked_at.isoformat(),
        "lifted_at": row.lifted_at.isoformat() if row.lifted_at else None,
        "lifted_source": row.lifted_source,
    }


def _receipt_shown(row: PolicyReceipt) -> dict[str, Any]:
    return {"policy_version": row.version, "by": row.channel, "at": row.at.isoformat()}


def _mail_shown(row: PolicyMail) -> dict[str, Any]:
    sent_at = row.sent_at.isoformat() if row.sent_at else None
    return {"kind": "policy_change", "created_at": row.created_at.isoformat(), "sent_at": sent_at}


def _request_shown(row: Request) -> dict[str, Any]:
    return {"kind": row.kind, "state": row.state, "opened_at": row.opened_at.isoformat()}


def _disclosure_shown(row: Disclosure) -> dict[str, Any]:
    return {
        "day": row.day.isoformat(),
        "recipient": row.processor,
        "for": row.endpoint,
        "data": list(row.data_classes),
        "times": row.count,
    }


def _consents(subject: Subject) -> QuerySet[ConsentEvent]:
    """Those that still lead to the person; unlinked proofs are no longer the person's data. Who was called is known by the
    keyed hash of the number, for as long as that person asks."""
    if subject.kind == "callee":
        return ConsentEvent.objects.filter(person=pseudonym("phone", subject.phone_e164))
    return ConsentEvent.objects.filter(user_id=subject.user_id, user_id__isnull=False)


def _suppressions(subject: Subject) -> QuerySet[Suppression]:
    return Suppression.objects.filter(number_key=pseudonym("phone", subject.phone_e164))


def _receipts(subject: Subject) -> QuerySet[PolicyReceipt]:
    return PolicyReceipt.objects.filter(user_id=subject.user_id, user_id__isnull=False)


def _mails(subject: Subject) -> QuerySet[PolicyMail]:
    return PolicyMail.objects.filter(user_id=subject.user_id) if subject.user_id else PolicyMail.objects.none()


def _linked(subject: Subject) -> QuerySet[ConsentEvent]:
    return _consents(subject).filter(Q(user_id__isnull=False) | Q(ip__isnull=False))


def _requests(subject: Subject) -> QuerySet[Request]:
    return Request.objects.filter(user_id=subject.user_id, user_id__isnull=False)


def _disclosures(subject: Subject) -> QuerySet[Disclosure]:
    match = Q(workspace_id__in=subject.workspace_ids_to_erase)
    if subject.user_id:
        match |= Q(person=pseudonym("user", subject.user_id))
    if subject.phone_e164:
        match |= Q(person=pseudonym("phone", subject.phone_e164))
    return Disclosure.objects.filter(match)


def _shown(subject: Subject) -> QuerySet[Disclosure]:
    """Without what an order forbids to tell the person, of which not even the number may differ."""
    rows = _disclosures(subject)
    if authorities.kept_secret(authorities.people_of(subject)):
        return rows.exclude(processor=authorities.RECIPIENT)
    return rows
