"""What authorities demand by an order about a person: prepared by one of us, approved by another, given out once and counted."""

import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Final

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now, TruncDate

from compliance import access, audit
from compliance.audit import PersonalAction
from compliance.cases import reason_given
from compliance.elements import ELEMENTS
from compliance.models import AuthorityDisclosure
from compliance.redaction import redact_cards
from compliance.second_person import NothingPrepared, PreviewChanged, SamePerson, digest_of
from compliance.stores import Subject, found, subject_anew
from processors import disclosures
from processors.disclosures import About
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

# How the closed list of recipients calls them, and what was given is counted as.
RECIPIENT: Final = "authorities"
ENDPOINT: Final = "order"


class OrderUnknown(DomainError):
    """No disclosure has this reference. Check it."""

    code: ClassVar[str] = "order_unknown"


class OrderOver(DomainError):
    """It was given out or taken back; nothing about it changes any more."""

    code: ClassVar[str] = "order_over"


class NothingOfThat(DomainError):
    """Nothing of these kinds is held about the person."""

    code: ClassVar[str] = "nothing_of_that"


def prepare(
    *,
    subject: Subject,
    order_id: str,
    authority: str,
    legal_basis: str,
    secret_until: date | None,
    elements: Sequence[str],
    by: str,
    now: datetime,
) -> AuthorityDisclosure:
    """Writes down what an order demands, with how much of each kind is held. elements: the kinds that it covers, no others.

    Raises ReasonMissing, NothingOfThat.
    """
    wanted = sorted(set(elements) & set(ELEMENTS) - {"none"})
    with transaction.atomic():
        subject = subject_anew(subject)
        counts = _counts(subject, wanted)
        if not counts:
            raise NothingOfThat("Nothing of these kinds is held about this person. Answer the authority so.")
        order = AuthorityDisclosure(
            reference=f"LE-{secrets.token_hex(4).upper()}",
            order_id=redact_cards(reason_given(order_id)),
            authority=redact_cards(reason_given(authority)),
            legal_basis=redact_cards(reason_given(legal_basis)),
            secret_until=secret_until,
            elements=wanted,
            person=_person(subject),
            subject=subject.as_json(),
            counts=counts,
            prepared_by=by,
            prepared_at=now,
        )
        order.digest = _digest(order, subject, counts)
        order.save(force_insert=True)
        _audit(order, "disclosure.prepared", by, now, digest=order.digest)
    return order


def approve(*, reference: str, seen: str, by: str, now: datetime) -> AuthorityDisclosure:
    """seen: the digest of what the approver was shown. Raises OrderUnknown, OrderOver, NothingPrepared, SamePerson,
    PreviewChanged."""
    with transaction.atomic():
        order = _going_on(reference)
        if order.state != "waiting":
            raise NothingPrepared("It is approved already. Reload the page.")
        if order.prepared_by == by:
            raise SamePerson("You have prepared it. Ask somebody else of us to approve it.")
        if seen != order.digest:
            raise PreviewChanged("This is not what was prepared. Load the page anew and read it again.")
        _still_the_same(order)
        order.state, order.decided_by, order.decided_at = "approved", by, now
        order.save(update_fields=["state", "decided_by", "decided_at"])
        _audit(order, "disclosure.approved", by, now, digest=order.digest)
    return order


def withdraw(*, reference: str, by: str, now: datetime) -> AuthorityDisclosure:
    """Raises OrderUnknown, OrderOver."""
    with transaction.atomic():
        order = _going_on(reference)
        order.state, order.subject = "withdrawn", None
        order.decided_by, order.decided_at = by, now
        order.save(update_fields=["state", "subject", "decided_by", "decided_at"])
        _audit(order, "disclosure.withdrawn", by, now)
    return order


def release(*, reference: str, by: str, now: datetime) -> str:
    """Gives out what was approved, once: JSON of the approved kinds alone. It is counted as disclosed before that.

    Outside of a transaction: what is counted stays counted. Raises OrderUnknown, OrderOver, NothingPrepared, PreviewChanged.
    """
    with transaction.atomic():
        order, subject = _approved(reference)
    whom = About(user_id=subject.user_id, phone_e164=None if subject.user_id else subject.phone_e164)
    disclosures.record(processor=RECIPIENT, endpoint=ENDPOINT, data_classes=order.elements, whom=whom, now=now)
    with transaction.atomic():
        order, subject = _approved(reference)
        text = _written(order, access.bundle(subject=subject, now=now, elements=order.elements))
        order.state, order.subject, order.released_by, order.released_at = "released", None, by, now
        order.bundle_hash = hashlib.sha256(text.encode()).hexdigest()
        order.save(update_fields=["state", "subject", "released_by", "released_at", "bundle_hash"])
        _audit(order, "disclosure.released", by, now, bundle_hash=order.bundle_hash)
    return text


