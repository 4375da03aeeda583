"""Numbering and publishing what changed about a call.

Three listen: the rep, whoever follows the call, and whoever looks at all live calls of the team.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from ledger import live
from realtime import publish
from realtime.publish import Topic, publish_on_commit
from voice import queries
from voice.events import CallChanged, SegmentAdded, SegmentChanged, WatchersChanged
from voice.models import Call, TranscriptSegment
from voice.schemas import CallUser

_LISTENERS: Final = 3


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
    publish_on_commit(_all(call), CallChanged(call=queries.call_out(call, now=now)))


def publish_moved(calls: Sequence[Call], *, now: datetime) -> None:
    """Tells of calls whose change is numbered and saved already, with one question to the ledger for all of them."""
    spendable = live.spendable([call.ledger_reference for call in calls if call.status == "in_progress"])
    for call in calls:
        left = spendable.get(call.ledger_reference, 0)
        publish_on_commit(_all(call), CallChanged(call=queries.call_out(call, now=now, spendable_mcredits=left)))


def publish_segment(call: Call, segment: TranscriptSegment, kind: type[SegmentAdded] | type[SegmentChanged]) -> None:
    """Tells who follows the call, or looks at all calls of the team, of a segment whose number is saved."""
    event = kind(call_id=call.id, sequence=segment.sequence, segment=queries.segment_out(segment))
    publish_on_commit((Topic.call(call.workspace_id, call.id), Topic.team(call.workspace_id)), event)


def publish_watchers(call: Call, watchers: list[CallUser]) -> None:
    publish_on_commit(_all(call), WatchersChanged(call_id=call.id, watchers=watchers))


def publish_charged(spendable_mcredits: Mapping[UUID, int], *, now: datetime) -> None:
    """Tells of calls whose change is numbered and saved already, each with what it can spend, as far as there is room.

    What there is no room for would be dropped: a tick that charges thousands at once tells each of them a minute later.
    """
    ids = list(islice(spendable_mcredits, publish.room() // _LISTENERS))
    for call in Call.objects.filter(id__in=ids).select_related("lead", "user", "ended_by"):
        event = CallChanged(call=queries.call_out(call, now=now, spendable_mcredits=spendable_mcredits[call.id]))
        publish_on_commit(_all(call), event)


def _all(call: Call) -> tuple[Topic, ...]:
    return Topic.user(call.user_id), Topic.call(call.workspace_id, call.id), Topic.team(call.workspace_id)
