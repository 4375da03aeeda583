"""REST of calls, transcripts and receipts."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Header, Query, Router, Status

from api.auth import actor_of, or_key
from api.rendering import answered
from compliance import restriction
from ledger import operations as ledger
from processors.errors import DomainError
from voice import browser_calls, corrections, operations, queries, receipt, refusals, restricting, watching, ways
from voice.schemas import (
    CallChange,
    CallIn,
    CallListItem,
    CallOut,
    CallPage,
    CallStartedOut,
    CallStatus,
    ReceiptOut,
    RefusalChange,
    Result,
    SegmentChange,
    SegmentOut,
    SegmentPage,
    VoiceTokenOut,
)

router = Router(tags=["calls"])

PROBLEMS: dict[type[DomainError], int] = {
    operations.DialRefused: 409,
    operations.CallIsOver: 409,
    operations.IdempotencyKeyReused: 409,
    ways.BrowserCallsOff: 409,
    ledger.InsufficientCredit: 402,
    corrections.SegmentHasChanged: 409,
    corrections.NotSpeech: 409,
    refusals.NoRefusal: 409,
    restriction.SubjectRestricted: 409,
    watching.NotWatching: 409,
}

IdempotencyKey = Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=80)]


@router.post("/calls", response={201: CallStartedOut}, operation_id="start_call")
def start_call(request: HttpRequest, body: CallIn, idempotency_key: IdempotencyKey) -> Any:
    now = datetime.now(UTC)
    actor = actor_of(request)
    call = operations.start_call(
        actor=actor, lead_id=body.lead_id, way=body.way, idempotency_key=idempotency_key, now=now
    )
    return Status(201, browser_calls.started_out(call, now=now))


@router.post("/voice-token", response=VoiceTokenOut, operation_id="get_voice_token")
def get_voice_token(request: HttpRequest) -> Any:
    return browser_calls.access_token(actor=actor_of(request), now=datetime.now(UTC))


@router.get("/calls", response=CallPage, operation_id="list_calls", auth=or_key("calls:read"))
def list_calls(
    request: HttpRequest,
    lead_id: UUID | None = None,
    status: CallStatus | None = None,
    disposition: Result | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Any:
    page = queries.calls_page(
        actor=actor_of(request),
        lead_id=lead_id,
        status=status,
        disposition=disposition,
        cursor=cursor,
        limit=limit,
        now=datetime.now(UTC),
    )
    return answered(page)


@router.get("/calls/{call_id}", response=CallListItem, operation_id="get_call", auth=or_key("calls:read"))
def get_call(request: HttpRequest, call_id: UUID) -> Any:
    call = queries.call_of(actor=actor_of(request), call_id=call_id)
    return answered(queries.list_item(call, queries.speech_spans([call.id]).get(call.id, []), now=datetime.now(UTC)))


@router.patch("/calls/{call_id}", response=CallOut, operation_id="annotate_call")
def annotate_call(request: HttpRequest, call_id: UUID, change: CallChange) -> Any:
    now = datetime.now(UTC)
    return queries.call_out(
        operations.annotate_call(actor=actor_of(request), call_id=call_id, change=change, now=now), now=now
    )


@router.get("/calls/{call_id}/segments", response=SegmentPage, operation_id="list_segments", auth=or_key("calls:read"))
def list_segments(
    request: HttpRequest,
    call_id: UUID,
    after_sequence: Annotated[int, Query(ge=0, le=2_000_000_000)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> Any:
    call = restricting.text_of(actor=actor_of(request), call_id=call_id)
    return answered(queries.segments_after(call=call, after_sequence=after_sequence, limit=limit))


@router.patch("/segments/{segment_id}", response=SegmentOut, operation_id="correct_segment")
def correct_segment(request: HttpRequest, segment_id: UUID, change: SegmentChange) -> Any:
    now = datetime.now(UTC)
    segment = corrections.correct_segment(actor=actor_of(request), segment_id=segment_id, change=change, now=now)
    return queries.segment_out(segment)


@router.put("/segments/{segment_id}/refusal", response=SegmentOut, operation_id="dismiss_refusal")
def dismiss_refusal(request: HttpRequest, segment_id: UUID, change: RefusalChange) -> Any:
    now = datetime.now(UTC)
    segment = refusals.dismiss(actor=actor_of(request), segment_id=segment_id, dismissed=change.dismissed, now=now)
    return queries.segment_out(segment)


@router.post("/calls/{call_id}/hangup", response=CallOut, operation_id="hang_up")
def hang_up(request: HttpRequest, call_id: UUID) -> Any:
    now = datetime.now(UTC)
    return queries.call_out(operations.request_hangup(actor=actor_of(request), call_id=call_id, now=now), now=now)


@router.post("/calls/{call_id}/text-refusal", response=CallOut, operation_id="refuse_text")
def refuse_text(request: HttpRequest, call_id: UUID) -> Any:
    now = datetime.now(UTC)
    return queries.call_out(operations.refuse_text(actor=actor_of(request), call_id=call_id, now=now), now=now)


@router.get("/calls/{call_id}/receipt", response=ReceiptOut, operation_id="get_receipt", auth=or_key("calls:read"))
def get_receipt(request: HttpRequest, call_id: UUID) -> Any:
    return receipt.receipt_of(queries.call_of(actor=actor_of(request), call_id=call_id))