def of_reference(reference: str) -> AuthorityDisclosure:
    """Raises OrderUnknown."""
    order = AuthorityDisclosure.objects.filter(reference=reference.strip().upper()).first()
    if order is None:
        raise OrderUnknown("No disclosure has this reference. Check it.")
    return order


def kept_secret(people: Iterable[str]) -> bool:
    """Whether an order forbids telling these people, named by keyed hash, that something was given out."""
    return AuthorityDisclosure.objects.filter(person__in=people, secret_until__gte=TruncDate(Now())).exists()


def forget(subject: Subject, *, now: datetime) -> int:
    """Takes back what is not given out about a person who is erased; returns how many."""
    return going_on_about(subject).update(state="withdrawn", subject=None, decided_by="system", decided_at=now)


def going_on_about(subject: Subject) -> QuerySet[AuthorityDisclosure]:
    """Those that still lead to the person."""
    return AuthorityDisclosure.objects.filter(person__in=people_of(subject), subject__isnull=False)


def people_of(subject: Subject) -> list[str]:
    """The keyed hashes under which something may have been given out about the person."""
    people = [pseudonym("user", subject.user_id)] if subject.user_id else []
    return [*people, pseudonym("phone", subject.phone_e164)] if subject.phone_e164 else people


def _person(subject: Subject) -> str:
    return pseudonym("user", subject.user_id) if subject.user_id else pseudonym("phone", subject.phone_e164)


def counts_now(order: AuthorityDisclosure) -> dict[str, int]:
    """How much of each kind is held as things stand; how much it was when it was prepared, once it is over."""
    return _counts(Subject.from_json(order.subject), order.elements) if order.subject else dict(order.counts)


def whose(order: AuthorityDisclosure) -> str:
    """The e-mail of the account or the number, for whoever approves it; "" once it is over."""
    if not order.subject:
        return ""
    subject = Subject.from_json(order.subject)
    return subject.contact if subject.user_id else subject.phone_e164


def _counts(subject: Subject, elements: Sequence[str]) -> dict[str, int]:
    return {element: count for element, count in found(subject).items() if element in elements}


def _digest(order: AuthorityDisclosure, subject: Subject, counts: dict[str, int]) -> str:
    until = order.secret_until.isoformat() if order.secret_until else None
    # Giving it out is counted as a disclosure itself, which changes nothing that was approved.
    kinds = counts.keys() - {"disclosure"}
    return digest_of(subject, kinds, order.order_id, order.authority, order.legal_basis, until, order.elements)


def _approved(reference: str) -> tuple[AuthorityDisclosure, Subject]:
    """Raises OrderUnknown, OrderOver, NothingPrepared, PreviewChanged."""
    order = _going_on(reference)
    if order.state != "approved":
        raise NothingPrepared("Nobody has approved it yet. Ask somebody else than who prepared it.")
    return order, _still_the_same(order)


def _still_the_same(order: AuthorityDisclosure) -> Subject:
    """Raises PreviewChanged."""
    subject = subject_anew(Subject.from_json(order.subject))
    if _digest(order, subject, _counts(subject, order.elements)) != order.digest:
        raise PreviewChanged("What is held has changed since it was prepared. Take it back and prepare it anew.")
    return subject


def _written(order: AuthorityDisclosure, bundle: dict[str, Any]) -> str:
    head = {"reference": order.reference, "order_id": order.order_id, "authority": order.authority}
    head |= {"legal_basis": order.legal_basis}
    return json.dumps({**head, **bundle}, ensure_ascii=False, indent=2)


def _going_on(reference: str) -> AuthorityDisclosure:
    """Raises OrderUnknown, OrderOver."""
    order = AuthorityDisclosure.objects.select_for_update().get(id=of_reference(reference).id)
    if order.state in ("released", "withdrawn"):
        raise OrderOver("It was given out or taken back. Prepare another for what is new.")
    return order


def _audit(order: AuthorityDisclosure, action: PersonalAction, by: str, now: datetime, **detail: str) -> None:
    audit.record(workspace_id=None, actor_ref=by, action=action, target=order.reference, detail=detail, now=now)
