"""Keeping the number that everybody calls from in good repute: calling pauses by itself, and nobody dials without end.

Numbers whose calls people do not want are screened, flagged and blocked. How many failures, complaints and dials are too many is
our own choice; carriers do not tell theirs.
https://support.twilio.com/hc/en-us/articles/1260803371030-Recommendations-and-Best-Practices-for-Maintaining-a-Positive-Caller-Reputation
"""

import logging
from collections.abc import Iterable, Sequence, Set
from datetime import datetime, timedelta
from math import ceil
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet

from compliance import audit, suppression
from identity.auth import Actor
from processors.errors import DomainError
from realtime.publish import Topic, publish_on_commit
from voice import carrier_limit
from voice.events import DiallingChanged
from voice.guard_schemas import PauseCause
from voice.models import TERMINAL_STATUSES, Call, DialPause
from voice.schemas import Refusal

logger = logging.getLogger(__name__)

# Of the newest calls of so long: how many at least, and which part of them, could not be put through.
FAILURES_WITHIN: Final = timedelta(minutes=30)
FAILURES_AMONG: Final = 20
FAILURES_MIN: Final = 8
FAILURES_SHARE: Final = 0.6
# For those that were answered in so long: how many people who were called in it asked not to be called, at least, and for which part.
COMPLAINTS_WITHIN: Final = timedelta(days=7)
COMPLAINTS_MIN: Final = 5
COMPLAINTS_SHARE: Final = 0.05
_SHOWN_MAX: Final = 20
NOT_PUT_THROUGH: Final = ("lead_unreachable", "carrier_refused", "carrier_unreachable")
MESSAGES: Final[dict[str, str]] = {
    "failures": "Calling is paused for the whole team: too many calls could not be put through. Look at them on the Team"
    " page and go on, or ask whoever runs the team.",
    "complaints": "Calling is paused for the whole team: too many people asked not to be called. Look at those calls on the"
    " Team page and go on, or ask whoever runs the team.",
}


class NotPaused(DomainError):
    """Calling goes on already; somebody else may have ended the pause a moment ago."""

    code: ClassVar[str] = "not_paused"


def refusals(*, actor: Actor, now: datetime) -> list[Refusal]:
    """Why the actor may dial nobody now."""
    found = []
    if pause := pause_of(actor.workspace_id):
        found.append(Refusal(code="dialling_paused", message=MESSAGES[pause.cause]))
    limits = (
        (timedelta(hours=1), settings.MEMBER_DIALS_PER_HOUR_MAX, "hour"),
        (timedelta(hours=24), settings.MEMBER_DIALS_PER_DAY_MAX, "24 hours"),
    )
    for within, most, words in limits:
        # The oldest of as many as are allowed frees a place when it is old enough.
        oldest = _dialled_at(actor.user_id, most, now - within)
        if oldest is not None:
            wait_min = ceil((oldest + within - now).total_seconds() / 60)
            message = (
                f"You have dialled {most} times in the last {words}, and more would get the number that your team calls from"
                f" marked as a nuisance. Go on in {_waiting(wait_min)}."
            )
            found.append(Refusal(code="dials_reached", message=message))
            break
    return found


