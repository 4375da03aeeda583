"""Looks into a workspace: found by something exact, begun with a reason, read only, over by themselves.

Each beginning, each kind of thing that was opened, and each end is a link in the audit log, in the transaction of the act.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final, Literal, cast
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least

from compliance import audit, cases, restriction
from compliance.audit import Plain
from compliance.models import AuditEvent
from compliance.redaction import redact_cards
from identity.auth import Actor
from identity.models import Membership
from identity.permissions import Role
from identity.staff.actor import StaffActor, staff_ref
from identity.staff.look_check import bound
from identity.staff.models import Look, StaffSession
from processors.errors import DomainError

LOOK_FOR: Final = timedelta(minutes=30)
REASON_MIN: Final = 15
# What a look may be for besides a case: an entry of the help desk, which nobody can look up from here.
TICKET: Final = re.compile(r"ticket:[A-Za-z0-9][A-Za-z0-9-]{0,39}")
REASON_MAX: Final = 500

# What is seen in a look, as the workspace is told.
Opened = Literal[
    "activity",
    "balance",
    "burn_down",
    "call",
    "calls",
    "dial_check",
    "explanation",
    "insights",
    "keys",
    "lead",
    "leads",
    "looks",
    "purchases",
    "questions",
    "receipt",
    "spending",
    "statement",
    "team",
    "top_up",
    "transcript",
]


class LookTargetMissing(DomainError):
    """There is no such member of such a workspace."""

    code: ClassVar[str] = "look_target_missing"


class LookNotAllowed(DomainError):
    """The member's account is blocked, restricted or being erased, so nobody reads on in it."""

    code: ClassVar[str] = "look_not_allowed"


class LookCaseRefused(DomainError):
    """What the look is said to be for is neither an open case nor a ticket of the help desk."""

    code: ClassVar[str] = "look_case_refused"


class LookMissing(DomainError):
    """No look is open; it was ended, or its time is over."""

    code: ClassVar[str] = "look_missing"


@dataclass(frozen=True, slots=True)
class OpenLook:
    """A look that goes on. membership: with its user and workspace, as whom the pages are seen."""

    look: Look
    staff: StaffActor
    membership: Membership

    @property
    def actor(self) -> Actor:
        """Reads as the member reads; that it writes nothing is kept where requests come in."""
        return Actor(
            user_id=self.membership.user_id,
            workspace_id=self.membership.workspace_id,
            role=cast(Role, self.membership.role),
            is_look=True,
        )


def begin(
    *, actor: StaffActor, workspace_id: UUID, user_id: UUID, reason: str, case_reference: str, now: datetime
) -> Look:
    """A look through the eyes of a member, for LOOK_FOR. One that the session has open ends.

    case_reference: of an open case, or a TICKET; "" for none.
    Raises StaffNotPermitted, LookCaseRefused, LookTargetMissing, LookNotAllowed.
    """
    actor.demand("look")
    for_what = _checked(case_reference)
    with transaction.atomic():
        members = Membership.objects.for_workspace(workspace_id).select_related("user", "workspace")
        member = members.filter(user_id=user_id, workspace__erased_at__isnull=True).first()
        if member is None:
            raise LookTargetMissing("There is no such member any more. Search again.")
        if not member.user.is_active:
            raise LookNotAllowed(
                "This account is blocked or being deleted, so nobody looks into it. Choose another member."
            )
        if restriction.covers(user_id):
            raise LookNotAllowed(
                "This person has restricted the use of their data, so nobody looks into it. Choose another member."
            )
        # Of two that begin at once in a session, the second ends the first.
        StaffSession.objects.select_for_update().filter(id=actor.session_id).first()
        end(session_ids=[actor.session_id], now=now)
        look = Look(
            workspace_id=workspace_id,
            member_id=actor.member_id,
            staff_role=actor.role,
            session_id=actor.session_id,
            user_id=user_id,
            reason=redact_cards(reason)[:REASON_MAX],
            case_reference=for_what,
            began_at=now,
            ends_at=now + LOOK_FOR,
        )
        # The chain binds the reason without saying it: it can be taken out, and is not exchanged unseen.
        until = look.ends_at.isoformat()
        event = _note(look, "look.began", now, staff_role=actor.role, until=until, reason_hash=bound(look))
        look.began_sequence = event.sequence
        look.save(force_insert=True)
    return look


