"""What is held about our own people, and about customers whose workspace one of us looked into."""

from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance import audit
from compliance.stores import Subject
from identity.staff.models import Look

INVENTORY: Final[dict[str, str]] = {
    "staff.StaffMember.id": "none",
    "staff.StaffMember.email": "staff_account",
    "staff.StaffMember.email_key": "staff_account",
    "staff.StaffMember.first_name": "staff_account",
    "staff.StaffMember.role": "staff_account",
    "staff.StaffMember.password": "staff_account",
    "staff.StaffMember.totp_secret": "staff_account",
    "staff.StaffMember.totp_step": "staff_account",
    "staff.StaffMember.enrolment_digest": "staff_account",
    "staff.StaffMember.enrolment_until": "staff_account",
    "staff.StaffMember.enrolled_at": "staff_account",
    "staff.StaffMember.disabled_at": "staff_account",
    "staff.StaffMember.created_at": "staff_account",
    "staff.StaffMember.last_used_at": "staff_account",
    "staff.RecoveryCode.id": "none",
    "staff.RecoveryCode.member": "staff_account",
    "staff.RecoveryCode.digest": "staff_account",
    "staff.RecoveryCode.used_at": "staff_account",
    "staff.StaffSession.id": "none",
    "staff.StaffSession.key_digest": "staff_access",
    "staff.StaffSession.member": "staff_access",
    "staff.StaffSession.created_at": "staff_access",
    "staff.StaffSession.last_used_at": "staff_access",
    "staff.StaffSession.expires_at": "staff_access",
    "staff.StaffSession.address": "staff_access",
    "staff.StaffSession.agent": "staff_access",
    "staff.StaffEvent.id": "none",
    "staff.StaffEvent.at": "staff_access",
    "staff.StaffEvent.kind": "staff_access",
    "staff.StaffEvent.member": "staff_access",
    "staff.StaffEvent.by": "staff_access",
    "staff.StaffEvent.account_key": "staff_access",
    "staff.StaffEvent.address": "staff_access",
    "staff.StaffEvent.network": "staff_access",
    "staff.StaffEvent.agent": "staff_access",
    "staff.StaffEvent.device_key": "staff_access",
    "staff.Look.id": "none",
    "staff.Look.workspace": "staff_look",
    "staff.Look.member": "staff_look",
    "staff.Look.staff_role": "staff_look",
    "staff.Look.session_id": "staff_look",
    "staff.Look.user_id": "staff_look",
    "staff.Look.reason": "staff_look",
    "staff.Look.case_reference": "staff_look",
    "staff.Look.began_sequence": "staff_look",
    "staff.Look.began_at": "staff_look",
    "staff.Look.ends_at": "staff_look",
    "staff.Look.ended_at": "staff_look",
}


class StaffStore:
    """Looks through a person's eyes or into a workspace that ends with the person. That one of us looked stays, with the
    times; why, and at whom, goes."""

    name = "staff"

    def find(self, subject: Subject) -> dict[str, int]:
        count = _looks(subject).count()
        return {"staff_look": count} if count else {}

    def export(self, subject: Subject) -> dict[str, Any]:
        rows = [
            {
                "workspace_id": str(row.workspace_id),
                "by": row.staff_role,
                "reason": row.reason,
                "case_reference": row.case_reference,
                "began_at": row.began_at.isoformat(),
                "ended_at": (row.ended_at or row.ends_at).isoformat(),
            }
            for row in _looks(subject).order_by("began_at", "id")
        ]
        return {"staff_look": rows} if rows else {}

    def erase(self, subject: Subject, *, now: datetime) -> dict[str, int]:
        with transaction.atomic():
            ids = list(_looks(subject).select_for_update().order_by("id").values_list("id", flat=True))
            Look.objects.get_queryset().filter(id__in=ids).update(user_id=None, reason="", case_reference="")
            # What the chain binds to a look is empty from now on, and this says why.
            for look_id in ids:
                audit.record(
                    workspace_id=None,
                    actor_ref="system",
                    action="look.unlinked",
                    target=str(look_id),
                    detail={},
                    now=now,
                )
        return {"staff_look": len(ids)} if ids else {}

    def verify(self, subject: Subject) -> int:
        return _looks(subject).count()


STORE: Final = StaffStore()


def _looks(subject: Subject) -> QuerySet[Look]:
    """Those that still lead to the person."""
    whose = Q(workspace_id__in=subject.workspace_ids_to_erase)
    if subject.user_id is not None:
        whose |= Q(user_id=subject.user_id)
    return Look.objects.get_queryset().filter(whose & (Q(user_id__isnull=False) | ~Q(reason="")))
