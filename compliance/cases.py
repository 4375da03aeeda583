"""What people ask about their data, as cases: opening, joining, proving who asks, pausing, answering."""

import secrets
from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet

from compliance import audit, case_mails
from compliance.audit import PersonalAction
from compliance.case_models import RANKS, Case, CaseEntry
from compliance.deadlines import deadline
from compliance.models import NomineeGrant, Request
from compliance.redaction import redact_cards
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

Kind = Literal[
    "access",
    "correction",
    "deletion",
    "restriction",
    "objection",
    "withdrawal",
    "nominee",
    "grievance",
    "opt_out",
    "unsorted",
]
Channel = Literal["privacy_centre", "mail", "callee_page", "nominee_page", "support"]
Proof = Literal["session", "passcode", "link", "mailbox", "support"]
Outcome = Literal["done", "refused", "taken_back", "erased"]
OPERATOR: Final = "operator"
# Wishes of one person that wait at the same time; more would hide those of others from whoever answers.
OPEN_WISHES_MAX: Final = 10
TEXT_CHARACTERS_MAX: Final = 20_000
REASON_CHARACTERS_MAX: Final = 200
# Without letters and digits that are taken for one another.
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class CaseUnknown(DomainError):
    """No case has this reference. Check it."""

    code: ClassVar[str] = "case_unknown"


class CaseClosed(DomainError):
    """The case was answered; nothing about it changes any more."""

    code: ClassVar[str] = "case_closed"


class CaseUnproved(DomainError):
    """Nobody has proved who asks, so no answer that says anything may leave."""

    code: ClassVar[str] = "case_unproved"


class CaseWaitsForErasure(DomainError):
    """The erasure that fulfils the case goes on; it closes the case itself."""

    code: ClassVar[str] = "case_waits_for_erasure"


class CaseWaitsForCorrection(DomainError):
    """What was made of the corrected facts does not follow yet; passes by itself."""

    code: ClassVar[str] = "case_waits_for_correction"
    retryable: ClassVar[bool] = True


class TooManyWishes(DomainError):
    """So many wishes of the person wait already that one more is not taken; passes when they are answered."""

    code: ClassVar[str] = "too_many_wishes"
    retryable: ClassVar[bool] = True


class ReasonMissing(DomainError):
    """A pause or a decision has to say why."""

    code: ClassVar[str] = "reason_missing"


def open_case(
    *,
    kind: Kind,
    channel: Channel,
    person: str,
    now: datetime,
    contact: str = "",
    user_id: UUID | None = None,
    words: str = "",
    proof: Proof | None = None,
    erasure: Request | None = None,
    by: str | None = None,
) -> Case:
    """Takes a wish; its clock runs from now.

    person: keyed hash of the account, number or address. words: the person's own, if there are any. proof: how the person
    was recognised, None while nobody knows. by: who writes it down, if not the person.
    Another open case of the same person and kind is answered together with this one.
    """
    with transaction.atomic():
        _line_up(person)
        case = Case.objects.create(
            reference=_reference(),
            kind=kind,
            channel=channel,
            state="verified" if proof else "received",
            user_id=user_id,
            person=person,
            contact=contact,
            opened_at=now,
            due_on=deadline(now.date()),
            proved_at=now if proof else None,
            proved_by=proof or "",
            joined_to=_first_of(person, kind, contact),
            erasure=erasure,
        )
        if words:
            add_entry(case, kind="words", author="requester", text=words, now=now)
        note_act(case, "case.opened", by or _requester(case), now, kind=kind, channel=channel)
        if case.joined_to_id:
            note_act(case, "case.joined", by or _requester(case), now, to=str(case.joined_to_id))
    return case


def demand_room(*, person: str) -> None:
    """In the transaction that opens the case: wishes of a person that come at once are counted one after the other. Raises TooManyWishes."""
    _line_up(person)
    if Case.objects.filter(person=person).exclude(state="closed").count() >= OPEN_WISHES_MAX:
        raise TooManyWishes("Ten wishes of yours wait for an answer. Wait for it, or write to support@klosesales.com.")


