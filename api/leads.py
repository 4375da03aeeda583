"""REST of leads."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Query, Router, Status

from api.auth import actor_of, or_key
from api.rendering import answered
from compliance import restriction
from processors.errors import DomainError
from voice import dialling, lead_history, leads, phones, queries, tags
from voice.models import Lead
from voice.queue_schemas import HistoryPage
from voice.schemas import (
    TAG_LENGTH_MAX,
    DialCheckOut,
    LeadChange,
    LeadIn,
    LeadOut,
    LeadPage,
    ResultFilter,
    SuppressionIn,
    TagsChange,
    TagsOut,
)

router = Router(tags=["leads"])

PROBLEMS: dict[type[DomainError], int] = {
    phones.PhoneInvalid: 422,
    phones.PhoneNotCallable: 422,
    leads.LeadExists: 409,
    leads.LeadSuppressed: 409,
    leads.LeadInCall: 409,
    leads.LeadWasCalled: 409,
    leads.LeadGone: 410,
    restriction.SubjectRestricted: 409,
    tags.TagUnusable: 422,
    tags.TooManyTags: 409,
}


def _out(lead: Lead) -> LeadOut:
    return queries.leads_out([lead], workspace_id=lead.workspace_id)[0]


@router.get("/leads", response=LeadPage, operation_id="list_leads", auth=or_key("leads:read"))
def list_leads(
    request: HttpRequest,
    search: Annotated[str, Query(max_length=100)] = "",
    tag: Annotated[str, Query(max_length=TAG_LENGTH_MAX)] = "",
    disposition: ResultFilter | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    return answered(
        queries.leads_page(
            actor=actor_of(request), search=search, tag=tag, disposition=disposition, cursor=cursor, limit=limit
        )
    )


@router.get("/tags", response=TagsOut, operation_id="list_tags", auth=or_key("leads:read"))
def list_tags(request: HttpRequest) -> Any:
    return tags.tags_of(actor=actor_of(request))


@router.post("/leads", response={201: LeadOut}, operation_id="add_lead", auth=or_key("leads:write"))
def add_lead(request: HttpRequest, lead: LeadIn) -> Any:
    return Status(201, _out(leads.add_lead(actor=actor_of(request), lead=lead, now=datetime.now(UTC))))


@router.get("/leads/{lead_id}", response=LeadOut, operation_id="get_lead", auth=or_key("leads:read"))
def get_lead(request: HttpRequest, lead_id: UUID) -> Any:
    return _out(queries.lead_of(actor=actor_of(request), lead_id=lead_id))


@router.patch("/leads/{lead_id}", response=LeadOut, operation_id="change_lead", auth=or_key("leads:write"))
def change_lead(request: HttpRequest, lead_id: UUID, change: LeadChange) -> Any:
    now = datetime.now(UTC)
    return _out(leads.change_lead(actor=actor_of(request), lead_id=lead_id, change=change, now=now))


@router.delete("/leads/{lead_id}", response={204: None}, operation_id="remove_lead", auth=or_key("leads:write"))
def remove_lead(request: HttpRequest, lead_id: UUID) -> Any:
    leads.remove_lead(actor=actor_of(request), lead_id=lead_id, now=datetime.now(UTC))
    return Status(204, None)


@router.patch("/leads/{lead_id}/tags", response=LeadOut, operation_id="change_tags", auth=or_key("leads:write"))
def change_tags(request: HttpRequest, lead_id: UUID, change: TagsChange) -> Any:
    now = datetime.now(UTC)
    return _out(leads.change_tags(actor=actor_of(request), lead_id=lead_id, change=change, now=now))


@router.get(
    "/leads/{lead_id}/history", response=HistoryPage, operation_id="list_lead_history", auth=or_key("calls:read")
)
def list_lead_history(
    request: HttpRequest,
    lead_id: UUID,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    return lead_history.history_page(actor=actor_of(request), lead_id=lead_id, cursor=cursor, limit=limit)


@router.post("/leads/{lead_id}/suppression", response=LeadOut, operation_id="suppress_lead", auth=or_key("leads:write"))
def suppress_lead(request: HttpRequest, lead_id: UUID, body: SuppressionIn) -> Any:
    now = datetime.now(UTC)
    return _out(leads.suppress_lead(actor=actor_of(request), lead_id=lead_id, reason=body.reason, now=now))


@router.get("/leads/{lead_id}/dial-check", response=DialCheckOut, operation_id="check_dial", auth=or_key("leads:read"))
def check_dial(request: HttpRequest, lead_id: UUID) -> Any:
    actor = actor_of(request)
    lead = queries.lead_of(actor=actor, lead_id=lead_id)
    return dialling.dial_check(actor=actor, lead=lead, now=datetime.now(UTC))
