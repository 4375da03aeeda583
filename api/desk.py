"""The desk of our own people: what people ask about their data, from the queue to the answer."""

from typing import Annotated, Final

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path, Query, Router, Status

from api.auth import StaffMayAuth, staff_of
from compliance import case_replies, cases, nominee_grants, requests, restriction, second_person
from compliance.models import Case
from identity import case_links, contact, nominees
from identity.staff import desk_queries, opened_cases, people_named
from identity.staff.desk_schemas import (
    ApproveGrantIn,
    ApproveIn,
    CarryOutIn,
    CloseIn,
    CorrectIn,
    DeskCasePageOut,
    DeskQueuePage,
    GrantIn,
    NoteIn,
    OpenCaseIn,
    ProofLinkIn,
    ProveIn,
    ReasonIn,
    ReplyIn,
    Show,
    SortIn,
    TextLossIn,
    TextLossOut,
)
from identity.staff.permissions import StaffNotPermitted
from processors.errors import DomainError
from voice import carrying_out, restricting

answers, decides = StaffMayAuth("answer"), StaffMayAuth("decide")
router = Router(tags=["desk"], auth=answers)
PROBLEMS: Final[dict[type[DomainError], int]] = {
    StaffNotPermitted: 403,
    case_links.AddressUnproved: 409,
    case_replies.CaseHasNoAddress: 409,
    cases.CaseClosed: 409,
    cases.CaseUnknown: 404,
    cases.CaseUnproved: 409,
    cases.CaseWaitsForCorrection: 409,
    cases.CaseWaitsForErasure: 409,
    cases.ReasonMissing: 422,
    carrying_out.CaseWaitsForTexts: 409,
    carrying_out.LossUnconfirmed: 409,
    carrying_out.NotCarriedOutHere: 409,
    carrying_out.NothingCorrected: 409,
    carrying_out.PersonNotLinked: 409,
    contact.EmailInvalid: 422,
    contact.MobileInvalid: 422,
    nominee_grants.NothingGranted: 422,
    nominee_grants.NotOfNominee: 409,
    people_named.AccountUnknown: 422,
    requests.NotCancellable: 409,
    requests.RequestAlreadyOpen: 409,
    restriction.RestrictionUnknown: 409,
    second_person.NothingPrepared: 409,
    second_person.PreparedAlready: 409,
    second_person.PreviewChanged: 409,
    second_person.SamePerson: 409,
}
Reference = Annotated[str, Path(max_length=40, pattern="^[A-Za-z0-9-]+$")]


def _page(request: HttpRequest, case: Case) -> DeskCasePageOut:
    return desk_queries.page_of(case, actor=staff_of(request), now=timezone.now())


def _by(request: HttpRequest) -> str:
    return staff_of(request).ref


@router.get("/staff/cases", response=DeskQueuePage, operation_id="list_cases")
def list_cases(
    request: HttpRequest, show: Show = "open", cursor: Annotated[str | None, Query(max_length=200)] = None
) -> DeskQueuePage:
    """What waits for an answer, due first; or what was answered, newest first."""
    return desk_queries.queue(actor=staff_of(request), show=show, cursor=cursor, now=timezone.now())


@router.post("/staff/cases", response={201: DeskCasePageOut}, operation_id="open_case")
def open_case(request: HttpRequest, form: OpenCaseIn) -> Status[DeskCasePageOut]:
    """Writes down what somebody asked of us otherwise, such as by telephone."""
    case = opened_cases.open_by_support(
        kind=form.kind, contact=form.contact, words=form.words, by=_by(request), now=timezone.now()
    )
    return Status(201, _page(request, case))


@router.get("/staff/cases/{reference}", response=DeskCasePageOut, operation_id="get_case")
def read_case(request: HttpRequest, reference: Reference) -> DeskCasePageOut:
    """Everything about one case; that it was read is written down."""
    return desk_queries.read(actor=staff_of(request), reference=reference, now=timezone.now())


@router.post("/staff/cases/{reference}/take", response=DeskCasePageOut, operation_id="take_case")
def take_case(request: HttpRequest, reference: Reference) -> DeskCasePageOut:
    return _page(request, cases.take(reference=reference, by=_by(request), now=timezone.now()))


