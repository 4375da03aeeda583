"""Doing what a case asks for, where that reaches calls and leads; and deletions by two of us."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar, Final

from django.db import transaction

from compliance import cases, second_person
from compliance.cases import Outcome
from compliance.models import Case
from compliance.redaction import redact_cards
from compliance.stores import Subject
from identity import account_name, case_links, opt_out
from identity.contact import parse_mobile
from identity.models import User
from identity.personal_data import subject_of
from identity.staff import people_named
from identity.staff.desk_schemas import TextLossOut
from processors.errors import DomainError
from processors.pseudonyms import pseudonym
from voice import callee, following, holding, restricting
from voice.models import Lead
from voice.text_loss import of_phone as lost_of_phone

# After either nothing is used until somebody decides; who objects and was called is never called again.
_RESTRICTING: Final = frozenset({"restriction", "objection"})


class CaseWaitsForTexts(DomainError):
    """The person asked for no text messages, and may still get some."""

    code: ClassVar[str] = "case_waits_for_texts"


class LossUnconfirmed(DomainError):
    """Nobody has said that whoever asked knows what is lost with the text messages."""

    code: ClassVar[str] = "loss_unconfirmed"


class NotCarriedOutHere(DomainError):
    """Nothing that the desk could do by itself belongs to this kind of case."""

    code: ClassVar[str] = "not_carried_out_here"


class NothingCorrected(DomainError):
    """What was typed is what is held already, or nothing is held that it could correct."""

    code: ClassVar[str] = "nothing_corrected"


class PersonNotLinked(DomainError):
    """It is not known whose data is meant, or the number typed is not the one that was proved."""

    code: ClassVar[str] = "person_not_linked"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is right; "" leaves what is held. company: of people who were called."""

    first_name: str = ""
    last_name: str = ""
    company: str = ""


def carry_out(*, reference: str, number: str, by: str, now: datetime, confirmed: bool = False) -> Case:
    """Does what the case asks for: mails the copy of an account, restricts, stops all calls as well, stops text messages, or prepares
    a deletion for a second person.

    number: the one that was proved, where the case does not keep it; "" otherwise. confirmed: that whoever asked knows what is lost
    with the text messages.
    Raises CaseUnknown, CaseClosed, CaseUnproved, CaseWaitsForErasure, MobileInvalid, NotCarriedOutHere, PersonNotLinked,
    PreparedAlready, AddressUnproved, LossUnconfirmed.
    """
    typed = parse_mobile(number) if number.strip() else ""
    with transaction.atomic():
        _lock_calls(cases.of_reference(reference), typed)
        case = cases.locked_open(reference)
        if case.proved_at is None:
            raise cases.CaseUnproved("Nobody has proved who asks. Prove it first.")
        if case.kind == "deletion":
            second_person.prepare(case=case, subject=_subject(case, typed), by=by, now=now)
        elif case.kind == "access" and case.user_id is not None:
            case_links.mail_copy(case, user_id=case.user_id, by=by, now=now)
        elif case.kind in _RESTRICTING:
            # The number on which it rests has to be the person's.
            phone = _subject(case, typed).phone_e164 if case.user_id is None else ""
            done = "Everything is used for nothing now."
            if case.kind == "objection" and phone:
                callee.stop_calls(phone, None, now)
                done += " All calls to the number are stopped."
            restricting.restrict(case=case, by=by, now=now, phone_e164=phone)
            cases.add_entry(case, kind="change", author=by, text=done, now=now)
        elif case.kind == "opt_out":
            _stop_texts(case, typed, confirmed, by, now)
        else:
            raise NotCarriedOutHere("Nothing is done by itself for this kind. Do it by hand, then close the case.")
        return cases.resume(reference=reference, by=by, now=now)


def _stop_texts(case: Case, typed: str, confirmed: bool, by: str, now: datetime) -> None:
    mobile = _subject(case, typed).phone_e164
    if not confirmed:
        raise LossUnconfirmed("Read what will be lost to whoever asked, then confirm that it is wanted.")
    opt_out.stop_number(mobile_e164=mobile, way="support", now=now, by=by)
    cases.add_entry(case, kind="change", author=by, text="Text messages to the phone are stopped.", now=now)