def _dialled_at(user_id: UUID, most: int, since: datetime) -> datetime | None:
    """When the person dialled for the last time but (most - 1), in all of their workspaces, which call from one number."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT voice_dialled_at(%s, %s, %s)", [user_id, most, since])
        found: tuple[datetime | None] = cursor.fetchone()
    return found[0]


def look_after_complaint(*, workspace_ids: Iterable[UUID], now: datetime) -> None:
    """Pauses calling where too many people asked not to be called. Within the transaction in which somebody who was called has."""
    # In one order, so that two of them never wait for each other.
    for workspace_id in sorted(workspace_ids):
        pause_for_complaints(workspace_id, least=COMPLAINTS_MIN, now=now)


def pause_for_complaints(workspace_id: UUID, *, least: int, now: datetime) -> None:
    """Pauses calling of one workspace if so many of those whom it called, and COMPLAINTS_SHARE of its answered calls, asked not to be
    called since somebody looked at it last."""
    since = _looked_at_since(workspace_id, now - COMPLAINTS_WITHIN)
    if since is None:
        return
    asked = suppression.asked_since(workspace_id=workspace_id, since=since)
    if len(asked) < least:
        return
    brought = list(called_among(workspace_id, asked, since=since).values())
    answered = _calls_since(workspace_id, since).filter(answered_at__isnull=False).count()
    if len(brought) >= least and len(brought) >= COMPLAINTS_SHARE * answered:
        _begin(workspace_id, "complaints", brought[:_SHOWN_MAX], now)


def look_at_end(call: Call, *, now: datetime) -> None:
    """Pauses calling if too many of the newest calls could not be put through. Within the transaction that ends this one."""
    if call.end_reason not in NOT_PUT_THROUGH:
        return
    since = _looked_at_since(call.workspace_id, now - FAILURES_WITHIN)
    if since is not None and (brought := _failures(_calls_since(call.workspace_id, since))):
        _begin(call.workspace_id, "failures", brought, now)


@transaction.atomic
def resume(*, actor: Actor, now: datetime) -> None:
    """Ends the pause; what came before it does not bring another one.

    :raises NotPermitted: the actor does not run the team.
    :raises NotPaused: calling goes on already.
    """
    actor.demand("manage_members")
    pause = _open(actor.workspace_id).select_for_update().first()
    if pause is None:
        raise NotPaused("Calling is not paused. Reload the page.")
    pause.resumed_at = now
    pause.save(update_fields=["resumed_at"])
    audit.record(
        workspace_id=actor.workspace_id,
        actor_ref=str(actor.user_id),
        action="dialling.resumed",
        target=str(pause.id),
        detail={},
        now=now,
    )
    publish_on_commit(Topic.workspace(actor.workspace_id), DiallingChanged(paused=False))


def _open(workspace_id: UUID) -> QuerySet[DialPause]:
    return DialPause.objects.for_workspace(workspace_id).filter(resumed_at__isnull=True)


def pause_of(workspace_id: UUID) -> DialPause | None:
    """What lasts now."""
    return _open(workspace_id).first()


def _looked_at_since(workspace_id: UUID, earliest: datetime) -> datetime | None:
    """From when on things count: what was before a pause that somebody ended, brings no other. None while one lasts."""
    if pause_of(workspace_id) is not None:
        return None
    last = DialPause.objects.for_workspace(workspace_id).order_by("-resumed_at").first()
    return max(earliest, last.resumed_at) if last and last.resumed_at else earliest


def _calls_since(workspace_id: UUID, since: datetime) -> QuerySet[Call]:
    return Call.objects.for_workspace(workspace_id).filter(created_at__gt=since).order_by("-created_at")


def _failures(calls: QuerySet[Call]) -> list[UUID]:
    """The calls that were not put through, if there are too many; a rep who gave up or did not answer says nothing, nor does the
    operator's account where it is at its limit."""
    decided = calls.filter(status__in=TERMINAL_STATUSES).exclude(
        Q(status="cancelled")
        | Q(end_reason=carrier_limit.REASON, end_reason__isnull=False)
        | Q(end_reason__startswith="rep_", end_reason__isnull=False)
    )
    newest = list(decided.values_list("id", "end_reason")[:FAILURES_AMONG])
    failed = [call_id for call_id, reason in newest if reason in NOT_PUT_THROUGH]
    too_many = len(failed) >= FAILURES_MIN and len(failed) >= FAILURES_SHARE * len(newest)
    return failed if too_many else []


def called_among(workspace_id: UUID, asked: Set[str], *, since: datetime) -> dict[str, UUID]:
    """Of those who asked not to be called, by their keys: whom the workspace called since then, with the newest call to each. They asked
    in the call, by a key, or on the page of those who were called. Whoever was not called may ask so too, and says nothing of the
    calls."""
    newest: dict[str, UUID] = {}
    for call_id, phone in _calls_since(workspace_id, since).values_list("id", "lead__phone_e164").iterator():
        if phone is not None:
            newest.setdefault(phone, call_id)
    return {key: newest[phone] for key, phone in suppression.keyed(newest).items() if key in asked}


def _begin(workspace_id: UUID, cause: PauseCause, brought: Sequence[UUID], now: datetime) -> None:
    try:
        with transaction.atomic():
            pause = DialPause.objects.create(workspace_id=workspace_id, cause=cause, paused_at=now)
            pause.calls.set(Call.objects.for_workspace(workspace_id).filter(id__in=brought))
    except IntegrityError:
        # Another call of the team's brought it in this moment.
        return
    logger.warning("dialling paused", extra={"workspace_id": str(workspace_id), "reason": cause, "count": len(brought)})
    publish_on_commit(Topic.workspace(workspace_id), DiallingChanged(paused=True))


def _waiting(minutes: int) -> str:
    return f"{minutes} minute{'s' if minutes != 1 else ''}" if minutes < 120 else f"{ceil(minutes / 60)} hours"
