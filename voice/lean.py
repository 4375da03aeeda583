"""What pages ask for most, read on an event loop: the query sets and the wire shapes of queries.py, compiled once.

None means that there is nothing plain to answer: no such row, not the actor's to see, under restriction, or the words of a
colleague's live call. The usual way says which. All raise ReadingFailed.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from compliance import restriction, suppression
from identity.auth import Actor
from identity.compiled import LIMIT, Asked, Plain, Rows, Several
from identity.reading import Reading
from ledger import live
from voice import keyset, queries, watching
from voice.models import Call, Lead, TranscriptSegment
from voice.schemas import CallListItem, CallPage, SegmentPage

# Examples, of which each stands for one value in what is compiled.
_WORKSPACE, _USER, _ROW, _PLACE = (UUID(int=number) for number in range(1, 5))
_AT: Final = datetime(2000, 1, 1, tzinfo=UTC)
_SEQUENCE: Final = 1_000_003
_OF_A_CALL: Final = (
    *("lead", "user", "ended_by", "way", "status", "transcript_state", "created_at", "answered_at", "ended_at"),
    *("duration_s", "charged_mcredits", "max_duration_s", "minutes_charged", "rate_card_id", "sequence", "end_reason"),
    *("answered_by", "outcome", "disposition", "notes"),
    *("lead__first_name", "lead__last_name", "lead__phone_e164", "lead__erased_at", "lead__restricted_at"),
    *("user__first_name", "user__last_name", "ended_by__first_name", "ended_by__last_name"),
)
_Place = tuple[datetime, UUID]


class _Calls:
    """A query set of calls that an actor may see, in the shapes that it has for those who lead and for those who do not."""

    def __init__(self, narrowed: Callable[..., QuerySet[Call]], *examples: Any) -> None:
        def rows(actor: Actor, *values: Any) -> QuerySet[Call]:
            return narrowed(queries.visible_calls(actor).only(*_OF_A_CALL), *values)

        self._of_team = Rows[Call](
            lambda workspace_id, *values: rows(Actor(_USER, workspace_id, "owner"), *values), _WORKSPACE, *examples
        )
        self._own = Rows[Call](
            lambda workspace_id, user_id, *values: rows(Actor(user_id, workspace_id, "rep"), *values),
            *(_WORKSPACE, _USER, *examples),
        )

    def asked(self, actor: Actor, *values: Any) -> Asked[Call]:
        if queries.sees_team(actor):
            return self._of_team.asked(actor.workspace_id, *values)
        return self._own.asked(actor.workspace_id, actor.user_id, *values)


def _leads(workspace_id: UUID) -> QuerySet[Lead, Any]:
    return Lead.objects.for_workspace(workspace_id).values_list(*queries.OF_A_LEAD, named=True)


_LEAD: Final = Rows[Any](lambda workspace_id, lead_id: _leads(workspace_id).filter(id=lead_id), _WORKSPACE, _ROW)
_FIRST_LEADS: Final = Rows[Any](
    lambda workspace_id, limit: keyset.in_order(_leads(workspace_id), after=None)[:limit], _WORKSPACE, LIMIT
)
_MORE_LEADS: Final = Rows[Any](
    lambda workspace_id, at, lead_id, limit: keyset.in_order(_leads(workspace_id), after=(at, lead_id))[:limit],
    *(_WORKSPACE, _AT, _PLACE, LIMIT),
)
_SUPPRESSED: Final = Rows[Any](suppression.entries_among, _WORKSPACE, Several("key"))
_CALL: Final = _Calls(lambda calls, call_id: calls.filter(id=call_id), _ROW)
_FIRST_CALLS: Final = _Calls(lambda calls, limit: keyset.in_order(calls, after=None)[:limit], LIMIT)
_MORE_CALLS: Final = _Calls(
    lambda calls, at, call_id, limit: keyset.in_order(calls, after=(at, call_id))[:limit], _AT, _PLACE, LIMIT
)
_SPOKEN: Final = Rows[Any](queries.spoken, Several(_ROW))
_SPENDABLE: Final = Plain(live.SPENDABLE)
_SEGMENTS: Final = Rows[TranscriptSegment](
    lambda call_id, sequence, limit: queries.later_segments(call_id, sequence)[:limit], _ROW, _SEQUENCE, LIMIT
)
_RESTRICTED: Final = Rows[Any](lambda row_ids: restriction.covered().filter(row_id__in=row_ids), Several(_ROW))


async def lead(reading: Reading, *, actor: Actor, lead_id: UUID) -> dict[str, Any] | None:
    """The fields of LeadOut."""
    found = (await reading.all(_LEAD.asked(actor.workspace_id, lead_id)))[0]
    return (await _shown(reading, actor, found))[0] if found else None


async def leads_page(reading: Reading, *, actor: Actor, after: _Place | None, limit: int) -> dict[str, Any]:
    """The fields of LeadPage, newest first; without a search, which has too many shapes. after: the place that a cursor says."""
    values = (actor.workspace_id, *(after or ()), limit + 1)
    found = (await reading.all((_MORE_LEADS if after else _FIRST_LEADS).asked(*values)))[0]
    page = keyset.cut(found, limit=limit)
    return {"items": await _shown(reading, actor, page.items), "next_cursor": page.next_cursor}


async def _shown(reading: Reading, actor: Actor, leads: Sequence[Any]) -> list[dict[str, Any]]:
    by_key = suppression.keyed(lead.phone_e164 for lead in leads if lead.phone_e164)
    keys = (await reading.all(_SUPPRESSED.asked(actor.workspace_id, list(by_key))))[0] if by_key else []
    return queries.leads_shown(leads, suppressed={by_key[key] for (key,) in keys})


async def call(reading: Reading, *, actor: Actor, call_id: UUID, now: datetime) -> CallListItem | None:
    found, spoken, spendable = await reading.all(
        _CALL.asked(actor, call_id),
        _SPOKEN.asked([call_id]),
        _SPENDABLE.asked([Call.reference_of(call_id)]),
    )
    if not found:
        return None
    spans, left = queries.spans_of(spoken), dict(spendable)
    return _item(found[0], spans, left, now)


async def calls_page(reading: Reading, *, actor: Actor, after: _Place | None, limit: int, now: datetime) -> CallPage:
    """Newest first, without a filter. after: the place that a cursor says."""
    asked = _MORE_CALLS.asked(actor, *after, limit + 1) if after else _FIRST_CALLS.asked(actor, limit + 1)
    page = keyset.cut((await reading.all(asked))[0], limit=limit)
    spoken, spendable = await reading.all(
        _SPOKEN.asked([call.id for call in page.items]),
        _SPENDABLE.asked([call.ledger_reference for call in page.items if call.status == "in_progress"]),
    )
    spans, left = queries.spans_of(spoken), dict(spendable)
    return CallPage.model_construct(
        items=[_item(call, spans, left, now) for call in page.items], next_cursor=page.next_cursor
    )


def _item(call: Call, spans: dict[UUID, Any], spendable: dict[str, int], now: datetime) -> CallListItem:
    left = spendable.get(call.ledger_reference, 0)
    return queries.list_item(call, spans.get(call.id, []), now=now, spendable_mcredits=left)


async def segments_after(
    reading: Reading, *, actor: Actor, call_id: UUID, after_sequence: int, limit: int
) -> SegmentPage | None:
    call: Call | None = await reading.first(_CALL.asked(actor, call_id))
    if call is None or watching.is_read_along(call, actor=actor):
        return None
    restricted, segments = await reading.all(
        _RESTRICTED.asked(queries.who_may_forbid(call, actor=actor)),
        _SEGMENTS.asked(call_id, after_sequence, min(limit, queries.SEGMENTS_MAX)),
    )
    return None if restricted else queries.segment_page(call, segments)
