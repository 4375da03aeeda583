"""Doing what a case asks for, where that reaches calls and leads; and deletions by two of us."""

from datetime import datetime
from typing import ClassVar

from django.db import transaction

from compliance import cases, second_person
from compliance.models import Case
from compliance.stores import Subject
from identity.contact import parse_mobile
from identity.personal_data import subject_of
from identity.staff import people_named
from processors.errors import DomainError
from processors.pseudonyms import pseudonym
from voice import callee, restricting


class NotCarriedOutHere(DomainError):
    """Nothing that the desk could do by itself belongs to this kind of case."""

    code: ClassVar[str] = "not_carried_out_here"


class PersonNotLinked(DomainError):
    """It is not known whose data is meant, or the number typed is not the one that was proved."""

    code: ClassVar[str] = "person_not_linked"


def carry_out(*, reference: str, number: str, by: str, now: datetime) -> Case:
    """Does what the case asks for: restricts, stops all calls, or prepares a deletion for a second person.

    number: the one that was proved, where the case does not keep it; "" otherwise.
    Raises CaseUnknown, CaseClosed, CaseUnproved, CaseWaitsForErasure, MobileInvalid, NotCarriedOutHere, PersonNotLinked,
    PreparedAlready.
    """
    typed = parse_mobile(number) if number.strip() else ""
    with transaction.atomic():
        _lock_calls(cases.of_reference(reference), typed)
        case = cases.locked_open(reference)
        if case.proved_at is None:
            raise cases.CaseUnproved("Nobody has proved who asks. Prove it first.")
        if case.kind == "deletion":
            second_person.prepare(case=case, subject=_subject(case, typed), by=by, now=now)
        elif case.kind == "restriction":
            # The number on which it rests has to be the person's.
            phone = _subject(case, typed).phone_e164 if case.user_id is None else ""
            restricting.restrict(case=case, by=by, now=now, phone_e164=phone)
            cases.add_entry(case, kind="change", author=by, text="Everything is used for nothing now.", now=now)
        elif case.kind == "objection" and case.user_id is None:
            callee.stop_calls(_subject(case, typed).phone_e164, None, now)
            cases.add_entry(case, kind="change", author=by, text="All calls to the number are stopped.", now=now)
        else:
            raise NotCarriedOutHere("Nothing is done by itself for this kind. Do it by hand, then close the case.")
        return cases.resume(reference=reference, by=by, now=now)


def approve(*, reference: str, seen: str, by: str, now: datetime) -> Case:
    """Begins a prepared deletion, as the second person. Nobody calls a number that is erased from now on.

    seen: the digest of the preview that was shown. Raises CaseUnknown, CaseClosed, NothingPrepared, SamePerson, PreviewChanged,
    RequestAlreadyOpen.
    """
    with transaction.atomic():
        waiting = cases.of_reference(reference).deletions.filter(state="waiting").first()
        if waiting is not None and waiting.subject["kind"] == "callee":
            callee.lock_calls(waiting.subject["phone_e164"], None)
        case = cases.locked_open(reference)
        _, subject = second_person.approve(case=case, seen=seen, by=by, now=now)
        if subject.kind == "callee":
            callee.stop_calls(subject.phone_e164, None, now)
    return case


def _lock_calls(case: Case, typed: str) -> None:
    """Calls before their case, as whoever ends them; what is done behind the case's lock looks for them anew."""
    if case.kind == "restriction":
        restricting.lock_calls(user_id=case.user_id, phone_e164=typed or case.contact)
    elif case.kind == "objection" and case.user_id is None:
        callee.lock_calls(typed or case.contact, None)


def _subject(case: Case, typed: str) -> Subject:
    """Raises PersonNotLinked."""
    if case.user_id is not None:
        return subject_of(case.user_id)
    phone = typed or case.contact
    if not phone.startswith("+") or case.person != pseudonym("phone", phone):
        raise PersonNotLinked("It is not known whose data is meant: no account, and not the number that was proved.")
    return callee.subject_of_number(phone)


def subject_named(typed: str) -> Subject:
    """The person behind an account's whole e-mail, or behind a number that was called. Raises AccountUnknown, MobileInvalid."""
    named = people_named.whose(typed)
    return subject_of(named.user_id) if named.user_id else callee.subject_of_number(named.phone_e164)