def ask(*, user_id: UUID, kind: Kind, words: str, contact: str, now: datetime) -> Case:
    """Takes a wish of somebody who is signed in, for a person to answer. contact: the account's e-mail, for the answer.

    Raises TooManyWishes.
    """
    person = pseudonym("user", user_id)
    with transaction.atomic():
        demand_room(person=person)
        return open_case(
            kind=kind,
            channel="privacy_centre",
            person=person,
            user_id=user_id,
            contact=contact,
            words=words,
            proof="session",
            now=now,
        )


def add_entry(
    case: Case,
    *,
    kind: str,
    author: str,
    text: str,
    now: datetime,
    message_key: str | None = None,
    thread_key: str = "",
) -> CaseEntry:
    """A line of the case, without card numbers. Within the caller's transaction."""
    return CaseEntry.objects.create(
        case=case,
        at=now,
        kind=kind,
        author=author,
        text=redact_cards(text)[:TEXT_CHARACTERS_MAX],
        message_key=message_key,
        thread_key=thread_key,
    )


def note(*, reference: str, text: str, by: str, now: datetime) -> Case:
    """Keeps a note for whoever reads the case next. Raises CaseUnknown, ReasonMissing."""
    with transaction.atomic():
        case = locked(reference)
        add_entry(case, kind="note", author=by, text=reason_given(text), now=now)
        note_act(case, "case.noted", by, now)
    return case


def sort(*, reference: str, kind: Kind, by: str, now: datetime) -> Case:
    """Says what the person wants; the clock goes on. Raises CaseUnknown, CaseClosed, CaseWaitsForErasure.

    A nominee's link shows who acts for a person, not that the person asks: for anything else it proves nothing.
    """
    with transaction.atomic():
        case = locked_open(reference)
        _refuse_while_erased(case)
        note_act(case, "case.sorted", by, now, kind=kind, was=case.kind)
        case.kind = kind
        if case.proved_by == "link" and kind != "nominee":
            case.proved_at, case.proved_by = None, ""
            case.user_id, case.person = None, pseudonym("email", case.contact)
        _withdraw_prepared(case, by, now)
        _join(case, by, now)
        case.save(update_fields=["kind", "joined_to", "proved_at", "proved_by", "user_id", "person"])
    return case


def prove(*, reference: str, by: str, now: datetime, user_id: UUID | None = None, phone_e164: str = "") -> Case:
    """Notes that support has recognised who asks, and whose data is meant: an account or a number, if either is known.

    Raises CaseUnknown, CaseClosed, CaseWaitsForErasure.
    """
    with transaction.atomic():
        case = locked_open(reference)
        _refuse_while_erased(case)
        if user_id is not None:
            case.user_id, case.person = user_id, pseudonym("user", user_id)
        elif phone_e164:
            case.user_id, case.person = None, pseudonym("phone", phone_e164)
        _proved(case, "support", by, now)
    return case


def prove_by_mailbox(case: Case, *, user_id: UUID, email: str, now: datetime) -> None:
    """Notes that whoever reads the mails of an account has said that the case is theirs. From now on it is written to that address, since
    another may have been a stranger's. case: locked by the caller, in whose transaction this is.
    """
    case.user_id, case.person, case.contact = user_id, pseudonym("user", user_id), email
    _proved(case, "mailbox", str(user_id), now)


def _proved(case: Case, proof: Proof, by: str, now: datetime) -> None:
    case.proved_at, case.proved_by = now, proof
    _withdraw_prepared(case, by, now)
    _advance(case, "verified")
    _join(case, by, now)
    case.save()
    note_act(case, "case.proved", by, now)


def take(*, reference: str, by: str, now: datetime) -> Case:
    """Says who works on it from now on, also where that was somebody else. Raises CaseUnknown, CaseClosed."""
    with transaction.atomic():
        case = locked_open(reference)
        case.taken_by = by
        case.save(update_fields=["taken_by"])
        note_act(case, "case.taken", by, now)
    return case


