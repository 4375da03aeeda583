"""Which leads the queue offers, in which order, and why not the others. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Exists, F, Min, OuterRef, Q, QuerySet

from compliance import restriction, suppression
from identity.models import User
from voice.calling_hours import is_open_in_tables, opens_at, otherwise_by_country, zones_in_calling_hours
from voice.models import TERMINAL_STATUSES, Call, Lead, QueueSession, Reservation
from voice.outcomes import CAME_TO_NOTHING
from voice.phones import is_callable
from voice.retries import DELAYS

# Retries by when they are due; then whom nobody has called, as they were added; whoever was called longest ago before others.
ORDER: Final = (F("retry_at").asc(nulls_last=True), F("last_call_at").asc(nulls_first=True), "created_at", "id")
# The call that a reservation ended with rang no lead.
_IN_VAIN: Final = Q(release_reason="called", call__end_reason__in=CAME_TO_NOTHING)


@dataclass(frozen=True, slots=True)
class Counts:
    """Of the leads of a session. left: may be called now. waiting: retries that are not due yet, the first at next_retry_at.

    outside_hours: due, but it is no calling hour where they are; while none is left, it is one for the first of them at next_open_at.
    reserved: due, but a colleague has them or talks with them.
    """

    left: int
    waiting: int
    next_retry_at: datetime | None
    outside_hours: int
    reserved: int
    next_open_at: datetime | None = None


def offered(session: QueueSession, *, now: datetime) -> QuerySet[Lead]:
    """Those that may be called now as far as the tables tell, in order."""
    leads = _of_session(session).filter(_is_due(now), _may_be_called(now))
    return leads.filter(~_taken()).order_by(*ORDER)


def not_called_in_vain(leads: QuerySet[Lead], *, session: QueueSession) -> QuerySet[Lead]:
    """These without those whom the session called and did not ring, which come again after all others."""
    return leads.exclude(Exists(_through(session).filter(_IN_VAIN)))


def why_passed_over(leads: Iterable[Lead], *, session: QueueSession) -> dict[UUID, str]:
    """Of these leads those that may not be called at all: suppressed or restricted."""
    phones = {lead.id: lead.phone_e164 for lead in leads if lead.phone_e164}
    suppressed = suppression.suppressed_among(workspace_id=session.workspace_id, phones_e164=phones.values())
    rep = User.objects.filter(id=session.user_id).only("mobile_e164").first()
    own = rep.mobile_e164 if rep else None
    refused = {settings.TWILIO_CALLER_ID, own, *restriction.numbers_among(phones.values())}
    return {
        lead_id: "suppressed" if phone in suppressed else "restricted"
        for lead_id, phone in phones.items()
        if phone in suppressed or phone in refused or not is_callable(phone)
    }


def counts(session: QueueSession, *, now: datetime) -> Counts:
    places = _places(session, now)
    closed = [place for place in places if not _is_open(place, now)]
    outside_hours = sum(place.free for place in closed)
    left = sum(place.free for place in places) - outside_hours
    retries = [place.next_retry_at for place in places if place.next_retry_at]
    opens = (opens_at(now, time_zone=each.time_zone, country=each.country) for each in closed if each.free and not left)
    return Counts(
        left=left,
        waiting=sum(place.waiting for place in places),
        next_retry_at=min(retries, default=None),
        outside_hours=outside_hours,
        reserved=sum(place.reserved for place in places),
        next_open_at=min((at for at in opens if at), default=None),
    )


class _Place(NamedTuple):
    """Of the leads in one country and time zone: free are those that are due and that nobody has."""

    country: str
    time_zone: str
    free: int
    reserved: int
    waiting: int
    next_retry_at: datetime | None


def _places(session: QueueSession, now: datetime) -> list[_Place]:
    """By place, so that the hours are looked up for each of some hundreds at most and not for each lead."""
    due, waits = _is_due(now), Q(retry_at__gt=now)
    taken = Q(id__in=_taken_ids(session.workspace_id))
    found = (
        _of_session(session)
        .order_by()
        .values("country", "time_zone")
        .annotate(
            free=Count("id", filter=due & ~taken),
            reserved=Count("id", filter=due & taken),
            waiting=Count("id", filter=waits),
            next_retry_at=Min("retry_at", filter=waits),
        )
    )
    return [_Place(**each) for each in found]


def _is_open(place: _Place, now: datetime) -> bool:
    return settings.CALLING_HOURS == "shown" or is_open_in_tables(now, time_zone=place.time_zone, country=place.country)


def _of_session(session: QueueSession) -> QuerySet[Lead]:
    """Due or not, without those with which this session is through."""
    leads = Lead.objects.for_workspace(session.workspace_id).filter(erased_at__isnull=True)
    if session.tag:
        leads = leads.filter(tags__contains=[session.tag])
    if session.disposition is None:
        # Written out, so that the index of the queue is used.
        leads = leads.filter(Q(disposition__isnull=True) | Q(retry_at__isnull=False))
    elif session.disposition == "never_called":
        leads = leads.filter(disposition__isnull=True)
    else:
        leads = leads.filter(disposition=session.disposition)
        if session.disposition in DELAYS:
            leads = leads.filter(retry_at__isnull=False)
    # A lead that was only let go comes again, and so does the retry of a call, and one whom the call did not ring.
    stays = ~Q(release_reason="called") | Q(lead__retry_at__isnull=True) | Q(lead__retry_at__lte=F("released_at"))
    return leads.exclude(Exists(_through(session).exclude(release_reason="timed_out").filter(stays).exclude(_IN_VAIN)))


def _through(session: QueueSession) -> QuerySet[Reservation]:
    return Reservation.objects.filter(session=session, lead=OuterRef("id"), released_at__isnull=False)


def _may_be_called(now: datetime) -> Q:
    """It is a calling hour where they are, or the rep decides about that."""
    if settings.CALLING_HOURS == "shown":
        return Q(id__isnull=False)
    # Side by side: where it aggregates, Django hashes each level of a condition again for the level above it.
    closed_in, opened_in = Q(), Q()
    for country, closed, opened in otherwise_by_country(now):
        closed_in |= Q(country=country, time_zone__in=closed)
        opened_in |= Q(country=country, time_zone__in=opened)
    return Q(time_zone__in=zones_in_calling_hours(now)) & ~closed_in | opened_in


def _is_due(now: datetime) -> Q:
    return Q(retry_at__isnull=True) | Q(retry_at__lte=now)


def _taken() -> Q:
    """Somebody has the lead reserved or talks with it."""
    return Q(Exists(_reservations().filter(lead=OuterRef("id")))) | Q(Exists(_live().filter(lead=OuterRef("id"))))


def _taken_ids(workspace_id: UUID) -> list[UUID]:
    reserved = _reservations().filter(workspace_id=workspace_id).values_list("lead_id", flat=True)
    return [*reserved, *_live().filter(workspace_id=workspace_id).values_list("lead_id", flat=True)]


def _reservations() -> QuerySet[Reservation]:
    return Reservation.objects.filter(released_at__isnull=True)


def _live() -> QuerySet[Call]:
    return Call.objects.exclude(status__in=TERMINAL_STATUSES)
