"""Every event a browser socket can receive, as one union in OpenAPI."""

from typing import Annotated

from ninja.openapi.schema import OpenAPISchema
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from ai.events import InsightsReady
from identity.outgoing.events import WebhooksChanged
from ledger.events import BalanceChanged, BalanceLow, CheckoutChanged, TopUpChanged
from voice.events import (
    CallChanged,
    CallWarning,
    DiallingChanged,
    LeadReleased,
    LeadReserved,
    SegmentAdded,
    SegmentChanged,
    SegmentInterim,
    TranscriptionLevel,
    WallLineSettled,
    WatchersChanged,
)

SERVER_EVENTS: tuple[type[BaseModel], ...] = (
    BalanceChanged,
    BalanceLow,
    CallChanged,
    CallWarning,
    CheckoutChanged,
    DiallingChanged,
    InsightsReady,
    LeadReleased,
    LeadReserved,
    SegmentAdded,
    SegmentChanged,
    SegmentInterim,
    TopUpChanged,
    TranscriptionLevel,
    WallLineSettled,
    WatchersChanged,
    WebhooksChanged,
)
ServerEvent = Annotated[
    BalanceChanged
    | BalanceLow
    | CallChanged
    | CallWarning
    | CheckoutChanged
    | DiallingChanged
    | InsightsReady
    | LeadReleased
    | LeadReserved
    | SegmentAdded
    | SegmentChanged
    | SegmentInterim
    | TopUpChanged
    | TranscriptionLevel
    | WallLineSettled
    | WatchersChanged
    | WebhooksChanged,
    Field(discriminator="type"),
]


def add_server_events(schema: OpenAPISchema) -> OpenAPISchema:
    """Adds each event's schema and the `ServerEvent` union to the components."""
    _, definitions = models_json_schema(
        [(event, "serialization") for event in SERVER_EVENTS], ref_template="#/components/schemas/{model}"
    )
    components = schema["components"]["schemas"]
    for name, definition in definitions["$defs"].items():
        components.setdefault(name, definition)
    references = {
        event.model_fields["type"].default: f"#/components/schemas/{event.__name__}" for event in SERVER_EVENTS
    }
    components["ServerEvent"] = {
        "oneOf": [{"$ref": reference} for reference in references.values()],
        "discriminator": {"propertyName": "type", "mapping": references},
    }
    return schema
