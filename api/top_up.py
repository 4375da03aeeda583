"""Automatic top-up: what would be agreed to, opting in, stopping."""

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Header, Router, Status

from api.auth import actor_of
from api.client import client_of
from ledger import operations, top_up_queries
from ledger.top_up_schemas import TopUpIn, TopUpOut, TopUpSetupOut, TopUpTerms, TopUpWords
from processors.errors import DomainError

router = Router(tags=["credits"])

PROBLEMS: dict[type[DomainError], int] = {
    operations.TopUpNotOffered: 409,
    operations.TopUpLineTooHigh: 422,
    operations.TopUpWordsChanged: 409,
    operations.TopUpExists: 409,
}


@router.get("/credits/top-up", response=TopUpOut, operation_id="get_top_up")
def get_top_up(request: HttpRequest) -> TopUpOut:
    return top_up_queries.top_up(actor=actor_of(request), now=timezone.now())


@router.post("/credits/top-up/words", response=TopUpWords, operation_id="word_top_up")
def word_top_up(request: HttpRequest, body: TopUpTerms) -> TopUpWords:
    return top_up_queries.top_up_words(actor=actor_of(request), terms=body)


@router.post("/credits/top-up", response={201: TopUpSetupOut}, operation_id="start_top_up")
def start_top_up(
    request: HttpRequest,
    body: TopUpIn,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", min_length=8, max_length=100)],
) -> Status[TopUpSetupOut]:
    started = operations.start_top_up(
        actor=actor_of(request),
        wanted=body,
        idempotency_key=idempotency_key,
        ip=client_of(request).address,
        now=timezone.now(),
    )
    return Status(201, started)


@router.delete("/credits/top-up", response=TopUpOut, operation_id="stop_top_up")
def stop_top_up(request: HttpRequest) -> TopUpOut:
    actor, now = actor_of(request), timezone.now()
    operations.stop_top_up(actor=actor, ip=client_of(request).address, now=now)
    return top_up_queries.top_up(actor=actor, now=now)