@router.post("/staff/cases/{reference}/sort", response=DeskCasePageOut, operation_id="sort_case")
def sort_case(request: HttpRequest, reference: Reference, form: SortIn) -> DeskCasePageOut:
    """Says what the person wants."""
    return _page(request, cases.sort(reference=reference, kind=form.kind, by=_by(request), now=timezone.now()))


@router.post("/staff/cases/{reference}/prove", response=DeskCasePageOut, operation_id="prove_case")
def prove_case(request: HttpRequest, reference: Reference, form: ProveIn) -> DeskCasePageOut:
    """Notes that we have recognised who asks, and whose data is meant."""
    now = timezone.now()
    named = people_named.whose(form.whose, now=now)
    case = cases.prove(
        reference=reference,
        by=_by(request),
        now=now,
        user_id=named.user_id,
        phone_e164=named.phone_e164,
    )
    return _page(request, case)


@router.post("/staff/cases/{reference}/proof-link", response=DeskCasePageOut, operation_id="mail_proof_link")
def mail_proof_link(request: HttpRequest, reference: Reference, form: ProofLinkIn) -> DeskCasePageOut:
    """Asks the mailbox of an account whether the case is its owner's, who cannot sign in."""
    case = case_links.mail_proof(reference=reference, email=form.email, by=_by(request), now=timezone.now())
    return _page(request, case)


@router.post("/staff/cases/{reference}/pause", response=DeskCasePageOut, operation_id="pause_case")
def pause_case(request: HttpRequest, reference: Reference, form: ReasonIn) -> DeskCasePageOut:
    """Notes what it waits for; the last day for the answer stays."""
    return _page(request, cases.pause(reference=reference, reason=form.reason, by=_by(request), now=timezone.now()))


@router.post("/staff/cases/{reference}/resume", response=DeskCasePageOut, operation_id="resume_case")
def resume_case(request: HttpRequest, reference: Reference) -> DeskCasePageOut:
    return _page(request, cases.resume(reference=reference, by=_by(request), now=timezone.now()))


@router.post("/staff/cases/{reference}/note", response=DeskCasePageOut, operation_id="note_case")
def note_case(request: HttpRequest, reference: Reference, form: NoteIn) -> DeskCasePageOut:
    return _page(request, cases.note(reference=reference, text=form.text, by=_by(request), now=timezone.now()))


@router.post("/staff/cases/{reference}/reply", response=DeskCasePageOut, operation_id="reply_to_case")
def reply_to_case(request: HttpRequest, reference: Reference, form: ReplyIn) -> DeskCasePageOut:
    """Mails a reply of the register; who has not proved who they are gets fixed words alone."""
    case = case_replies.reply(
        reference=reference, key=form.template, words=form.words, by=_by(request), now=timezone.now()
    )
    return _page(request, case)


@router.post(
    "/staff/cases/{reference}/carry-out", response=DeskCasePageOut, auth=decides, operation_id="carry_out_case"
)
def carry_out_case(request: HttpRequest, reference: Reference, form: CarryOutIn) -> DeskCasePageOut:
    """Mails the copy of an account, restricts, stops calls or text messages, or prepares a deletion, which somebody else has to approve."""
    case = carrying_out.carry_out(
        reference=reference, number=form.number, confirmed=form.confirmed, by=_by(request), now=timezone.now()
    )
    return _page(request, case)


@router.post(
    "/staff/cases/{reference}/text-loss",
    response=list[TextLossOut],
    auth=decides,
    operation_id="read_case_text_loss",
)
def read_text_loss(request: HttpRequest, reference: Reference, form: TextLossIn) -> list[TextLossOut]:
    """What is out of reach once text messages are stopped, for whoever asked to hear before."""
    return carrying_out.text_loss(reference=reference, number=form.number, by=_by(request), now=timezone.now())


