"""REST of leads."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from api.auth import actor_of, or_key
from api.rendering import answered
from processors.errors import DomainError
from voice import dialling, leads, phones, queries
from voice.models import Lead
from voice.schemas import DialCheckOut, LeadChange, LeadIn, LeadOut, LeadPage, SuppressionIn

router = Router(tags=["leads"])

PROBLEMS: dict[type[DomainError], int] = {
    phones.PhoneInvalid: 422,
    phones.PhoneNotCallable: 422,
    leads.LeadExists: 409,
    leads.LeadSuppressed: 409,
    leads.LeadInCall: 409,
    leads.LeadGone: 410,
}


def _out(lead: Lead) -> LeadOut:
    return queries.leads_out([lead], workspace_id=lead.workspace_id)[0]


@router.get("/leads", response=LeadPage, operation_id="list_leads", auth=or_key("leads:read"))
def list_leads(
    request: HttpRequest,
    search: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    return answered(queries.leads_page(actor=actor_of(request), search=search, cursor=cursor, limit=limit))


@router.post("/leads", response={201: LeadOut}, operation_id="add_lead", auth=or_key("leads:write"))
def add_lead(request: HttpRequest, lead: LeadIn) -> Any:
    return Status(201, _out(leads.add_lead(actor=actor_of(request), lead=lead, now=datetime.now(UTC))))


@router.get("/leads/{lead_id}", response=LeadOut, operation_id="get_lead", auth=or_key("leads:read"))
def get_lead(request: HttpRequest, lead_id: UUID) -> Any:
    return _out(queries.lead_of(actor=actor_of(request), lead_id=lead_id))


@router.patch("/leads/{lead_id}", response=LeadOut, operation_id="change_lead", auth=or_key("leads:write"))
def change_lead(request: HttpRequest, lead_id: UUID, change: LeadChange) -> Any:
    return _out(leads.change_lead(actor=actor_of(request), lead_id=lead_id, change=change))


@router.delete("/leads/{lead_id}", response={204: None}, operation_id="remove_lead", auth=or_key("leads:write"))
def remove_lead(request: HttpRequest, lead_id: UUID) -> Any:
    leads.remove_lead(actor=actor_of(request), lead_id=lead_id, now=datetime.now(UTC))
    return Status(204, None)


@router.post("/leads/{lead_id}/suppression", response=LeadOut, operation_id="suppress_lead", auth=or_key("leads:write"))
def suppress_lead(request: HttpRequest, lead_id: UUID, body: SuppressionIn) -> Any:
    now = datetime.now(UTC)
    return _out(leads.suppress_lead(actor=actor_of(request), lead_id=lead_id, reason=body.reason, now=now))


@router.get("/leads/{lead_id}/dial-check", response=DialCheckOut, operation_id="check_dial", auth=or_key("leads:read"))
def check_dial(request: HttpRequest, lead_id: UUID) -> Any:
    actor = actor_of(request)
    lead = queries.lead_of(actor=actor, lead_id=lead_id)
    return dialling.dial_check(actor=actor, lead=lead, now=datetime.now(UTC))
