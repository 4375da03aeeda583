"""REST of what leaders see of live calls."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from api.auth import actor_of
from processors.errors import DomainError
from voice import queries, wall, watching
from voice.schemas import WallOut, WatchersOut

router = Router(tags=["calls"])

PROBLEMS: Final[dict[type[DomainError], int]] = {watching.NothingToWatch: 409}


@router.get("/wall", response=WallOut, operation_id="get_wall")
def get_wall(request: HttpRequest) -> Any:
    return wall.wall(actor=actor_of(request), now=datetime.now(UTC))


@router.post("/calls/{call_id}/watch", response={204: None}, operation_id="watch_call")
def watch_call(request: HttpRequest, call_id: UUID) -> Status[None]:
    """Said again at least every 30 seconds while the call is shown; a watch that falls silent ends by itself."""
    watching.watch(actor=actor_of(request), call_id=call_id, now=datetime.now(UTC))
    return Status(204, None)


@router.delete("/calls/{call_id}/watch", response={204: None}, operation_id="unwatch_call")
def unwatch_call(request: HttpRequest, call_id: UUID) -> Status[None]:
    watching.unwatch(actor=actor_of(request), call_id=call_id, now=datetime.now(UTC))
    return Status(204, None)


@router.get("/calls/{call_id}/watchers", response=WatchersOut, operation_id="list_watchers")
def list_watchers(request: HttpRequest, call_id: UUID) -> Any:
    call = queries.call_of(actor=actor_of(request), call_id=call_id)
    return WatchersOut(items=queries.watchers_of(call))
