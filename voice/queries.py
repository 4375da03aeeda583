"""Reading leads, calls and transcripts. A rep sees their own calls; managers and the owner see the team's."""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance import restriction, suppression
from identity.auth import Actor
from identity.models import User
from ledger import live
from ledger import queries as ledger_queries
from ledger.money import affordable_s
from voice import lead_search
from voice.dialling import CALL_LENGTH_MAX_S
from voice.keyset import page_of
from voice.models import ERASED_NAME, RESTRICTED_NAME, TERMINAL_STATUSES, Call, CallWatch, Lead, TranscriptSegment
from voice.schemas import (
    CallLead,
    CallListItem,
    CallOut,
    CallPage,
    CallUser,
    CorrectionOut,
    LeadOut,
    LeadPage,
    Result,
    ResultFilter,
    SegmentOut,
    SegmentPage,
    Speaker,
    SpeechSpan,
    WordOut,
)

SEGMENTS_MAX = 500


def visible_calls(actor: Actor) -> QuerySet[Call]:
    calls = Call.objects.for_workspace(actor.workspace_id).select_related("lead", "user", "ended_by")
    return calls if sees_team(actor) else calls.filter(user_id=actor.user_id)


def who_may_forbid(call: Call, *, actor: Actor) -> list[UUID]:
    """Whose restriction keeps the actor from the words of a call: the lead, and the member who called, unless that is the actor."""
    return [call.lead_id, *([] if call.user_id == actor.user_id else [call.user_id])]


def sees_team(actor: Actor) -> bool:
    """Whether the calls of others are shown to the actor too."""
    return actor.role in ("owner", "manager")


def may_follow_call(*, actor: Actor, call_id: UUID) -> bool:
    """A colleague's call only while its rep sees that the actor reads along, or once it is over."""
    seen = Q(user_id=actor.user_id) | Q(status__in=TERMINAL_STATUSES) | Q(watches__user_id=actor.user_id)
    calls = visible_calls(actor).filter(seen, id=call_id, lead__restricted_at__isnull=True)
    return calls.exclude(Q(user_id__in=restriction.covered()) & ~Q(user_id=actor.user_id)).exists()


def lead_of(*, actor: Actor, lead_id: UUID) -> Lead:
    """:raises Lead.DoesNotExist: unknown, or of another workspace."""
    return Lead.objects.for_workspace(actor.workspace_id).get(id=lead_id)


def leads_page(
    *, actor: Actor, search: str, tag: str, disposition: ResultFilter | None, cursor: str | None, limit: int
) -> LeadPage:
    """Newest first. search: as `voice.lead_search` reads it. tag: as the workspace writes it, "" for any."""
    leads = Lead.objects.for_workspace(actor.workspace_id)
    if tag:
        leads = leads.filter(tags__contains=[tag])
    if disposition == "never_called":
        leads = leads.filter(disposition__isnull=True, erased_at__isnull=True)
    elif disposition:
        leads = leads.filter(disposition=disposition)
    if search or tag or disposition:
        # What is not shown is not to be found out by searching for it.
        leads = leads.filter(restricted_at__isnull=True)
    leads = leads.filter(*lead_search.conditions(search))
    # A page of leads is what the product is asked for most: its rows become neither models nor are they checked twice.
    page = page_of(leads.values_list(*OF_A_LEAD, named=True), cursor=cursor, limit=limit)
    return LeadPage.model_construct(
        items=leads_out(page.items, workspace_id=actor.workspace_id), next_cursor=page.next_cursor
    )


# What is shown of a lead, or says how.
OF_A_LEAD = (
    "id",
    "first_name",
    "last_name",
    "company",
    "phone_e164",
    "notes",
    "country",
    "time_zone",
    "erased_at",
    "restricted_at",
    "created_at",
    "last_call_at",
    "tags",
    "disposition",
    "retry_at",
)


def leads_out(leads: Sequence[Any], *, workspace_id: UUID) -> list[LeadOut]:
    """leads: models, or rows with a lead's columns."""
    phones = [lead.phone_e164 for lead in leads if lead.phone_e164]
    suppressed = suppression.suppressed_among(workspace_id=workspace_id, phones_e164=phones)
    return [LeadOut.model_construct(**fields) for fields in leads_shown(leads, suppressed=suppressed)]