def _checked(reference: str) -> str:
    """As it is kept and as the workspace reads it. Raises LookCaseRefused."""
    typed = reference.strip()
    if not typed or (TICKET.fullmatch(typed) and redact_cards(typed) == typed):
        return typed
    try:
        case = cases.of_reference(typed)
    except cases.CaseUnknown:
        raise LookCaseRefused(
            "No case has this reference. Copy it from the case (KS-…), write ticket: and the number that the help desk gave it, or"
            " leave it empty."
        ) from None
    if not case.is_open:
        raise LookCaseRefused("This case was answered. Take one that is open, or leave it empty.")
    return case.reference


def end(*, session_ids: Iterable[UUID], now: datetime) -> int:
    """Ends what is open in these sessions; what was over by itself keeps that moment. Returns how many went on until now."""
    with transaction.atomic():
        rows = list(Look.objects.get_queryset().select_for_update().filter(session_id__in=session_ids, ended_at=None))
        for look in rows:
            Look.objects.get_queryset().filter(id=look.id).update(ended_at=Least(F("ends_at"), now))
        going_on = [look for look in rows if look.ends_at > now]
        for look in going_on:
            _note(look, "look.ended", now)
    return len(going_on)


def end_own(*, actor: StaffActor, now: datetime) -> None:
    """Raises StaffNotPermitted, LookMissing."""
    actor.demand("look")
    if not end(session_ids=[actor.session_id], now=now):
        raise LookMissing("This look is over already. Go back to the staff pages.")


def open_look(*, actor: StaffActor, now: datetime, look_id: UUID | None = None) -> OpenLook | None:
    """The session's look, if it goes on; None too when the member has left, or the account was blocked or restricted
    meanwhile.

    look_id: the only one that is wanted.
    """
    if not actor.may("look"):
        return None
    rows = Look.objects.get_queryset().filter(session_id=actor.session_id, ended_at__isnull=True, ends_at__gt=now)
    look = (rows if look_id is None else rows.filter(id=look_id)).first()
    # Without a member it concerns nobody any more: the person was erased.
    if look is None or look.user_id is None or restriction.covers(look.user_id):
        return None
    members = Membership.objects.for_workspace(look.workspace_id).select_related("user", "workspace")
    member = members.filter(user_id=look.user_id, user__is_active=True).first()
    return None if member is None else OpenLook(look=look, staff=actor, membership=member)


def note_opened(*, look: OpenLook, what: Opened, thing_id: UUID | None, now: datetime) -> None:
    """Writes down what is about to be seen, once a look for each kind and thing.

    now: the moment of showing it, not that of asking: a look may end in between. Raises LookMissing, and then nothing is to be shown.
    """
    detail: dict[str, Plain] = {"what": what} | ({} if thing_id is None else {"id": str(thing_id)})
    with transaction.atomic():
        # Pages ask for several things at once; in line, none is written down twice.
        goes_on = Look.objects.get_queryset().select_for_update().get(id=look.look.id)
        if goes_on.ended_at is not None or goes_on.ends_at <= now:
            raise LookMissing("This look is over already. Go back to the staff pages.")
        if not openings(look.look).filter(detail=detail).exists():
            _note(look.look, "look.opened", now, **detail)


def openings(look: Look) -> QuerySet[AuditEvent]:
    """What was opened in a look, in order."""
    return AuditEvent.objects.filter(
        workspace_id=look.workspace_id,
        sequence__gt=look.began_sequence,
        action="look.opened",
        target=str(look.id),
    ).order_by("sequence")


def _note(
    look: Look, action: Literal["look.began", "look.ended", "look.opened"], now: datetime, **detail: Plain
) -> AuditEvent:
    return audit.record(
        workspace_id=look.workspace_id,
        actor_ref=staff_ref(look.member_id),
        action=action,
        target=str(look.id),
        detail=detail,
        now=now,
    )
