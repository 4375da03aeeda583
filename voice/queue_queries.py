"""Reading the power-dial queue: one's own, and who has which lead."""

from datetime import datetime
from typing import Final

from django.db.models import Count, Q

from identity.auth import Actor
from identity.models import User
from voice import queries, queue_candidates
from voice.models import Call, QueueSession, Reservation
from voice.queue_schemas import (
    PassedOver,
    QueueOut,
    QueueState,
    ReservationOut,
    ReservationsOut,
    WorkerOut,
    WorkersOut,
)
from voice.schemas import CallOut

_SHOWN_MAX: Final = 500


def state_of(*, actor: Actor, now: datetime) -> QueueState:
    sessions = QueueSession.objects.for_workspace(actor.workspace_id)
    session = sessions.filter(user_id=actor.user_id, ended_at__isnull=True).first()
    return QueueState(queue=queue_out(session, now=now) if session else None)


def queue_out(session: QueueSession, *, now: datetime) -> QueueOut:
    counts = queue_candidates.counts(session, now=now)
    tally = session.reservations.aggregate(
        **{reason: Count("id", filter=Q(release_reason=reason)) for reason in ("called", "skipped")},
        **{reason: Count("id", filter=Q(release_reason=reason)) for reason in ("suppressed", "restricted")},
    )
    reserved = session.reservations.select_related("lead").filter(released_at__isnull=True, expires_at__gt=now).first()
    return QueueOut(
        tag=session.tag,
        disposition=session.disposition,
        started_at=session.started_at,
        lead=queries.leads_out([reserved.lead], workspace_id=session.workspace_id)[0] if reserved else None,
        reserved_until=reserved.expires_at if reserved else None,
        call=None if reserved else _last_call(session, now),
        left=counts.left,
        waiting=counts.waiting,
        next_retry_at=counts.next_retry_at,
        next_open_at=counts.next_open_at,
        passed_over=PassedOver(
            suppressed=tally["suppressed"],
            restricted=tally["restricted"],
            outside_hours=counts.outside_hours,
            # The person's own is not one that a colleague has.
            reserved=counts.reserved - (reserved is not None),
        ),
        called=tally["called"],
        skipped=tally["skipped"],
    )


def reservations(*, actor: Actor, now: datetime) -> ReservationsOut:
    """Who of the workspace has which lead."""
    rows = Reservation.objects.for_workspace(actor.workspace_id).filter(released_at__isnull=True, expires_at__gt=now)
    return ReservationsOut(
        items=[
            ReservationOut(lead_id=row.lead_id, user_id=row.user_id, name=_name(row.user), until=row.expires_at)
            for row in rows.select_related("user").order_by("reserved_at")[:_SHOWN_MAX]
        ]
    )


def workers(*, actor: Actor) -> WorkersOut:
    """Who of the workspace works through which leads. Raises NotPermitted."""
    actor.demand("see_team")
    sessions = QueueSession.objects.for_workspace(actor.workspace_id).filter(ended_at__isnull=True)
    counted = sessions.select_related("user").annotate(
        called=Count("reservations", filter=Q(reservations__release_reason="called")),
        skipped=Count("reservations", filter=Q(reservations__release_reason="skipped")),
    )
    shown = list(counted.order_by("started_at")[:_SHOWN_MAX])
    reserved = Reservation.objects.filter(session__in=shown, released_at__isnull=True).select_related("lead")
    leads = {row.session_id: row.lead.name for row in reserved}
    return WorkersOut(
        items=[
            WorkerOut(
                user_id=session.user_id,
                name=_name(session.user),
                tag=session.tag,
                disposition=session.disposition,
                started_at=session.started_at,
                seen_at=session.seen_at,
                lead=leads.get(session.id),
                called=session.called,
                skipped=session.skipped,
            )
            for session in shown
        ]
    )


def _last_call(session: QueueSession, now: datetime) -> CallOut | None:
    """The call of the lead that was reserved last, unless something else became of that lead."""
    last = session.reservations.exclude(release_reason__in=("suppressed", "restricted")).order_by("-reserved_at", "-id")
    reservation = last.first()
    if reservation is None or reservation.call_id is None:
        return None
    call = Call.objects.select_related("lead", "user").get(id=reservation.call_id)
    return queries.call_out(call, now=now)


def _name(user: User) -> str:
    return f"{user.first_name} {user.last_name}".strip()