def leads_shown(leads: Sequence[Any], *, suppressed: Container[str | None]) -> list[dict[str, Any]]:
    """The fields of LeadOut for each. leads: models, or rows with a lead's columns. suppressed: the numbers that may not be called."""
    return [
        _restricted(lead)
        if lead.restricted_at
        else {
            "id": lead.id,
            "first_name": lead.first_name if not lead.erased_at else ERASED_NAME,
            "last_name": lead.last_name,
            "company": lead.company,
            "phone_e164": lead.phone_e164,
            "notes": lead.notes,
            "country": lead.country,
            "time_zone": lead.time_zone,
            "suppressed": lead.phone_e164 in suppressed,
            "erased_at": lead.erased_at,
            "created_at": lead.created_at,
            "last_call_at": lead.last_call_at,
            "tags": lead.tags,
            "disposition": lead.disposition,
            "retry_at": lead.retry_at,
        }
        for lead in leads
    ]


def _restricted(lead: Any) -> dict[str, Any]:
    """Only that there is somebody; nothing about them is used, reading included."""
    return {
        "id": lead.id,
        "first_name": ERASED_NAME if lead.erased_at else RESTRICTED_NAME,
        "last_name": "",
        "company": "",
        "phone_e164": None,
        "notes": "",
        "country": "",
        "time_zone": "UTC",
        "suppressed": True,
        "erased_at": None,
        "created_at": lead.created_at,
        "last_call_at": lead.last_call_at,
        "tags": [],
        "disposition": None,
        "retry_at": None,
    }


def call_of(*, actor: Actor, call_id: UUID) -> Call:
    """:raises Call.DoesNotExist: unknown, or not the actor's to see."""
    return visible_calls(actor).get(id=call_id)


def calls_page(
    *,
    actor: Actor,
    lead_id: UUID | None,
    status: str | None,
    disposition: Result | None,
    cursor: str | None,
    limit: int,
    now: datetime,
) -> CallPage:
    """disposition: what came of them, by the rep's word or else the carrier's."""
    calls = visible_calls(actor)
    if disposition:
        calls = calls.filter(Q(disposition=disposition) | Q(disposition__isnull=True, outcome=disposition))
    if lead_id:
        calls = calls.filter(lead_id=lead_id)
    if status:
        calls = calls.filter(status=status)
    page = page_of(calls, cursor=cursor, limit=limit)
    spans = speech_spans([call.id for call in page.items])
    return CallPage.model_construct(
        items=[list_item(call, spans.get(call.id, []), now=now) for call in page.items],
        next_cursor=page.next_cursor,
    )


def speech_spans(call_ids: Iterable[UUID]) -> dict[UUID, list[SpeechSpan]]:
    """When who spoke, per call, for talk strips."""
    return spans_of(spoken(list(call_ids)))


def spoken(call_ids: Sequence[UUID]) -> QuerySet[TranscriptSegment, Any]:
    """For `spans_of`."""
    rows = TranscriptSegment.objects.get_queryset().filter(call_id__in=call_ids, kind="speech")
    return rows.order_by("call_id", "start_ms").values_list("call_id", "speaker", "start_ms", "end_ms", named=True)


def spans_of(rows: Iterable[Any]) -> dict[UUID, list[SpeechSpan]]:
    spans: dict[UUID, list[SpeechSpan]] = {}
    for call_id, speaker, start_ms, end_ms in rows:
        span = SpeechSpan.model_construct(speaker=cast(Speaker, speaker), start_ms=start_ms, end_ms=end_ms)
        spans.setdefault(call_id, []).append(span)
    return spans


def list_item(
    call: Call, spans: list[SpeechSpan], *, now: datetime, spendable_mcredits: int | None = None
) -> CallListItem:
    """spendable_mcredits: as for `call_out`."""
    shown = call_out(call, now=now, spendable_mcredits=spendable_mcredits)
    return CallListItem.model_construct(**dict(shown), speech=spans)


def call_out(call: Call, *, now: datetime, spendable_mcredits: int | None = None) -> CallOut:
    """spendable_mcredits: what the call can spend, where that is known already."""
    return CallOut(
        id=call.id,
        lead=CallLead(
            id=call.lead_id, name=call.lead.name, phone_e164=None if call.lead.restricted_at else call.lead.phone_e164
        ),
        user=person(call.user),
        way=call.way,
        status=call.status,
        transcript_state=call.transcript_state,
        created_at=call.created_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        duration_s=duration_s(call, now=now),
        charged_mcredits=call.charged_mcredits,
        seconds_left=seconds_left(call, now=now, spendable_mcredits=spendable_mcredits),
        limit_s=call.max_duration_s if call.max_duration_s < CALL_LENGTH_MAX_S else None,
        sequence=call.sequence,
        end_reason=call.end_reason,
        ended_by=person(call.ended_by) if call.ended_by_id and call.ended_by else None,
        voicemail=call.is_machine,
        outcome=call.outcome,
        disposition=call.disposition,
        notes="" if call.lead.restricted_at else call.notes,
        as_of=now,
    )