def text_loss(*, reference: str, number: str, by: str, now: datetime) -> list[TextLossOut]:
    """What whoever asked will not reach any more once the text messages are stopped; that it was read is written down.

    Raises CaseUnknown, CaseUnproved, MobileInvalid, NotCarriedOutHere, PersonNotLinked.
    """
    typed = parse_mobile(number) if number.strip() else ""
    case = cases.read(reference=reference, by=by, now=now)
    if case.proved_at is None:
        raise cases.CaseUnproved("Nobody has proved who asks. Prove it first.")
    if case.kind != "opt_out":
        raise NotCarriedOutHere("This case asks for something else. Change what is wanted first.")
    return lost_of_phone(_subject(case, typed).phone_e164, now=now)


def close(*, reference: str, outcome: Outcome, answer: str, by: str, now: datetime) -> Case:
    """Answers a case; one that asks for no text messages is not done while some may still be sent. Raises CaseWaitsForTexts, and as
    `cases.close` does."""
    with transaction.atomic():
        case = cases.locked_open(reference)
        is_texted = opt_out.may_be_sent(user_id=case.user_id, person=case.person)
        if outcome == "done" and case.kind == "opt_out" and case.proved_at is not None and is_texted:
            raise CaseWaitsForTexts("Text messages may still go to the phone. Stop them first, then answer it.")
        return cases.close(reference=reference, outcome=outcome, answer=answer, by=by, now=now)


def correct(*, reference: str, number: str, facts: Facts, by: str, now: datetime) -> Case:
    """Puts facts about the person of a case right: the account's name, or what every customer keeps of the number.

    What was made of them follows; the case is answered when nothing holds the old ones any more. An address or a number is changed
    by who has proved the new one. Also where its use is restricted: that may be why.
    Raises CaseUnknown, CaseClosed, CaseUnproved, MobileInvalid, NotCarriedOutHere, PersonNotLinked, NothingCorrected.
    """
    typed = parse_mobile(number) if number.strip() else ""
    with transaction.atomic():
        case = cases.locked_open(reference)
        if case.proved_at is None:
            raise cases.CaseUnproved("Nobody has proved who asks. Prove it first.")
        if case.kind != "correction":
            raise NotCarriedOutHere("This case asks for something else. Change what is wanted first.")
        begun = case.corrections.count()
        if case.user_id is not None:
            _correct_account(User.objects.get(id=case.user_id), case, facts, by, now)
        else:
            _correct_leads(case, _subject(case, typed).phone_e164, facts, now)
        if case.corrections.count() == begun:
            raise NothingCorrected("Nothing is held that this would change. Check it for a typing mistake.")
        cases.add_entry(case, kind="change", author=by, text="Put right. What was made of it follows.", now=now)
        cases.note_act(case, "correction.made", by, now)
        return cases.resume(reference=reference, by=by, now=now)


def _correct_account(user: User, case: Case, facts: Facts, by: str, now: datetime) -> None:
    account_name.change(
        user_id=user.id,
        first_name=facts.first_name or user.first_name,
        last_name=facts.last_name or user.last_name,
        by=by,
        now=now,
        case=case,
    )


def _correct_leads(case: Case, phone_e164: str, facts: Facts, now: datetime) -> None:
    leads = Lead.objects.get_queryset().filter(phone_e164=phone_e164, erased_at__isnull=True)
    for lead in leads.select_for_update().order_by("id"):
        holding.keep_lead(lead, now=now)
        before = following.facts_of(lead)
        for fact, value in asdict(facts).items():
            if value:
                setattr(lead, fact, redact_cards(value))
        lead.save(update_fields=list(asdict(facts)))
        following.begin(lead, before, now=now, case=case)


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
    if case.kind in _RESTRICTING:
        restricting.lock_calls(user_id=case.user_id, phone_e164=typed or case.contact)


def _subject(case: Case, typed: str) -> Subject:
    """Raises PersonNotLinked."""
    if case.user_id is not None:
        return subject_of(case.user_id)
    phone = typed or case.contact
    if not phone.startswith("+") or case.person != pseudonym("phone", phone):
        raise PersonNotLinked(
            "It is not known whose data is meant: no account, and not the number that was proved. Ask whoever wrote for it."
        )
    return callee.subject_of_number(phone)


def subject_named(typed: str, *, now: datetime) -> Subject:
    """The person behind an account's whole e-mail, or behind a number that was called. Raises AccountUnknown, MobileInvalid."""
    named = people_named.whose(typed, now=now)
    return subject_of(named.user_id) if named.user_id else callee.subject_of_number(named.phone_e164)
