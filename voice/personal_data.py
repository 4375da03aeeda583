"""What voice holds about people here; what the carrier holds is in voice/carrier_records.py."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from ai import called as ai_called
from ai import forgetting as ai
from ai import queries as ai_queries
from compliance import correcting, pace
from compliance.sealing import Copy
from compliance.stores import Corrected, Listed, Subject, batched
from identity.outgoing import deliveries
from identity.team_lock import lock_workspaces
from processors.pseudonyms import pseudonym
from voice import caps, following, holding, limit_marks, tags, transcript_refusals
from voice.call_export import called_export, exported_calls, iso, own_export, with_text
from voice.carrier_records import calls_of
from voice.models import (
    Call,
    CallWatch,
    DialPause,
    Lead,
    LimitMark,
    Reservation,
    Tag,
    TranscriptRefusal,
    TranscriptSegment,
)

# In one transaction, so that none takes long.
ERASED_TOGETHER: Final = 5
# With all that was said in them.
CALLS_A_PAGE: Final = 5


def _leads_of(subject: Subject) -> QuerySet[Lead]:
    match = Q(workspace_id__in=subject.workspace_ids_to_erase)
    if subject.kind == "callee" and subject.phone_e164:
        match |= Q(phone_e164=subject.phone_e164)
    return Lead.objects.get_queryset().filter(match)


def _shown_leads(subject: Subject) -> QuerySet[Lead]:
    """Whoever is restricted is so in what a member is shown too."""
    held = _leads_of(subject).filter(erased_at__isnull=True).select_related("workspace")
    return held if subject.kind == "callee" else held.filter(restricted_at__isnull=True)


def _lead_out(lead: Lead, *, called: bool) -> dict[str, Any]:
    return {
        **(_said_to(lead) if called else {}),
        # Restricted or not: who takes the copy is the person, or is not shown who is restricted.
        "name": lead.own_name,
        "company": lead.company,
        "phone": lead.phone_e164,
        "notes": lead.notes,
        "tags": lead.tags,
        "disposition": lead.disposition,
        "try_again_at": lead.retry_at.isoformat() if lead.retry_at else None,
        "added_at": lead.created_at.isoformat(),
    }


def _said_to(lead: Lead) -> dict[str, Any]:
    """What only the called person is told: who the customer is, and whether they have refused that calls are written down."""
    number = lead.phone_e164
    refused = number is not None and transcript_refusals.is_refused(workspace_id=lead.workspace_id, phone_e164=number)
    return {"customer": lead.workspace.name, "transcript_refused": refused}


def _watch_out(watch: CallWatch) -> dict[str, Any]:
    return {"call_id": str(watch.call_id), "began_at": watch.began_at.isoformat()}


def _ended_out(call: Call) -> dict[str, Any]:
    return {"call_id": str(call.id), "ended_at": iso(call.ended_at)}


def _marks_of(subject: Subject) -> QuerySet[LimitMark]:
    """What is left of calls that are not here any more; it leads to who was called alone, not to who called."""
    match = Q(workspace_id__in=subject.workspace_ids_to_erase)
    if subject.kind == "callee" and subject.phone_e164:
        match |= Q(number_key=pseudonym("phone", subject.phone_e164))
    return LimitMark.objects.get_queryset().filter(match).order_by("id")


def _watches_of(subject: Subject) -> QuerySet[CallWatch]:
    """What the person reads along in; those who read along in the person's calls go with the calls."""
    rows = CallWatch.objects.get_queryset()
    return rows.filter(user_id=subject.user_id) if subject.user_id else rows.none()


def _ended_by(subject: Subject) -> QuerySet[Call]:
    """Colleagues' calls that the person ended."""
    rows = Call.objects.get_queryset()
    return rows.filter(ended_by_id=subject.user_id) if subject.user_id else rows.none()


