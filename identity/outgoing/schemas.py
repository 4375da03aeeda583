"""The wire shapes of webhooks, of the pages and of what is sent."""

from datetime import datetime
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from identity.schemas import Closed

Event = Literal["call.completed", "transcript.ready", "insight.ready", "balance.low"]
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
# Sent by the button on the page alone, whatever the endpoint listens to.
TEST: Final = "webhook.test"
OffReason = Literal["failing", "gone", "by_hand"]
DeliveryState = Literal["pending", "sent", "dead"]

Url = Annotated[str, StringConstraints(min_length=8, max_length=500)]
Events = Annotated[list[Event], Field(min_length=1, max_length=len(EVENTS))]


class EndpointIn(Closed):
    """url: https, of a server that can be reached from the Internet."""

    url: Url
    events: Events


class EndpointChange(Closed):
    """Only what is given changes. on: true lets one that is off be sent to again."""

    url: Url | None = None
    events: Events | None = None
    on: bool | None = None


class EndpointOut(BaseModel):
    """failing_since: when the first of the attempts failed that have failed in a row since; null while it answers.
    off_at: since when nothing is sent to it. two_secrets_until: until then the secret before the last change signs too.
    """

    id: UUID
    url: str
    events: list[Event]
    made_by: str | None
    created_at: datetime
    failing_since: datetime | None
    failures: int
    off_at: datetime | None
    off_reason: OffReason | None
    two_secrets_until: datetime | None


class EndpointSecretOut(EndpointOut):
    """secret: shown this once."""

    secret: str


class EndpointsOut(BaseModel):
    """max: so many a workspace may have."""

    items: list[EndpointOut]
    max: int


class DeliveryOut(BaseModel):
    """message_id: as in the header webhook-id. answer_status: of the last attempt, null when no answer came; error: then
    why, as a code. next_at: null unless it is tried again by itself."""

    id: UUID
    message_id: str
    event: Event | Literal["webhook.test"]
    state: DeliveryState
    created_at: datetime
    attempts: int
    attempted_at: datetime | None
    answer_status: int | None
    error: str | None
    next_at: datetime | None
    call_id: UUID | None


class DeliveryPage(BaseModel):
    """Newest first."""

    items: list[DeliveryOut]
    next_cursor: str | None
