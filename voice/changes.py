"""Numbering and publishing what changed about a call.

Three listen: the rep, whoever follows the call, and whoever looks at all live calls of the team.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from compliance import restriction
from ledger import live
from realtime import publish
from realtime.publish import Topic, publish_all_on_commit, publish_on_commit
from voice import queries
from voice.events import CallChanged, SegmentAdded, SegmentChanged, WallLineSettled, WatchersChanged
from voice.models import Call, TranscriptSegment
from voice.schemas import LINE_CHARACTERS_MAX, CallUser, WallLine

_LISTENERS: Final = 3


class Charged(NamedTuple):
    """Calls of a workspace that were charged, or that cannot pay any longer, each with its rep and with what is left to it."""

    workspace_id: UUID
    call_ids: Sequence[UUID]
    user_ids: Sequence[UUID]
    spendable_mcredits: Sequence[int]


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
    talking = [call.ledger_reference for call in calls if call.status == "in_progress"]
    spendable = live.spendable(talking) if talking else {}
    left = [spendable.get(call.ledger_reference, 0) for call in calls]
    publish_all_on_commit(
        (_all(call), CallChanged(call=queries.call_out(call, now=now, spendable_mcredits=mcredits)))
        for call, mcredits in zip(calls, left, strict=True)
    )


def publish_calls(calls: Sequence[Call], *, now: datetime, changed: Sequence[str]) -> None:
    """The same for many at once, whose rows the caller has locked; they are told of as far as there is room."""
    for call in calls:
        next_sequence(call)
    Call.objects.bulk_update(calls, ["sequence", *changed])
    for call in islice(calls, publish.room() // _LISTENERS):
        publish_on_commit(_all(call), CallChanged(call=queries.call_out(call, now=now)))


def publish_segment(call: Call, segment: TranscriptSegment, kind: type[SegmentAdded] | type[SegmentChanged]) -> None:
    """Tells who follows the call of a segment whose number is saved, and who looks at all calls of the team of no more than the
    wall shows of it: to read along they have to watch. Nobody is told what a speaker said who has restricted the use of it."""
    if restriction.covers(call.lead_id, call.user_id):
        return
    event = kind(call_id=call.id, sequence=segment.sequence, segment=queries.segment_out(segment))
    publish_on_commit((Topic.call(call.workspace_id, call.id),), event)
    if segment.kind == "speech" and call.is_live:
        text = segment.text[:LINE_CHARACTERS_MAX]
        line = WallLine(segment_id=segment.id, sequence=segment.sequence, end_ms=segment.end_ms, text=text)
        publish_on_commit(
            (Topic.team(call.workspace_id),), WallLineSettled(call_id=call.id, speaker=segment.spoken_by, line=line)
        )


def publish_watchers(call: Call, watchers: list[CallUser]) -> None:
    publish_on_commit(_all(call), WatchersChanged(call_id=call.id, watchers=watchers))


class Telling:
    """Tells of calls that were charged, some hundred at a time, while the next are charged.

    Of those that anybody listens to, as far as there is room. What there is no room for would be dropped: a tick that charges
    thousands at once tells each of them a minute later.
    """

    def __init__(self, *, now: datetime) -> None:
        self._now = now
        self._charged: Sequence[Charged] = ()
        self._listening: Callable[[], Collection[str]] = frozenset

    def begin(self, charged: Sequence[Charged]) -> None:
        """Asks in which workspaces anybody listens, and does not wait for it; tells of those before.

        charged: their change is numbered and committed.
        """
        self.finish()
        self._charged = charged
        # Every socket listens to its workspace first of all, so where nobody does, nobody listens to any of its calls.
        self._listening = publish.ask_who_listens([Topic.workspace(some.workspace_id) for some in charged])

    def finish(self) -> None:
        """Tells of what was begun. Repeating does nothing."""
        charged, self._charged = self._charged, ()
        listening = self._listening() if charged else ()
        if not listening:
            return
        asked = [
            (call_id, left, _topics(some.workspace_id, user_id, call_id))
            for some in charged
            if Topic.workspace(some.workspace_id).name in listening
            for call_id, user_id, left in zip(some.call_ids, some.user_ids, some.spendable_mcredits, strict=True)
        ]
        listened = publish.ask_who_listens([topic for _, _, topics in asked for topic in topics])()
        heard = (
            (call_id, left, [topic for topic in topics if topic.name in listened]) for call_id, left, topics in asked
        )
        told = {
            call_id: (left, topics)
            for call_id, left, topics in islice((each for each in heard if each[2]), publish.room() // _LISTENERS)
        }
        for call in Call.objects.filter(id__in=told).select_related("lead", "user", "ended_by"):
            spendable_mcredits, topics = told[call.id]
            event = CallChanged(call=queries.call_out(call, now=self._now, spendable_mcredits=spendable_mcredits))
            publish_on_commit(topics, event)


def _all(call: Call) -> tuple[Topic, ...]:
    return _topics(call.workspace_id, call.user_id, call.id)


def _topics(workspace_id: UUID, user_id: UUID, call_id: UUID) -> tuple[Topic, ...]:
    return Topic.user(user_id), Topic.call(workspace_id, call_id), Topic.team(workspace_id)