def pause(*, reference: str, reason: str, by: str, now: datetime) -> Case:
    """Notes what the case waits for. The last day for the answer stays: it was promised from the day that the wish came.

    Raises CaseUnknown, CaseClosed, ReasonMissing.
    """
    with transaction.atomic():
        case = locked_open(reference)
        case.paused_at, case.pause_reason = now, redact_cards(reason_given(reason))[:REASON_CHARACTERS_MAX]
        case.save(update_fields=["paused_at", "pause_reason"])
        add_entry(case, kind="change", author=by, text=f"Paused: {case.pause_reason}", now=now)
        note_act(case, "case.paused", by, now)
    return case


def resume(*, reference: str, by: str, now: datetime) -> Case:
    """Goes on with a paused case; of one that is not paused it says that it is worked on. Raises CaseUnknown, CaseClosed."""
    with transaction.atomic():
        case = locked_open(reference)
        case.paused_at, case.pause_reason = None, ""
        if case.proved_at:
            _advance(case, "working")
        case.save(update_fields=["paused_at", "pause_reason", "state"])
        note_act(case, "case.resumed", by, now)
    return case


def close(*, reference: str, outcome: Outcome, answer: str, by: str, now: datetime, is_told: bool = False) -> Case:
    """Answers the case and those joined to it whose requesters proved themselves; the others go on, each by itself.

    answer: mailed to requesters who gave an address; for nobody else's eyes, so only to those who proved themselves. is_told: they
    were told already, before a backup was restored.
    Raises CaseUnknown, CaseClosed, CaseUnproved, CaseWaitsForErasure, CaseWaitsForCorrection, ReasonMissing.
    """
    with transaction.atomic():
        case = locked_open(reference)
        text = reason_given(answer)
        if case.proved_at is None and outcome == "done":
            raise CaseUnproved("Nobody has proved who asks. Prove it first, or close the case as refused.")
        _refuse_while_erased(case)
        if outcome == "done" and case.corrections.filter(done_at__isnull=True).exists():
            raise CaseWaitsForCorrection(
                "Something still holds what was corrected. It follows by itself; answer it then."
            )
        joined = case.joined.select_for_update(of=("self",)).filter(proved_at__isnull=False).exclude(state="closed")
        for each in [case, *joined.exclude(erasure__state__in=Request.OPEN_STATES)]:
            _close(each, outcome, by, now)
            add_entry(each, kind="change", author=by, text=f"Answered ({outcome}): {text}", now=now)
            if each.proved_at and "@" in each.contact and not is_told:
                case_mails.queue(each, template="answered", to=each.contact, text=redact_cards(text), now=now)
        case.joined.exclude(state="closed").update(joined_to=None)
    return case


def erasure_ended(*, request: Request, outcome: Literal["done", "taken_back"], now: datetime) -> None:
    """Closes the case that an erasure fulfilled, or whose erasure was taken back. Within the erasure's transaction."""
    for case in Case.objects.select_for_update(of=("self",)).filter(erasure=request).exclude(state="closed"):
        _close(case, outcome, "system" if outcome == "done" else _requester(case), now)
        case.joined.exclude(state="closed").update(joined_to=None)


def empty(case: Case, *, now: datetime) -> None:
    """Removes from a case who asked and what was written; what was done and when stays.

    One that is open is over with that, but for the one whose erasure is going on.
    """
    with transaction.atomic():
        if case.is_open and case.erasure_id is None:
            _close(case, "erased", "system", now)
        case.entries.all().delete()
        case.mails.all().delete()
        case.corrections.all().delete()
        case.grants.all().delete()
        case.links.all().delete()
        # By now it may be proved and worked on as it was; nothing but these columns is written.
        Case.objects.filter(id=case.id).update(contact="", user_id=None, emptied_at=now)


def of_reference(reference: str) -> Case:
    """Raises CaseUnknown."""
    case = Case.objects.filter(reference=reference.strip().upper()).first()
    if case is None:
        raise CaseUnknown("No case has this reference. Check it.")
    return case


def read(*, reference: str, by: str, now: datetime) -> Case:
    """The case for a person of support; that it was read is written down. Raises CaseUnknown."""
    case = of_reference(reference)
    note_act(case, "case.read", by, now)
    return case


