"""Deletions for a case: one of us prepares it with a preview, another approves exactly what was previewed."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction

from compliance import case_replies, cases, requests
from compliance.keyed_tokens import receipt_token
from compliance.models import Case, PreparedDeletion, Request
from compliance.stores import Subject, found, subject_anew
from processors.errors import DomainError


class SamePerson(DomainError):
    """Who has prepared it cannot be who approves it."""

    code: ClassVar[str] = "second_person_needed"


class PreviewChanged(DomainError):
    """What would go is no longer what was previewed, or not what the approver has seen."""

    code: ClassVar[str] = "preview_changed"


class NothingPrepared(DomainError):
    """Nothing waits for approval here."""

    code: ClassVar[str] = "nothing_prepared"


class PreparedAlready(DomainError):
    """It is prepared and waits for a second person."""

    code: ClassVar[str] = "prepared_already"


def digest_of(subject: Subject, kinds: Iterable[str], *more: Any) -> str:
    """What an approval is bound to: SHA-256 in hex over whom it concerns and of which kinds something was found, not how much:
    who goes on using the product would have every approval fail. more: what else is approved."""
    whom = subject.as_json()
    # Where mails go takes nothing along.
    del whom["contact"]
    whom |= {name: sorted(whom[name]) for name in ("workspace_ids", "workspace_ids_to_erase")}
    content = [whom, sorted(kinds), *more]
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def prepare(*, case: Case, subject: Subject, by: str, now: datetime) -> PreparedDeletion:
    """Looks what a deletion would remove, for another to approve. case: locked by the caller, in whose transaction this is.

    Raises CaseUnproved, CaseWaitsForErasure, PreparedAlready.
    """
    if case.proved_at is None:
        raise cases.CaseUnproved("Nobody has proved who asks. Prove it first.")
    if case.erasure is not None and case.erasure.state in Request.OPEN_STATES:
        raise cases.CaseWaitsForErasure("Its deletion goes on already.")
    if case.deletions.filter(state="waiting").exists():
        raise PreparedAlready("It is prepared already. Ask a second person to approve it, or take it back first.")
    subject = subject_anew(subject)
    counts = found(subject)
    prepared = PreparedDeletion.objects.create(
        case=case,
        subject=subject.as_json(),
        counts=dict(counts),
        digest=digest_of(subject, counts),
        prepared_by=by,
        prepared_at=now,
    )
    cases.note_act(case, "deletion.prepared", by, now, digest=prepared.digest)
    return prepared


def approve(*, case: Case, seen: str, by: str, now: datetime) -> tuple[Request, Subject]:
    """Begins the deletion with its grace. seen: the digest of the preview that the approver was shown.

    case: locked by the caller, in whose transaction this is. Raises NothingPrepared, SamePerson, PreviewChanged,
    RequestAlreadyOpen.
    """
    prepared = waiting_of(case)
    if prepared.prepared_by == by:
        raise SamePerson("You have prepared it. Ask somebody else of us to approve it.")
    subject = subject_anew(Subject.from_json(prepared.subject))
    if seen != prepared.digest or digest_of(subject, found(subject)) != prepared.digest:
        raise PreviewChanged("What would go has changed since it was prepared. Take it back and prepare it anew.")
    _decide(prepared, "approved", by, now)
    request = requests.open_for_case(case=case, subject=subject, by=by, now=now)
    token = receipt_token(request.id)
    case_replies.tell_of_deletion(case, request=request, token=token, by=by, now=now)
    cases.note_act(case, "deletion.approved", by, now, digest=prepared.digest, prepared_by=prepared.prepared_by)
    return request, subject


def withdraw(*, reference: str, by: str, now: datetime) -> Case:
    """Takes back what waits for approval; whoever may decide may do that. Raises CaseUnknown, CaseClosed, NothingPrepared."""
    with transaction.atomic():
        case = cases.locked_open(reference)
        prepared = waiting_of(case)
        _decide(prepared, "withdrawn", by, now)
        cases.note_act(case, "deletion.withdrawn", by, now, digest=prepared.digest)
    return case


def take_back(*, reference: str, by: str, now: datetime) -> Case:
    """Cancels an approved deletion while its grace lasts, which closes the case as taken back.

    Raises CaseUnknown, CaseClosed, NotCancellable.
    """
    with transaction.atomic():
        case = cases.locked_open(reference)
        if case.erasure is None:
            raise requests.NotCancellable("No deletion was approved for this case.")
        requests.cancel_erasure(person=case.erasure.person, now=now, by=by)
        case.refresh_from_db()
    return case


def waiting_of(case: Case) -> PreparedDeletion:
    """Raises NothingPrepared."""
    prepared = case.deletions.select_for_update().filter(state="waiting").first()
    if prepared is None:
        raise NothingPrepared("Nothing waits for approval: it was approved or taken back meanwhile. Reload the page.")
    return prepared


def _decide(prepared: PreparedDeletion, state: str, by: str, now: datetime) -> None:
    prepared.state, prepared.subject, prepared.decided_by, prepared.decided_at = state, None, by, now
    prepared.save(update_fields=["state", "subject", "decided_by", "decided_at"])
