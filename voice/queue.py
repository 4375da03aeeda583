"""The power-dial queue: a person goes through leads, each reserved for them until they call, skip it, or take too long.

Nothing here dials: the lead that is reserved is called by a press of Call, like any other, with all its checks.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from identity.auth import Actor
from identity.models import User
from processors.errors import DomainError
from realtime.publish import Topic, publish_on_commit
from voice import queue_candidates
from voice.events import LeadReleased, LeadReserved
from voice.models import TERMINAL_STATUSES, Call, Lead, QueueSession, Reservation
from voice.queue_schemas import QueueIn, ReservationOut, SkipIn

RESERVED_FOR: Final = timedelta(minutes=5)
IDLE_AFTER: Final = timedelta(minutes=30)
# Leads that are looked at in one go, and at most until one is found that may be called.
AT_ONCE: Final = 50
LOOKED_AT_MAX: Final = 2_000
_RELEASED_MAX: Final = 200
_SESSIONS_SWEPT_MAX: Final = 50


class QueueNotStarted(DomainError):
    """The person works through no leads: never began, ended it, or was away for half an hour."""

    code: ClassVar[str] = "queue_not_started"


def start(*, actor: Actor, wanted: QueueIn, now: datetime) -> QueueSession:
    """Begins to work through leads, and reserves the first. What the person worked through before is ended."""
    with transaction.atomic():
        # Two presses at once wait for each other here.
        User.objects.select_for_update(no_key=True).get(id=actor.user_id)
        for earlier in _open_sessions(actor).select_for_update():
            _end(earlier, now)
        session = QueueSession.objects.create(
            workspace_id=actor.workspace_id,
            user_id=actor.user_id,
            tag=wanted.tag,
            disposition=wanted.disposition,
            started_at=now,
            seen_at=now,
        )
        _reserve_next(session, now)
        return session


def take_next(*, actor: Actor, now: datetime) -> QueueSession:
    """Reserves the next lead; the one that is reserved stays, however often this is asked.

    :raises QueueNotStarted:
    """
    with transaction.atomic():
        session = _locked(actor, now)
        _reserve_next(session, now)
        return session


def skip(*, actor: Actor, skipped: SkipIn, now: datetime) -> QueueSession:
    """Lets the reserved lead go and reserves the next. It is not offered again in this session.

    :raises Lead.DoesNotExist: not in the actor's workspace.
    :raises QueueNotStarted:
    """
    with transaction.atomic():
        lead = Lead.objects.for_workspace(actor.workspace_id).get(id=skipped.lead_id)
        session = _locked(actor, now)
        reserved = session.reservations.filter(lead=lead, released_at__isnull=True)
        _release(_waited_for(reserved), "skipped", now, skip_reason=skipped.reason)
        _reserve_next(session, now)
        return session


def end(*, actor: Actor, now: datetime) -> None:
    """Ends what the person works through; nothing happens when that is nothing."""
    with transaction.atomic():
        for session in _open_sessions(actor).select_for_update():
            _end(session, now)


def note_called(*, call: Call, now: datetime) -> None:
    """The person has pressed Call; in the transaction that places the call."""
    # The session before its reservations, as everybody who locks both.
    sessions = QueueSession.objects.for_workspace(call.workspace_id).filter(user_id=call.user_id)
    sessions.filter(ended_at__isnull=True).update(seen_at=now)
    mine = Reservation.objects.filter(lead_id=call.lead_id, user_id=call.user_id, released_at__isnull=True)
    _release(_waited_for(mine), "called", now, call=call)


def sweep_queue(*, now: datetime) -> None:
    """Lets go what was reserved for too long, and ends sessions in which nobody does anything."""
    with transaction.atomic():
        _release(_expired(Reservation.objects.get_queryset(), now), "timed_out", now)
    talking = Call.objects.exclude(status__in=TERMINAL_STATUSES).filter(user_id=OuterRef("user_id"))
    idle = QueueSession.objects.filter(~Exists(talking), ended_at__isnull=True, seen_at__lte=now - IDLE_AFTER)
    with transaction.atomic():
        for session in idle.select_for_update(skip_locked=True, of=("self",))[:_SESSIONS_SWEPT_MAX]:
            _end(session, now)


def _open_sessions(actor: Actor) -> QuerySet[QueueSession]:
    sessions = QueueSession.objects.for_workspace(actor.workspace_id)
    return sessions.filter(user_id=actor.user_id, ended_at__isnull=True)


def _locked(actor: Actor, now: datetime) -> QueueSession:
    session = _open_sessions(actor).select_for_update().first()
    if session is None:
        raise QueueNotStarted("You have not started, or were away for half an hour. Start again.")
    session.seen_at = now
    session.save(update_fields=["seen_at"])
    return session


def _end(session: QueueSession, now: datetime) -> None:
    _release(_waited_for(session.reservations.filter(released_at__isnull=True)), "ended", now)
    session.ended_at = now
    session.save(update_fields=["ended_at"])


def _reserve_next(session: QueueSession, now: datetime) -> None:
    """Reserves a lead for the session, which the caller has locked, unless one is or none is to be had."""
    _release(_expired(Reservation.objects.for_workspace(session.workspace_id), now), "timed_out", now)
    if session.reservations.filter(released_at__isnull=True).exists():
        return
    offered = queue_candidates.offered(session, now=now)
    # A rep whose own phone fails goes on to the others first, instead of meeting the same lead again and again.
    if not _reserve_one(session, queue_candidates.not_called_in_vain(offered, session=session), now):
        _reserve_one(session, offered, now)


def _reserve_one(session: QueueSession, offered: QuerySet[Lead], now: datetime) -> bool:
    """Whether one of these could be had."""
    looked_at: set[UUID] = set()
    while len(looked_at) < LOOKED_AT_MAX:
        leads = list(offered.exclude(id__in=looked_at)[:AT_ONCE])
        if not leads:
            return False
        passed_over = queue_candidates.why_passed_over(leads, session=session)
        _pass_over(session, passed_over, now)
        for lead in leads:
            if lead.id not in passed_over and _reserve(session, lead, now):
                return True
        looked_at |= {lead.id for lead in leads}
    return False


def _pass_over(session: QueueSession, reasons: Mapping[UUID, str], now: datetime) -> None:
    """Noted, so that the session neither looks at them again nor forgets how many they were."""
    Reservation.objects.bulk_create(
        Reservation(
            workspace_id=session.workspace_id,
            session=session,
            user_id=session.user_id,
            lead_id=lead_id,
            reserved_at=now,
            expires_at=now,
            released_at=now,
            release_reason=reason,
        )
        for lead_id, reason in reasons.items()
    )


def _reserve(session: QueueSession, lead: Lead, now: datetime) -> bool:
    """Whether the lead could be had. It may have been called, reserved or changed since it was looked at."""
    offered = queue_candidates.offered(session, now=now).filter(id=lead.id)
    # Whoever is about to call or reserve it holds its row; nobody waits for them.
    if offered.select_for_update(skip_locked=True, no_key=True, of=("self",)).first() is None:
        return False
    reservation = Reservation(
        workspace_id=session.workspace_id,
        session=session,
        user_id=session.user_id,
        lead=lead,
        reserved_at=now,
        expires_at=now + RESERVED_FOR,
    )
    # Somebody who has just let go of the row may have reserved it: then the constraint keeps the second out.
    Reservation.objects.bulk_create([reservation], ignore_conflicts=True)
    if not Reservation.objects.filter(id=reservation.id).exists():
        return False
    user = User.objects.get(id=session.user_id)
    told = ReservationOut(
        lead_id=lead.id,
        user_id=user.id,
        name=f"{user.first_name} {user.last_name}".strip(),
        until=reservation.expires_at,
    )
    publish_on_commit(Topic.workspace(session.workspace_id), LeadReserved(reservation=told))
    return True


def _waited_for(reservations: QuerySet[Reservation]) -> QuerySet[Reservation]:
    return reservations.select_for_update(of=("self",))


def _expired(reservations: QuerySet[Reservation], now: datetime) -> QuerySet[Reservation]:
    """Those that nobody else lets go in this moment."""
    due = reservations.filter(released_at__isnull=True, expires_at__lte=now).order_by("id")
    return due.select_for_update(skip_locked=True, of=("self",))[:_RELEASED_MAX]


def _release(
    reservations: QuerySet[Reservation],
    reason: str,
    now: datetime,
    *,
    call: Call | None = None,
    skip_reason: str | None = None,
) -> None:
    """Lets these go, which the query locks."""
    for reservation in reservations:
        reservation.released_at, reservation.release_reason = now, reason
        reservation.call, reservation.skip_reason = call, skip_reason
        reservation.save(update_fields=["released_at", "release_reason", "call", "skip_reason"])
        publish_on_commit(
            Topic.workspace(reservation.workspace_id),
            LeadReleased(lead_id=reservation.lead_id, user_id=reservation.user_id),
        )