def locked(reference: str) -> Case:
    """The case, locked until the transaction ends, answered or not. Raises CaseUnknown."""
    return Case.objects.select_for_update(of=("self",)).get(id=of_reference(reference).id)


def locked_open(reference: str) -> Case:
    """The case, locked until the transaction ends. Raises CaseUnknown, CaseClosed."""
    case = locked(reference)
    if not case.is_open:
        raise CaseClosed("This case was answered. Open another for what is new.")
    return case


def _refuse_while_erased(case: Case) -> None:
    """Raises CaseWaitsForErasure."""
    if case.erasure is not None and case.erasure.state in Request.OPEN_STATES:
        raise CaseWaitsForErasure("Wait for its erasure, which goes on and closes the case when it is done.")


def _close(case: Case, outcome: Outcome, by: str, now: datetime) -> None:
    case.state, case.outcome, case.closed_at = "closed", outcome, now
    case.paused_at, case.pause_reason = None, ""
    case.save(update_fields=["state", "outcome", "closed_at", "paused_at", "pause_reason"])
    # A copy that was granted is fetched after the answer.
    _withdraw_prepared(case, by, now, granted=outcome != "done")
    note_act(case, "case.closed", by, now, outcome=outcome)


def _withdraw_prepared(case: Case, by: str, now: datetime, *, granted: bool = True) -> None:
    """What was prepared for another wish or another person is not to be approved any more, nor granted: no link opens a copy."""
    case_mails.end_links(case, kinds=("proof", "copy") if granted else ("proof",))
    case.deletions.filter(state="waiting").update(state="withdrawn", subject=None, decided_by=by, decided_at=now)
    withdraw_grants(case.grants.filter(state__in=["waiting", "approved"] if granted else ["waiting"]), by=by, now=now)


def withdraw_grants(grants: QuerySet[NomineeGrant], *, by: str, now: datetime) -> int:
    """Takes back what of these waits for approval, and links to copies that nobody has opened. Returns how many."""
    usable = Q(state="waiting") | (Q(state="approved", used_at__isnull=True) & ~Q(link_hash=""))
    return grants.filter(usable).update(state="withdrawn", decided_by=by, decided_at=now, link_hash="", link_until=None)


def _advance(case: Case, state: str) -> None:
    """A case never goes back, in whatever order its news come."""
    if RANKS[state] > RANKS[case.state]:
        case.state = state


def _join(case: Case, by: str, now: datetime) -> None:
    first = _first_of(case.person, case.kind, case.contact, but=case)
    if first is not None and not case.joined.exists() and case.joined_to_id != first.id:
        case.joined_to = first
        note_act(case, "case.joined", by, now, to=str(first.id))


def _first_of(person: str, kind: str, contact: str, but: Case | None = None) -> Case | None:
    """The oldest open case of the person and kind that is joined to none itself. What nobody has sorted is joined to none.

    Of a person's nominees each is answered alone: what one is told is not for the other, nor for the person.
    """
    if kind == "unsorted":
        return None
    same = Case.objects.filter(person=person, kind=kind, joined_to__isnull=True).exclude(state="closed")
    same = same.filter(contact=contact) if kind == "nominee" else same
    others = same if but is None else same.exclude(id=but.id)
    return others.order_by("opened_at", "id").first()


def _line_up(person: str) -> None:
    """Two wishes of one person that come at once are taken one after the other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"case:{person}"])


def _reference() -> str:
    blocks = ("".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(3))
    return "KS-" + "-".join(blocks)


def reason_given(text: str) -> str:
    """The text without blanks around it. Raises ReasonMissing when nothing is left."""
    if not text.strip():
        raise ReasonMissing("Say it in a few words: whoever reads the case later has nothing else.")
    return text.strip()


def _requester(case: Case) -> str:
    return str(case.user_id) if case.user_id else "requester"


def note_act(case: Case, action: PersonalAction, by: str, now: datetime, **detail: str) -> None:
    """Into the audit log, within the caller's transaction. detail: nothing of the person."""
    audit.record(workspace_id=None, actor_ref=by, action=action, target=str(case.id), detail=detail, now=now)
