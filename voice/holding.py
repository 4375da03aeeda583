"""Which leads and calls a legal hold covers, and what of them is sealed before it is erased."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from django.db.models import Q, QuerySet

from compliance import holds, sealing, tombstones
from compliance.models import LegalHold
from compliance.sealing import Copy, Row
from identity.staff import people_named
from voice.call_export import call_export
from voice.models import Call, Lead, TranscriptSegment

HeldBy = Literal["account", "number", "lead", "call"]


def place(
    *,
    what: HeldBy,
    which: str,
    basis: str,
    order_id: str,
    reason: str,
    review_on: date,
    ends_on: date,
    secret_until: date | None,
    by: str,
    now: datetime,
) -> LegalHold:
    """which: the whole e-mail of an account; a number, for all leads that have it; or the id of a lead or a call.

    Raises AccountUnknown, MobileInvalid, NothingToHold, ReviewPast, ReasonMissing.
    """
    return holds.place(
        rows=_rows(what, which, now),
        basis=basis,
        order_id=order_id,
        reason=reason,
        review_on=review_on,
        ends_on=ends_on,
        secret_until=secret_until,
        by=by,
        now=now,
    )


def of_held() -> Q:
    """Calls that are held: by themselves, with their lead, or with the account that made them."""
    return Q(id__in=sealing.held("call")) | Q(lead_id__in=sealing.held("lead")) | Q(user_id__in=sealing.held("account"))


def copies(*, leads: QuerySet[Lead], calls: QuerySet[Call]) -> Iterator[Copy]:
    """What of these leads and calls a hold in force covers, as it stands now."""
    if not sealing.any_in_force():
        return
    for lead in leads.filter(id__in=sealing.held("lead"), erased_at__isnull=True):
        yield Copy("lead", lead.id, _lead_content(lead), (("lead", lead.id),))
    yield from _calls("call", calls)


def keep_lead(lead: Lead, *, now: datetime) -> None:
    """Seals what stands in a lead that is held, before somebody changes it. Within the caller's transaction, which has locked the lead."""
    if sealing.any_in_force():
        was = Copy("lead_was", lead.id, _lead_content(lead), (("lead", lead.id),))
        sealing.keep([was], now=now)


def keep_notes(call: Call, *, now: datetime) -> None:
    """The same of what a rep has written down about a call."""
    if sealing.any_in_force():
        content = {"phone": call.lead.phone_e164, "notes": call.notes, "disposition": call.disposition}
        sealing.keep([Copy("call_was", call.id, content, _covering(call))], now=now)


def keep_line(segment: TranscriptSegment, *, call: Call, now: datetime) -> None:
    """The same of a line of a transcript. What was recognised stays beside every correction; the correction before does not."""
    if sealing.any_in_force():
        line = {"start_ms": segment.start_ms, "text": segment.text}
        content = {"call": str(call.id), "phone": call.lead.phone_e164, **line}
        sealing.keep([Copy("line_was", segment.id, content, _covering(call))], now=now)


def text_copies(calls: QuerySet[Call]) -> Iterator[Copy]:
    """What of the text of these calls, which is about to end, a hold in force covers; with the call that it belongs to."""
    if sealing.any_in_force():
        yield from _calls("text", calls)


def _calls(kind: Literal["call", "text"], calls: QuerySet[Call]) -> Iterator[Copy]:
    for call in calls.filter(of_held()).select_related("lead", "workspace").prefetch_related("segments", "legs"):
        legs = [{"role": leg.role, "sid": leg.sid} for leg in call.legs.all()]
        yield Copy(kind, call.id, {"customer": call.workspace.name, **call_export(call), "legs": legs}, _covering(call))


def _covering(call: Call) -> tuple[Row, ...]:
    return ("call", call.id), ("lead", call.lead_id), ("account", call.user_id)


def bury(leads: QuerySet[Lead], *, now: datetime) -> None:
    """So that a restored backup takes these leads away again, but for those that are held: it may not know of the hold."""
    gone = leads.exclude(id__in=sealing.held("lead")).values_list("id", flat=True)
    tombstones.bury(kind="lead", values=list(gone), now=now)


def _lead_content(lead: Lead) -> dict[str, object]:
    return {
        "customer": lead.workspace.name,
        "first_name": lead.first_name,
        "last_name": lead.last_name,
        "company": lead.company,
        "phone": lead.phone_e164,
        "notes": lead.notes,
        "tags": lead.tags,
        "disposition": lead.disposition,
        "added_at": lead.created_at.isoformat(),
    }


def _rows(what: HeldBy, which: str, now: datetime) -> list[Row]:
    """Raises AccountUnknown, MobileInvalid."""
    if what in ("account", "number"):
        named = people_named.whose(which, now=now)
        if what == "account":
            return [("account", named.user_id)] if named.user_id else []
        leads = Lead.objects.get_queryset().filter(phone_e164=named.phone_e164, erased_at__isnull=True)
        return [("lead", lead_id) for lead_id in leads.values_list("id", flat=True)] if named.phone_e164 else []
    try:
        row_id = UUID(which.strip())
    except ValueError:
        return []
    if what == "lead":
        known = Lead.objects.get_queryset().filter(id=row_id, erased_at__isnull=True).exists()
        return [("lead", row_id)] if known else []
    return [("call", row_id)] if Call.objects.get_queryset().filter(id=row_id).exists() else []
