"""REST of what keeps the team's number in good repute."""

from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from api.auth import actor_of
from processors.errors import DomainError
from voice import guard, guard_queries
from voice.guard_schemas import PauseState

router = Router(tags=["dialling"])

PROBLEMS: dict[type[DomainError], int] = {guard.NotPaused: 409}


@router.get("/dial-pause", response=PauseState, operation_id="get_dial_pause")
def get_dial_pause(request: HttpRequest) -> Any:
    return guard_queries.state(actor=actor_of(request))


@router.delete("/dial-pause", response={204: None}, operation_id="end_dial_pause")
def end_dial_pause(request: HttpRequest) -> Any:
    guard.resume(actor=actor_of(request), now=datetime.now(UTC))
    return Status(204, None)
