"""Numbering and publishing what changed about a call."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from uuid import UUID

from realtime import publish
from realtime.publish import Topic, publish_on_commit
from voice import queries
from voice.events import CallChanged
from voice.models import Call


def next_sequence(call: Call) -> int:
    """The number of the next event of a call whose row the caller has locked."""
    call.sequence += 1
    return call.sequence


def publish_call(call: Call, *, now: datetime, changed: Sequence[str] = ()) -> None:
    """Numbers the change, saves the number and tells the rep and whoever follows the call, after commit.

    changed: fields of the call that are to be saved with it.
    """
    next_sequence(call)
    call.save(update_fields=["sequence", *changed])
    event = CallChanged(call=queries.call_out(call, now=now))
    publish_on_commit(Topic.user(call.user_id), event)
    publish_on_commit(Topic.call(call.workspace_id, call.id), event)


def publish_charged(spendable_mcredits: Mapping[UUID, int], *, now: datetime) -> None:
    """Tells of calls whose change is numbered and saved already, each with what it can spend, as far as there is room.

    What there is no room for would be dropped: a tick that charges thousands at once tells each of them a minute later.
    """
    ids = list(islice(spendable_mcredits, publish.room() // 2))
    for call in Call.objects.filter(id__in=ids).select_related("lead", "user"):
        event = CallChanged(call=queries.call_out(call, now=now, spendable_mcredits=spendable_mcredits[call.id]))
        publish_on_commit(Topic.user(call.user_id), event)
        publish_on_commit(Topic.call(call.workspace_id, call.id), event)
