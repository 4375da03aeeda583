"""Numbering and publishing what changed about a call."""

from datetime import datetime

from realtime.publish import Topic, publish_on_commit
from voice import queries
from voice.events import CallChanged
from voice.models import Call


def next_sequence(call: Call) -> int:
    """The number of the next event of a call whose row the caller has locked."""
    call.sequence += 1
    return call.sequence


def publish_call(call: Call, *, now: datetime) -> None:
    """Numbers the change, saves the number and tells the rep and whoever follows the call, after commit."""
    next_sequence(call)
    call.save(update_fields=["sequence"])
    event = CallChanged(call=queries.call_out(call, now=now))
    publish_on_commit(Topic.user(call.user_id), event)
    publish_on_commit(Topic.call(call.workspace_id, call.id), event)
