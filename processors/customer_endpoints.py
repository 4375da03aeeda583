"""What the servers that customers name may be told, field by field."""

from collections.abc import Mapping
from typing import Final

from processors.endpoints import Endpoint, endpoint


def _told(event: str, fields: Mapping[str, str]) -> Endpoint:
    """A message to a server that a customer named. Its path is the customer's; its fields are these and no others."""
    return endpoint(f"webhook.{event}", "POST", ".*", {"type": "event", "timestamp": "event", **fields})


# No name, number, address or word of a call: whoever wants those asks the API with a key, as somebody who may see them.
CUSTOMER_EVENTS: Final[Mapping[str, Endpoint]] = {
    "call.completed": _told(
        "call.completed",
        {
            "data.call_id": "record_reference",
            "data.lead_id": "record_reference",
            "data.user_id": "record_reference",
            "data.sequence": "event",
            "data.status": "call_figures",
            "data.end_reason": "call_figures",
            "data.transcript_state": "call_figures",
            "data.created_at": "call_figures",
            "data.answered_at": "call_figures",
            "data.ended_at": "call_figures",
            "data.duration_s": "call_figures",
            "data.charged_mcredits": "call_figures",
        },
    ),
    "transcript.ready": _told(
        "transcript.ready",
        {"data.call_id": "record_reference", "data.sequence": "event", "data.segments": "call_figures"},
    ),
    "insight.ready": _told("insight.ready", {"data.call_id": "record_reference", "data.insights": "call_figures"}),
    "balance.low": _told("balance.low", {"data.balance_mcredits": "balance", "data.threshold_mcredits": "balance"}),
    "webhook.test": _told("webhook.test", {"data.webhook_id": "record_reference"}),
}
