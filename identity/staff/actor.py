"""Who of our own people acts: a staff session -> StaffActor. A customer's session is never one, nor the other way round."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from identity.staff.codes import digest
from identity.staff.models import StaffMember, StaffSession
from identity.staff.permissions import StaffNotPermitted, StaffPermission, StaffRole, staff_may

SIGNED_IN_FOR: Final = timedelta(hours=8)
IDLE_FOR: Final = timedelta(minutes=30)
USE_NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class StaffActor:
    """One of us who is signed in with password and code."""

    member_id: UUID
    first_name: str
    role: StaffRole
    session_id: UUID
    last_used_at: datetime

    @property
    def ref(self) -> str:
        """How the audit log names one of us."""
        return staff_ref(self.member_id)

    def may(self, permission: StaffPermission) -> bool:
        return staff_may(self.role, permission)

    def demand(self, permission: StaffPermission) -> None:
        """Raises StaffNotPermitted."""
        if not self.may(permission):
            raise StaffNotPermitted("Your role does not allow this. Ask an admin.")


def staff_ref(member_id: UUID) -> str:
    return f"staff:{member_id}"


def actor_of_key(key: str | None, *, now: datetime) -> StaffActor | None:
    """Whose session a cookie's value opens; None for one that is unknown, over or unused for too long, and for who is
    disabled. One query.
    """
    if not key:
        return None
    row = (
        StaffSession.objects.select_related("member")
        .filter(
            key_digest=digest(key),
            expires_at__gt=now,
            last_used_at__gt=now - IDLE_FOR,
            member__disabled_at__isnull=True,
            member__enrolled_at__isnull=False,
        )
        .first()
    )
    if row is None:
        return None
    return StaffActor(
        member_id=row.member_id,
        first_name=row.member.first_name,
        role=cast(StaffRole, row.member.role),
        session_id=row.id,
        last_used_at=row.last_used_at,
    )


def note_use(*, actor: StaffActor, now: datetime) -> None:
    """Keeps the time of last use to within a minute, so that most requests write nothing."""
    if now - actor.last_used_at >= USE_NOTED_EVERY:
        StaffSession.objects.filter(id=actor.session_id).update(last_used_at=now)
        StaffMember.objects.filter(id=actor.member_id).update(last_used_at=now)
