"""REST of the power-dial queue. It reserves leads; calls are placed by `POST /calls` alone."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from api.auth import actor_of
from processors.errors import DomainError
from voice import queue, queue_queries
from voice.queue_schemas import QueueIn, QueueOut, QueueState, ReservationsOut, SkipIn, WorkersOut

router = Router(tags=["queue"])

PROBLEMS: dict[type[DomainError], int] = {queue.QueueNotStarted: 409}


@router.get("/queue", response=QueueState, operation_id="get_queue")
def get_queue(request: HttpRequest) -> Any:
    return queue_queries.state_of(actor=actor_of(request), now=datetime.now(UTC))


@router.post("/queue", response={201: QueueOut}, operation_id="start_queue")
def start_queue(request: HttpRequest, body: QueueIn) -> Any:
    now = datetime.now(UTC)
    return Status(201, queue_queries.queue_out(queue.start(actor=actor_of(request), wanted=body, now=now), now=now))


@router.post("/queue/next", response=QueueOut, operation_id="take_next_lead")
def take_next_lead(request: HttpRequest) -> Any:
    now = datetime.now(UTC)
    return queue_queries.queue_out(queue.take_next(actor=actor_of(request), now=now), now=now)


@router.post("/queue/skip", response=QueueOut, operation_id="skip_lead")
def skip_lead(request: HttpRequest, body: SkipIn) -> Any:
    now = datetime.now(UTC)
    return queue_queries.queue_out(queue.skip(actor=actor_of(request), skipped=body, now=now), now=now)


@router.delete("/queue", response={204: None}, operation_id="end_queue")
def end_queue(request: HttpRequest) -> Any:
    queue.end(actor=actor_of(request), now=datetime.now(UTC))
    return Status(204, None)


@router.get("/queue/reservations", response=ReservationsOut, operation_id="list_reservations")
def list_reservations(request: HttpRequest) -> Any:
    return queue_queries.reservations(actor=actor_of(request), now=datetime.now(UTC))


@router.get("/queue/workers", response=WorkersOut, operation_id="list_queue_workers")
def list_queue_workers(request: HttpRequest) -> Any:
    return queue_queries.workers(actor=actor_of(request))
