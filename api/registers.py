"""The registers that our own people keep: recipients, what authorities demand, breaches."""

from typing import Annotated, Final

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Path, Query, Router, Status

from api.auth import StaffMayAuth, staff_of
from compliance import authorities, breaches, holds
from compliance.models import AuthorityDisclosure, Breach, LegalHold
from identity.staff import register_queries
from identity.staff.desk_schemas import ApproveIn, NoteIn, ReasonIn
from identity.staff.register_schemas import (
    BreachesOut,
    BreachIn,
    BreachOut,
    ConclusionIn,
    HoldIn,
    HoldOut,
    HoldsOut,
    OrderIn,
    OrderOut,
    OrderPage,
    PersonDisclosuresOut,
    RecipientsOut,
    ReviewIn,
    ToldIn,
    WhoseIn,
)
from processors.errors import DomainError
from voice import holding
from voice.carrying_out import subject_named

# What may be refused besides is declared by the desk, whose tag this shares.
router = Router(tags=["desk"], auth=StaffMayAuth("decide"))
PROBLEMS: Final[dict[type[DomainError], int]] = {
    authorities.NothingOfThat: 409,
    authorities.OrderOver: 409,
    authorities.OrderUnknown: 404,
    breaches.AuthorityUntold: 422,
    breaches.BreachClosed: 409,
    breaches.BreachUnknown: 404,
    breaches.NoticedLater: 422,
    holds.HoldLifted: 409,
    holds.HoldUnknown: 404,
    holds.NothingToHold: 409,
    holds.ReviewPast: 422,
}
Reference = Annotated[str, Path(max_length=40, pattern="^[A-Za-z0-9-]+$")]


def _by(request: HttpRequest) -> str:
    return staff_of(request).ref


def _order(request: HttpRequest, order: AuthorityDisclosure) -> OrderOut:
    return register_queries.order_out(order, actor=staff_of(request))


def _hold(request: HttpRequest, hold: LegalHold) -> HoldOut:
    return register_queries.hold_out(hold, sealed=hold.copies.count(), actor=staff_of(request), now=timezone.now())


def _breach(breach: Breach) -> BreachOut:
    return register_queries.breach_out(breach, now=timezone.now())


@router.get("/staff/recipients", response=RecipientsOut, operation_id="list_recipients")
def list_recipients(request: HttpRequest) -> RecipientsOut:
    """The closed list, what each was told lately, and what was kept from leaving."""
    return register_queries.recipients(now=timezone.now())


@router.post("/staff/disclosures/find", response=PersonDisclosuresOut, operation_id="find_disclosures")
def find_disclosures(request: HttpRequest, form: WhoseIn) -> PersonDisclosuresOut:
    """Who was told what about a person, who stands in the body, so that no address ever enters a log."""
    now = timezone.now()
    return register_queries.told_about(subject=subject_named(form.whose, now=now), actor=staff_of(request), now=now)


@router.get("/staff/orders", response=OrderPage, operation_id="list_orders")
def list_orders(request: HttpRequest, cursor: Annotated[str | None, Query(max_length=200)] = None) -> OrderPage:
    return register_queries.orders(actor=staff_of(request), cursor=cursor)


@router.post("/staff/orders", response={201: OrderOut}, operation_id="prepare_order")
def prepare_order(request: HttpRequest, form: OrderIn) -> Status[OrderOut]:
    """Writes down what an authority demands, for somebody else to approve."""
    now = timezone.now()
    order = authorities.prepare(
        subject=subject_named(form.whose, now=now),
        order_id=form.order_id,
        authority=form.authority,
        legal_basis=form.legal_basis,
        secret_until=form.secret_until,
        elements=form.elements,
        by=_by(request),
        now=now,
    )
    return Status(201, _order(request, order))


@router.post("/staff/orders/{reference}/approve", response=OrderOut, operation_id="approve_order")
def approve_order(request: HttpRequest, reference: Reference, form: ApproveIn) -> OrderOut:
    """By another than who prepared it, and of exactly what was shown."""
    order = authorities.approve(reference=reference, seen=form.seen, by=_by(request), now=timezone.now())
    return _order(request, order)


@router.post("/staff/orders/{reference}/withdraw", response=OrderOut, operation_id="withdraw_order")
def withdraw_order(request: HttpRequest, reference: Reference) -> OrderOut:
    return _order(request, authorities.withdraw(reference=reference, by=_by(request), now=timezone.now()))


