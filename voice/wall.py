"""All live calls of a team at one look, for those who lead it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject, Left

from identity.auth import Actor
from ledger import live
from voice import restricting
from voice.models import TERMINAL_STATUSES, Call, TranscriptSegment
from voice.queries import duration_s, person, seconds_left, watchers_of_many
from voice.schemas import LINE_CHARACTERS_MAX, CallLeadName, Speaker, WallCall, WallLine, WallOut

CALLS_MAX: Final = 200


def wall(*, actor: Actor, now: datetime) -> WallOut:
    """The calls in the order in which they began, so that each keeps its place; at most CALLS_MAX of them.

    :raises NotPermitted: the role sees no other people's calls.
    """
    actor.demand("see_team")
    going_on = Call.objects.for_workspace(actor.workspace_id).exclude(status__in=TERMINAL_STATUSES)
    rows = going_on.select_related("lead", "user", "ended_by").annotate(
        agent_line=_newest("agent"), callee_line=_newest("callee")
    )
    calls: list[Any] = list(rows.order_by("created_at", "id")[: CALLS_MAX + 1])
    shown = calls[:CALLS_MAX]
    held = restricting.unread_among(shown, actor=actor)
    spendable = live.spendable([call.ledger_reference for call in shown])
    watchers = watchers_of_many([call.id for call in shown])
    return WallOut(
        items=[
            WallCall(
                id=call.id,
                lead=CallLeadName(id=call.lead_id, name=call.lead.name),
                user=person(call.user),
                status=call.status,
                transcript_state=call.transcript_state,
                created_at=call.created_at,
                answered_at=call.answered_at,
                duration_s=duration_s(call, now=now),
                charged_mcredits=call.charged_mcredits,
                seconds_left=seconds_left(call, now=now, spendable_mcredits=spendable.get(call.ledger_reference, 0)),
                ended_by=person(call.ended_by) if call.ended_by else None,
                sequence=call.sequence,
                agent_line=None if call.id in held else _line(call.agent_line),
                callee_line=None if call.id in held else _line(call.callee_line),
                watchers=watchers.get(call.id, []),
                as_of=now,
            )
            for call in shown
        ],
        total=len(shown) if len(calls) <= CALLS_MAX else going_on.count(),
        as_of=now,
    )


def _newest(speaker: Speaker) -> Subquery:
    """The last thing that a side said, found by the index that keeps each stretch unique."""
    said = TranscriptSegment.objects.get_queryset().filter(call=OuterRef("pk"), kind="speech", speaker=speaker)
    line = JSONObject(text=Left("text", LINE_CHARACTERS_MAX), sequence="sequence", end_ms="end_ms", segment_id="id")
    return Subquery(said.order_by("-start_ms").values(line=line)[:1])


def _line(found: Mapping[str, Any] | None) -> WallLine | None:
    return None if found is None else WallLine.model_validate(found)