@router.post("/staff/cases/{reference}/nominee", response=DeskCasePageOut, auth=decides, operation_id="prepare_nominee")
def prepare_nominee(request: HttpRequest, reference: Reference, form: GrantIn) -> DeskCasePageOut:
    """Judges what a nominee has shown, for somebody else to approve."""
    case = nominees.prepare(
        reference=reference,
        evidence=form.evidence,
        access=form.access,
        erasure=form.erasure,
        by=_by(request),
        now=timezone.now(),
    )
    return _page(request, case)


@router.post(
    "/staff/cases/{reference}/nominee/approve",
    response=DeskCasePageOut,
    auth=decides,
    operation_id="approve_nominee",
)
def approve_nominee(request: HttpRequest, reference: Reference, form: ApproveGrantIn) -> DeskCasePageOut:
    """By another than who prepared it. The nominee is mailed a link to the copy; a deletion begins with its grace."""
    return _page(request, nominees.approve(reference=reference, seen=form.seen, by=_by(request), now=timezone.now()))


@router.post(
    "/staff/cases/{reference}/nominee/withdraw",
    response=DeskCasePageOut,
    auth=decides,
    operation_id="withdraw_nominee",
)
def withdraw_nominee(request: HttpRequest, reference: Reference) -> DeskCasePageOut:
    """Takes back what waits for approval, or a link to a copy that nobody has opened."""
    return _page(request, nominees.withdraw(reference=reference, by=_by(request), now=timezone.now()))


@router.post("/staff/cases/{reference}/correct", response=DeskCasePageOut, auth=decides, operation_id="correct_case")
def correct_case(request: HttpRequest, reference: Reference, form: CorrectIn) -> DeskCasePageOut:
    """Puts facts about the person right, and has what was made of them follow."""
    facts = carrying_out.Facts(first_name=form.first_name, last_name=form.last_name, company=form.company)
    case = carrying_out.correct(
        reference=reference, number=form.number, facts=facts, by=_by(request), now=timezone.now()
    )
    return _page(request, case)


@router.post(
    "/staff/cases/{reference}/deletion/approve",
    response=DeskCasePageOut,
    auth=decides,
    operation_id="approve_case_deletion",
)
def approve_deletion(request: HttpRequest, reference: Reference, form: ApproveIn) -> DeskCasePageOut:
    """By another than who prepared it, and of exactly what was previewed."""
    return _page(
        request, carrying_out.approve(reference=reference, seen=form.seen, by=_by(request), now=timezone.now())
    )


@router.post(
    "/staff/cases/{reference}/deletion/withdraw",
    response=DeskCasePageOut,
    auth=decides,
    operation_id="withdraw_case_deletion",
)
def withdraw_deletion(request: HttpRequest, reference: Reference) -> DeskCasePageOut:
    """Takes back what waits for approval."""
    return _page(request, second_person.withdraw(reference=reference, by=_by(request), now=timezone.now()))


@router.post(
    "/staff/cases/{reference}/deletion/take-back",
    response=DeskCasePageOut,
    auth=decides,
    operation_id="take_back_case_deletion",
)
def take_back_deletion(request: HttpRequest, reference: Reference) -> DeskCasePageOut:
    """Cancels an approved deletion while its grace lasts."""
    return _page(request, second_person.take_back(reference=reference, by=_by(request), now=timezone.now()))


@router.post(
    "/staff/cases/{reference}/lift", response=DeskCasePageOut, auth=decides, operation_id="lift_case_restriction"
)
def lift_restriction(request: HttpRequest, reference: Reference, form: ReasonIn) -> DeskCasePageOut:
    """Ends the restriction of the case's person, by a decision that says why."""
    case = cases.of_reference(reference)
    restricting.lift(case=case, reason=form.reason, by=_by(request), now=timezone.now())
    return _page(request, case)


@router.post("/staff/cases/{reference}/close", response=DeskCasePageOut, auth=decides, operation_id="close_case")
def close_case(request: HttpRequest, reference: Reference, form: CloseIn) -> DeskCasePageOut:
    """Answers it, and those joined to it that are proved."""
    case = carrying_out.close(
        reference=reference, outcome=form.outcome, answer=form.answer, by=_by(request), now=timezone.now()
    )
    return _page(request, case)