def person(user: User) -> CallUser:
    return CallUser(id=user.id, name=f"{user.first_name} {user.last_name}".strip())


def duration_s(call: Call, *, now: datetime) -> int:
    if call.ended_at is not None or call.answered_at is None:
        return call.duration_s
    return max(0, int((now - call.answered_at).total_seconds()))


def seconds_left(call: Call, *, now: datetime, spendable_mcredits: int | None = None) -> int | None:
    """Until the credits end: what is paid already plus what the hold and the free balance can pay.

    spendable_mcredits: their sum, where it is known already.
    """
    if call.status != "in_progress" or call.answered_at is None:
        return None
    if spendable_mcredits is None:
        spendable_mcredits = live.spendable([call.ledger_reference]).get(call.ledger_reference, 0)
    return _left_s(call, call.answered_at, spendable_mcredits, now)


def seconds_left_of(calls: Sequence[Call], *, now: datetime) -> dict[UUID, int]:
    """The same for many answered calls with one query; each is shown what others of its workspace might spend as well."""
    spendable = live.spendable([call.ledger_reference for call in calls])
    return {
        call.id: _left_s(call, call.answered_at, spendable.get(call.ledger_reference, 0), now)
        for call in calls
        if call.answered_at is not None
    }


def _left_s(call: Call, answered_at: datetime, spendable_mcredits: int, now: datetime) -> int:
    terms = ledger_queries.rate_card(call.rate_card_id).terms
    payable_s = affordable_s(amount_mcredits=spendable_mcredits, terms=terms)
    ends_s = min(call.minutes_charged * terms.increment_s + payable_s, call.max_duration_s)
    return max(0, ends_s - int((now - answered_at).total_seconds()))


def segment_out(segment: TranscriptSegment) -> SegmentOut:
    return SegmentOut(
        id=segment.id,
        call_id=segment.call_id,
        sequence=segment.sequence,
        speaker=segment.speaker,
        kind=segment.kind,
        start_ms=segment.start_ms,
        end_ms=segment.end_ms,
        text=segment.text,
        confidence=segment.confidence,
        words=[
            WordOut.model_construct(text=text, start_ms=start_ms, end_ms=end_ms, confidence=confidence)
            for text, start_ms, end_ms, confidence in segment.words
        ],
        replaces=segment.replaces,
        correction=_correction(segment),
        refusal=segment.refusal,
    )


def _correction(segment: TranscriptSegment) -> CorrectionOut | None:
    if segment.corrected_at is None or segment.original_text is None:
        return None
    by = segment.corrected_by
    name = f"{by.first_name} {by.last_name}".strip() if by is not None else None
    return CorrectionOut(by=name, at=segment.corrected_at, original_text=segment.original_text)


def watchers_of(call: Call) -> list[CallUser]:
    return watchers_of_many([call.id]).get(call.id, [])


def watchers_of_many(call_ids: Sequence[UUID]) -> dict[UUID, list[CallUser]]:
    """Who reads along in these calls, who began first first."""
    found: dict[UUID, list[CallUser]] = {}
    watches = CallWatch.objects.filter(call_id__in=call_ids).select_related("user").order_by("began_at", "id")
    for one in watches:
        found.setdefault(one.call_id, []).append(person(one.user))
    return found


def segments_after(*, call: Call, after_sequence: int, limit: int) -> SegmentPage:
    """In order of sequence; latest_sequence is the call's newest event, so a reader knows whether it has everything."""
    return segment_page(call, later_segments(call.id, after_sequence)[: min(limit, SEGMENTS_MAX)])


def segment_page(call: Call, segments: Iterable[TranscriptSegment]) -> SegmentPage:
    return SegmentPage(items=[segment_out(row) for row in segments], latest_sequence=call.sequence)


def later_segments(call_id: UUID, after_sequence: int) -> QuerySet[TranscriptSegment]:
    segments = TranscriptSegment.objects.get_queryset().select_related("corrected_by")
    return segments.filter(call_id=call_id, sequence__gt=after_sequence).order_by("sequence")