class VoiceStore:
    """Leads, calls and transcripts in our own database."""

    name = "voice"

    def find(self, subject: Subject) -> dict[str, int]:
        calls = calls_of(subject)
        counts = {
            "callee": _leads_of(subject).filter(erased_at__isnull=True).count(),
            "call": calls.count(),
            "transcript": TranscriptSegment.objects.get_queryset().filter(call__in=calls).count(),
            "watch": _watches_of(subject).count() + _ended_by(subject).count(),
            "call_limit": _marks_of(subject).count(),
        }
        if subject.kind == "callee":
            # What was made of these calls leads to the person through them alone.
            counts |= ai_queries.made_of_calls(calls.values_list("id", flat=True))
        return {element: count for element, count in counts.items() if count}

    def held_copies(self, subject: Subject) -> Iterable[Copy]:
        return holding.copies(leads=_leads_of(subject).select_related("workspace"), calls=calls_of(subject))

    def listed(self, subject: Subject) -> dict[str, list[Listed]]:
        called = subject.kind == "callee"
        shown = called_export if called else own_export
        understood = ai_called.insights_of(calls_of(subject).values_list("id", flat=True))
        return {
            # What was understood of a member's calls is told by the package that understands them.
            **({"insight": [Listed(understood, ai_called.exported)]} if called else {}),
            # It outlives every erasure, so it is not among what is found and erased.
            **(
                {"suppression": [Listed(transcript_refusals.of_number(subject.phone_e164), transcript_refusals.shown)]}
                if called
                else {}
            ),
            "callee": [Listed(_shown_leads(subject), partial(_lead_out, called=called))],
            "call": [Listed(with_text(calls_of(subject)), shown, size=CALLS_A_PAGE)],
            "watch": [Listed(_watches_of(subject), _watch_out), Listed(_ended_by(subject), _ended_out)],
            "call_limit": [Listed(_marks_of(subject), limit_marks.shown)],
        }

    def export(self, subject: Subject) -> dict[str, Any]:
        called = subject.kind == "callee"
        leads = [_lead_out(lead, called=called) for lead in _shown_leads(subject)]
        # They are read while they are given out: what was said in them is most of what is held.
        calls = exported_calls(calls_of(subject), called=called) if calls_of(subject).exists() else ()
        watched = [*map(_watch_out, _watches_of(subject)), *map(_ended_out, _ended_by(subject))]
        # These are reached through their calls alone, and read like them.
        understood = ai_called.exported_insights(calls_of(subject).values_list("id", flat=True)) if called else ()
        refused = map(transcript_refusals.shown, transcript_refusals.of_number(subject.phone_e164)) if called else ()
        held = {
            "callee": leads,
            "call": calls,
            "insight": understood,
            "watch": watched,
            "suppression": [*refused],
            "call_limit": [*map(limit_marks.shown, _marks_of(subject))],
        }
        return {key: rows for key, rows in held.items() if rows}

    def follow(self, corrected: Corrected, *, now: datetime) -> None:
        following.follow(corrected, now=now)

    def left_of(self, corrected: Corrected) -> int:
        return following.left_of(corrected)

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        counts = self.find(subject)
        _watches_of(subject).delete()
        _ended_by(subject).update(ended_by=None)
        with pace.committed_later():
            for call_ids in batched(calls_of(subject).values_list("id", flat=True), ERASED_TOGETHER):
                with pace.paced():
                    ai.forget_calls(call_ids=call_ids, now=now)
                with pace.paced():
                    _erase_calls(call_ids, subject, now)
        # After the calls, none of which leaves one any more.
        _marks_of(subject).delete()
        correcting.forget(kind="lead", target_ids=_leads_of(subject).values_list("id", flat=True))
        for model in (Lead, Tag, DialPause, TranscriptRefusal):
            model.objects.get_queryset().filter(workspace_id__in=subject.workspace_ids_to_erase).delete()
        _empty_leads(_leads_of(subject).filter(erased_at__isnull=True), now)
        if subject.kind == "callee":
            ai.forget_narrowed(_erased_leads())
        return counts

    def verify(self, subject: Subject) -> int:
        calls = (calls_of(subject), _watches_of(subject), _ended_by(subject), _marks_of(subject))
        left = sum(rows.count() for rows in (_leads_of(subject).filter(erased_at__isnull=True), *calls))
        # Their numbers are gone, so it is not told any more which of them is the person.
        return left + (ai.narrowed_to(_erased_leads()) if subject.kind == "callee" else 0)


def _erased_leads() -> QuerySet[Lead, UUID]:
    return Lead.objects.get_queryset().filter(erased_at__isnull=False).values_list("id", flat=True)


def _erase_calls(call_ids: Sequence[UUID], subject: Subject, now: datetime) -> None:
    deliveries.forget_calls(call_ids=call_ids)
    with transaction.atomic():
        mine = Call.objects.get_queryset().filter(id__in=call_ids)
        # The calls before what is of them, as everybody who locks both.
        list(mine.select_for_update().order_by("id").values_list("id"))
        # What others spent on calls with the person stays counted, where the workspace stays.
        others = mine.exclude(workspace_id__in=subject.workspace_ids_to_erase)
        caps.keep_spending(others if subject.user_id is None else others.exclude(user_id=subject.user_id))
        if subject.kind == "user":
            # Whom the person called has not asked for it, and is not to be called more often for it.
            limit_marks.keep(others, now=now)
        mine.delete()


def _empty_leads(leads: QuerySet[Lead], now: datetime) -> None:
    """Leaves their rows without anything of the person; a tag that nobody else bears may have been about them."""
    with transaction.atomic():
        lock_workspaces(list(leads.values_list("workspace_id", flat=True)))
        rows = list(leads.select_for_update())
        ai.forget_leads(leads=[ai.NamedLead(lead.id, lead.workspace_id, lead.own_name) for lead in rows])
        holding.bury(leads, now=now)
        Reservation.objects.get_queryset().filter(lead__in=rows).delete()
        leads.update(
            first_name="",
            last_name="",
            company="",
            phone_e164=None,
            country="",
            time_zone="UTC",
            notes="",
            last_call_at=None,
            tags=[],
            disposition=None,
            attempts=0,
            retry_at=None,
            restricted_at=None,
            erased_at=now,
        )
        for lead in rows:
            tags.forget_unused(workspace_id=lead.workspace_id, names=lead.tags)


STORE = VoiceStore()
