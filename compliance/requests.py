"""Requests of people about their data: opening, deadline, cancelling."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import ClassVar, Final

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.crypto import constant_time_compare
from uuid_utils.compat import uuid7

from compliance import audit, case_mails, cases, erasure_ledger, tasks
from compliance.audit import PersonalAction
from compliance.cases import Channel, Proof
from compliance.deadlines import deadline
from compliance.erasure_ledger import Entry
from compliance.keyed_tokens import hash_of, receipt_token
from compliance.models import Case, Request
from compliance.stores import Subject
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

GRACE: Final = timedelta(days=3)


class ConfirmationMismatch(DomainError):
    """What was typed to confirm is not the account's e-mail address."""

    code: ClassVar[str] = "confirmation_mismatch"


class RequestAlreadyOpen(DomainError):
    """There is an open request of this kind; it goes on as it is."""

    code: ClassVar[str] = "request_already_open"


class NotCancellable(DomainError):
    """There is no request that could still be cancelled."""

    code: ClassVar[str] = "request_not_cancellable"


class ReceiptUnknown(DomainError):
    """No receipt has this address."""

    code: ClassVar[str] = "receipt_unknown"


def open_erasure(*, subject: Subject, confirm: str, at_once: bool, now: datetime, by: str | None = None) -> Request:
    """Takes the request of a person to have everything erased, after 3 days of grace or at once.

    confirm: the account's e-mail address, typed once more. by: who asks, if not the person, whose session has proved the
    phone; support has recognised the person otherwise.
    A request that waits already is brought forward by `at_once`.
    Raises ConfirmationMismatch, RequestAlreadyOpen.
    """
    if subject.user_id is None or not constant_time_compare(confirm.strip().lower(), subject.contact.lower()):
        raise ConfirmationMismatch("Type the e-mail address of this account to confirm.")
    person = pseudonym("user", subject.user_id)
    if at_once and (waiting := _waive_grace(person=person, now=now, by=by)):
        return waiting
    channel: Channel = "support" if by else "privacy_centre"
    return _open(subject, person, at_once, now, by=by, channel=channel, proof="support" if by else "session")


def open_callee_erasure(*, subject: Subject, confirm: str, at_once: bool, now: datetime) -> Request:
    """The same for a person who was called and has proved the number by a passcode. confirm: that number, typed once more.

    Raises ConfirmationMismatch, RequestAlreadyOpen.
    """
    if not constant_time_compare(_digits(confirm), _digits(subject.phone_e164)):
        raise ConfirmationMismatch("Type your number with its country code to confirm.")
    person = pseudonym("phone", subject.phone_e164)
    if at_once and (waiting := _waive_grace(person=person, now=now, by=None)):
        return waiting
    return _open(subject, person, at_once, now, by=None, channel="callee_page", proof="passcode")


def open_for_case(*, case: Case, subject: Subject, by: str, now: datetime) -> Request:
    """The run that fulfils a case on which two of us have decided, after 3 days of grace. Within the caller's transaction.

    Raises RequestAlreadyOpen.
    """
    # The person finds it and takes it back as their own, whatever the case was opened for.
    person = pseudonym("user", subject.user_id) if subject.user_id else pseudonym("phone", subject.phone_e164)
    return _open(subject, person, False, now, by=by, channel="support", proof="support", case=case)


def open_restored(*, subject: Subject, person: str, now: datetime) -> Request:
    """The run that erases once more whom a restored backup brought back; one that is open, as in the backup, is brought forward.

    person: as the erasure ledger names them. Whoever had it before the backup was restored has it no more.
    """
    waiting = Request.objects.filter(kind="erasure", person=person, state__in=Request.OPEN_STATES)
    waiting.update(runs_at=now, next_attempt_at=now, claimed_until=None)
    if (found := waiting.first()) is not None:
        return found
    request_id = uuid7()
    with transaction.atomic():
        request = Request.objects.create(
            id=request_id,
            kind="erasure",
            channel=Request.RESTORED,
            user_id=subject.user_id,
            person=person,
            subject=subject.as_json(),
            opened_at=now,
            due_on=deadline(now.date()),
            runs_at=now,
            next_attempt_at=now,
            receipt_hash=hash_of(receipt_token(request_id)),
        )
        _audit(request, "erasure.requested", now, by="system")
    return request


