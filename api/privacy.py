"""Each person's own data: see, take away, erase."""

from typing import Annotated, Any

from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from api.auth import actor_of, anyone_auth, person_auth
from api.streaming import A_COPY, downloaded, name_of_copy
from compliance import access, cases, jurisdictions, listing, queries, receipts, requests
from compliance.schemas import (
    AskIn,
    ConsentsOut,
    DisclosuresOut,
    ErasureIn,
    ErasurePreviewOut,
    ErasureReceiptOut,
    ErasureStateOut,
    ExpiringListOut,
    HeldListOut,
    HeldPage,
    LawOut,
    OwnCasesOut,
    ReceiptCheckedOut,
    ReceiptShownIn,
    RequestOut,
)
from compliance.stores import Subject
from identity import expiring as workspace_data
from identity import step_up
from identity.contact import country_of
from identity.personal_data import subject_of
from processors.errors import DomainError
from processors.pseudonyms import pseudonym

router = Router(tags=["privacy"], auth=person_auth)
PROBLEMS: dict[type[DomainError], int] = {
    requests.ConfirmationMismatch: 422,
    requests.RequestAlreadyOpen: 409,
    requests.NotCancellable: 409,
    requests.ReceiptUnknown: 404,
    cases.TooManyWishes: 429,
    listing.KindNotListed: 404,
}
# Of the inventory of data.
Element = Annotated[str, Query(max_length=40)]


@router.get("/privacy/held", response=HeldListOut, operation_id="list_held_data")
def held(request: HttpRequest) -> HeldListOut:
    return queries.held(subject=_subject(request))


@router.get("/privacy/held/things", response=HeldPage, operation_id="list_held_things")
def held_things(
    request: HttpRequest, element: Element, cursor: Annotated[str | None, Query(max_length=200)] = None
) -> HeldPage:
    """What is held of one kind, the newest first. element: as in the list of what is held."""
    return listing.page(subject=_subject(request), element=element, cursor=cursor, now=timezone.now())


@router.get("/privacy/expiring", response=ExpiringListOut, operation_id="list_expiring_data")
def expiring(request: HttpRequest) -> ExpiringListOut:
    """What of the workspace is removed today and in the next days, because its term is over."""
    return workspace_data.expiring(actor=actor_of(request), now=timezone.now())


@router.get("/privacy/disclosures", response=DisclosuresOut, operation_id="list_disclosures")
def disclosures(request: HttpRequest) -> DisclosuresOut:
    return queries.disclosures(subject=_subject(request))


@router.get("/privacy/consents", response=ConsentsOut, operation_id="list_consents")
def consents(request: HttpRequest) -> ConsentsOut:
    return queries.consents(user_id=actor_of(request).user_id)


@router.get(
    "/privacy/export",
    operation_id="export_personal_data",
    openapi_extra=A_COPY,
)
def export(request: HttpRequest, as_page: bool = False) -> StreamingHttpResponse:
    """Everything that is held about the person, written while it is read: how much it is does not matter to memory. as_page: a page to
    be read, in the place of JSON."""
    held = access.export(subject=_subject(request), now=timezone.now(), as_page=as_page)
    return downloaded(held, filename=name_of_copy(as_page=as_page))


@router.get("/privacy/erasure/preview", response=ErasurePreviewOut, operation_id="preview_erasure")
def preview(request: HttpRequest) -> ErasurePreviewOut:
    return queries.erasure_preview(subject=_subject(request))


@router.get("/privacy/erasure", response=ErasureStateOut, operation_id="get_erasure")
def erasure(request: HttpRequest) -> ErasureStateOut:
    return queries.erasure_state(person=_person(request), now=timezone.now())


@router.post("/privacy/erasure", response={202: RequestOut}, operation_id="request_erasure")
def request_erasure(request: HttpRequest, form: ErasureIn) -> Any:
    now = timezone.now()
    step_up.demand_recent(actor=actor_of(request), now=now)
    opened = requests.open_erasure(subject=_subject(request), confirm=form.confirm, at_once=form.when == "now", now=now)
    return Status(202, queries.request_out(opened, now=now))


@router.post("/privacy/erasure/cancel", response=RequestOut, operation_id="cancel_erasure")
def cancel_erasure(request: HttpRequest) -> RequestOut:
    now = timezone.now()
    return queries.request_out(requests.cancel_erasure(person=_person(request), now=now), now=now)


@router.get("/privacy/cases", response=OwnCasesOut, operation_id="list_own_cases")
def own_cases(request: HttpRequest) -> OwnCasesOut:
    return OwnCasesOut(items=queries.own_cases(person=_person(request)))


@router.get("/privacy/law", response=LawOut, operation_id="get_own_law")
def own_law(request: HttpRequest) -> LawOut:
    """What the law of the country of the person's number gives; we offer all of it to everybody."""
    law = jurisdictions.of_country(country_of(_subject(request).phone_e164))
    return LawOut(name=law.name, law=law.law, gives=sorted(law.gives), complaint=law.complaint)


@router.post("/privacy/cases", response={201: OwnCasesOut}, operation_id="open_own_case")
def open_case(request: HttpRequest, form: AskIn) -> Any:
    """Takes a wish for a person to answer, by mail and within its last day."""
    subject, now = _subject(request), timezone.now()
    cases.ask(user_id=actor_of(request).user_id, kind=form.kind, words=form.words, contact=subject.contact, now=now)
    return Status(201, own_cases(request))


@router.post(
    "/erasure-receipts/check", auth=anyone_auth, response=ReceiptCheckedOut, operation_id="check_erasure_receipt"
)
def check_receipt(request: HttpRequest, shown: ReceiptShownIn) -> ReceiptCheckedOut:
    """Whether a signed receipt that somebody shows is ours and unchanged."""
    return ReceiptCheckedOut(genuine=receipts.is_ours(shown.text, shown.signature))


def _person(request: HttpRequest) -> str:
    return pseudonym("user", actor_of(request).user_id)


def _subject(request: HttpRequest) -> Subject:
    return subject_of(actor_of(request).user_id)


@router.get("/erasure-receipts/{token}", auth=None, response=ErasureReceiptOut, operation_id="get_erasure_receipt")
def receipt(request: HttpRequest, token: str) -> ErasureReceiptOut:
    return queries.receipt_of(token)