@router.post(
    "/staff/orders/{reference}/release",
    operation_id="release_order",
    openapi_extra={"responses": {200: {"content": {"application/json": {"schema": {"type": "object"}}}}}},
)
def release_order(request: HttpRequest, reference: Reference) -> HttpResponse:
    """What was approved, as a file, once; it is counted as disclosed."""
    text = authorities.release(reference=reference, by=_by(request), now=timezone.now())
    answer = HttpResponse(text, content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="{reference.upper()}.json"'
    return answer


@router.get("/staff/holds", response=HoldsOut, operation_id="list_holds")
def list_holds(request: HttpRequest) -> HoldsOut:
    """What is kept although it would end, on what ground, and when somebody looks whether it still has to be."""
    return register_queries.all_holds(actor=staff_of(request), now=timezone.now())


@router.post("/staff/holds", response={201: HoldOut}, operation_id="place_hold")
def place_hold(request: HttpRequest, form: HoldIn) -> Status[HoldOut]:
    """On an account and the calls that it made, on the leads of a number and their calls, on a lead, or on a call. Nothing else that an
    account has is held: not its questions, consents, purchases or cases, which end as without the hold."""
    hold = holding.place(
        what=form.what,
        which=form.which,
        basis=form.basis,
        order_id=form.order_id,
        reason=form.reason,
        review_on=form.review_on,
        ends_on=form.ends_on,
        secret_until=form.secret_until,
        by=_by(request),
        now=timezone.now(),
    )
    return Status(201, _hold(request, hold))


@router.post("/staff/holds/{reference}/approve", response=HoldOut, operation_id="approve_hold")
def approve_hold(request: HttpRequest, reference: Reference) -> HoldOut:
    """By another than who placed it; a hold that nobody else approves ends after 7 days."""
    return _hold(request, holds.approve(reference=reference, by=_by(request), now=timezone.now()))


@router.post("/staff/holds/{reference}/review", response=HoldOut, operation_id="review_hold")
def review_hold(request: HttpRequest, reference: Reference, form: ReviewIn) -> HoldOut:
    """Says that it is still needed, and when somebody looks again."""
    return _hold(
        request, holds.review(reference=reference, review_on=form.review_on, by=_by(request), now=timezone.now())
    )


@router.post("/staff/holds/{reference}/lift", response=HoldOut, operation_id="lift_hold")
def lift_hold(request: HttpRequest, reference: Reference, form: ReasonIn) -> HoldOut:
    """What it covers ends with its term again; what was erased meanwhile goes for good, once two people want it."""
    return _hold(request, holds.lift(reference=reference, reason=form.reason, by=_by(request), now=timezone.now()))


@router.get("/staff/breaches", response=BreachesOut, operation_id="list_breaches")
def list_breaches(request: HttpRequest) -> BreachesOut:
    return register_queries.all_breaches(now=timezone.now())


@router.post("/staff/breaches", response={201: BreachOut}, operation_id="record_breach")
def record_breach(request: HttpRequest, form: BreachIn) -> Status[BreachOut]:
    """Its 72 hours run from when it was noticed."""
    breach = breaches.record(what=form.what, noticed_at=form.noticed_at, by=_by(request), now=timezone.now())
    return Status(201, _breach(breach))


@router.post("/staff/breaches/{reference}/note", response=BreachOut, operation_id="note_breach")
def note_breach(request: HttpRequest, reference: Reference, form: NoteIn) -> BreachOut:
    return _breach(breaches.note(reference=reference, text=form.text, by=_by(request), now=timezone.now()))


@router.post("/staff/breaches/{reference}/told", response=BreachOut, operation_id="tell_of_breach")
def tell_of_breach(request: HttpRequest, reference: Reference, form: ToldIn) -> BreachOut:
    """Notes that the authority or the people concerned were told, and how."""
    return _breach(
        breaches.told(reference=reference, whom=form.whom, how=form.how, by=_by(request), now=timezone.now())
    )


@router.post("/staff/breaches/{reference}/close", response=BreachOut, operation_id="close_breach")
def close_breach(request: HttpRequest, reference: Reference, form: ConclusionIn) -> BreachOut:
    """With the authority told, or with a reason why it need not be."""
    breach = breaches.close(
        reference=reference,
        conclusion=form.conclusion,
        untold_reason=form.untold_reason,
        by=_by(request),
        now=timezone.now(),
    )
    return _breach(breach)