def _open(
    subject: Subject,
    person: str,
    at_once: bool,
    now: datetime,
    *,
    by: str | None,
    channel: Channel,
    proof: Proof,
    case: Case | None = None,
) -> Request:
    """The run, and the case that it fulfils."""
    request_id = uuid7()
    runs_at = now if at_once else now + GRACE
    try:
        with transaction.atomic():
            request = Request.objects.create(
                id=request_id,
                kind="erasure",
                channel="self" if by is None else "support",
                user_id=subject.user_id,
                person=person,
                subject=subject.as_json(),
                opened_at=now,
                due_on=case.due_on if case else deadline(now.date()),
                runs_at=runs_at,
                next_attempt_at=runs_at,
                receipt_hash=hash_of(receipt_token(request_id)),
            )
            _audit(request, "erasure.requested", now, by=by)
            if case is None:
                opened = cases.open_case(
                    kind="deletion",
                    channel=channel,
                    person=person,
                    user_id=subject.user_id,
                    proof=proof,
                    erasure=request,
                    now=now,
                    by=by,
                )
                # Of what begins at once nothing can be taken back, and the mail would go with the case.
                if subject.contact and not at_once:
                    case_mails.queue(opened, template="deletion_asked", to=subject.contact, now=now)
            else:
                case.erasure, case.state = request, "working"
                case.save(update_fields=["erasure", "state"])
            if at_once:
                tasks.soon(request_id)
    except IntegrityError as error:
        if "request_one_open_of_a_kind" in str(error):
            raise RequestAlreadyOpen("Your data is already waiting to be erased. Cancel that first.") from None
        raise
    return request


def _digits(number: str) -> str:
    return "".join(filter(str.isdecimal, number))


def _waive_grace(*, person: str, now: datetime, by: str | None) -> Request | None:
    with transaction.atomic():
        waiting = Request.objects.filter(kind="erasure", person=person, state="requested", runs_at__gt=now)
        if not waiting.update(runs_at=now, next_attempt_at=now):
            return None
        request = newest_erasure(person=person)
        assert request is not None
        _audit(request, "erasure.grace_waived", now, by=by)
        tasks.soon(request.id)
    return request


def cancel_erasure(*, person: str, now: datetime, by: str | None = None) -> Request:
    """person: keyed hash of the account, or of the number of somebody who was called. by: who does it, if not the person.

    Raises NotCancellable when there is none, or when erasing has begun.
    """
    with transaction.atomic():
        waiting = Request.objects.filter(kind="erasure", person=person, state="requested", runs_at__gt=now)
        request = waiting.select_for_update().first()
        if request is None:
            raise NotCancellable("There is nothing to cancel: no erasure is waiting, or it has begun. Reload the page.")
        _cancel(request, now, by)
        # A backup from before still has it waiting, and its days of grace may be over when that is restored.
        erasure_ledger.note([Entry("taken_back", person, request.opened_at)], now=now)
    return request


def recall_cancelled(entry: Entry, *, now: datetime) -> None:
    """Takes back in a restored database what was taken back after its backup. Within the caller's transaction; idempotent."""
    waiting = Request.objects.filter(kind="erasure", person=entry.key, opened_at=entry.at, state="requested")
    for request in waiting.select_for_update():
        _cancel(request, now, "system")


def renew_grace(*, but_of: Iterable[str], now: datetime) -> int:
    """In a restored database gives everybody who could still take an erasure back the days of grace anew: whether they did so after
    the backup nobody may know. Returns how many. but_of: people whom the erasure ledger names as erased."""
    waiting = Request.objects.filter(kind="erasure", state="requested", runs_at__gt=F("opened_at"))
    ends = now + GRACE
    return waiting.filter(runs_at__lt=ends).exclude(person__in=but_of).update(runs_at=ends, next_attempt_at=ends)


def _cancel(request: Request, now: datetime, by: str | None) -> None:
    contact = Subject.from_json(request.subject).contact if request.subject else ""
    request.state, request.cancelled_at, request.finished_at, request.subject = "cancelled", now, now, None
    request.save(update_fields=["state", "cancelled_at", "finished_at", "subject"])
    # What a restored backup has waiting still was told when it was taken back.
    if contact and by != "system":
        for case in Case.objects.filter(erasure=request).exclude(state="closed"):
            case_mails.queue(case, template="deletion_taken_back", to=contact, now=now)
    cases.erasure_ended(request=request, outcome="taken_back", now=now)
    _audit(request, "erasure.cancelled", now, by=by)


def newest_erasure(*, person: str) -> Request | None:
    return Request.objects.filter(kind="erasure", person=person).order_by("-opened_at", "-id").first()


def by_receipt_token(token: str) -> Request:
    """Raises ReceiptUnknown."""
    request = Request.objects.filter(receipt_hash=hash_of(token)).first()
    if request is None:
        raise ReceiptUnknown("There is no receipt here. Check that the whole address was copied.")
    return request


def _audit(request: Request, action: PersonalAction, now: datetime, by: str | None = None) -> None:
    audit.record(
        workspace_id=None,
        actor_ref=by or (str(request.user_id) if request.user_id else "requester"),
        action=action,
        target=str(request.id),
        detail={},
        now=now,
    )
