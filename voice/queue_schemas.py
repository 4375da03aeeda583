"""The wire shapes of the power-dial queue and of a lead's history."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, StringConstraints

from voice.schemas import TAG_LENGTH_MAX, CallOut, CallStatus, Disposition, LeadOut, Outcome, ResultFilter, Strict

SkipReason = Literal["not_now", "no_fit", "wrong_details", "already_talking"]


class QueueIn(Strict):
    """Through which leads. tag: "" for all. disposition: what came of their last call; null for whoever is due, which are
    retries whose time has come and leads that were never called."""

    tag: Annotated[str, StringConstraints(strip_whitespace=True, max_length=TAG_LENGTH_MAX)] = ""
    disposition: ResultFilter | None = None


class SkipIn(Strict):
    """lead_id: the lead that the person sees; another one is not skipped."""

    lead_id: UUID
    reason: SkipReason


class PassedOver(BaseModel):
    """How many leads of the queue are not offered. suppressed: asked not to be called, as far as it was looked. restricted: no
    number that is called. outside_hours: it is no calling hour where they are. reserved: colleagues have them."""

    suppressed: int
    restricted: int
    outside_hours: int
    reserved: int


class QueueOut(BaseModel):
    """A person's way through leads. lead: the reserved one, until reserved_until; null when there is none to call. call: the
    person's call of the last reserved lead, while no other is reserved. left: may be called now, the reserved one not
    counted. waiting: retries whose time, next_retry_at for the first, has not come. next_open_at: while none is left, when it is a
    calling hour again for the first of those that are outside."""

    tag: str
    disposition: ResultFilter | None
    started_at: datetime
    lead: LeadOut | None
    reserved_until: datetime | None
    call: CallOut | None
    left: int
    waiting: int
    next_retry_at: datetime | None
    next_open_at: datetime | None
    passed_over: PassedOver
    called: int
    skipped: int


class QueueState(BaseModel):
    """queue: null while the person works through none."""

    queue: QueueOut | None


class ReservationOut(BaseModel):
    """A colleague, or oneself, has a lead in the queue."""

    lead_id: UUID
    user_id: UUID
    name: str
    until: datetime


class ReservationsOut(BaseModel):
    items: list[ReservationOut]


class WorkerOut(BaseModel):
    """Who works through which leads. lead: whom the person is about to call."""

    user_id: UUID
    name: str
    tag: str
    disposition: ResultFilter | None
    started_at: datetime
    seen_at: datetime
    lead: str | None
    called: int
    skipped: int


class WorkersOut(BaseModel):
    items: list[WorkerOut]


class HistoryCall(BaseModel):
    status: CallStatus
    outcome: Outcome | None
    disposition: Disposition | None
    duration_s: int
    notes: str


class HistoryItem(BaseModel):
    """One thing that happened with a lead. by: who did it, null once that person is gone, and for what the callee did.

    call: of a call. detail: the reason of a skip; of a do-not-call request where it came from; of a correction the new text,
    and before what was recognised. call_id: what it belongs to.
    """

    id: UUID
    kind: Literal["call", "skipped", "suppressed", "corrected"]
    at: datetime
    by: str | None
    call_id: UUID | None
    call: HistoryCall | None
    detail: str
    before: str


class HistoryPage(BaseModel):
    items: list[HistoryItem]
    next_cursor: str | None
