"""What becomes of a nominee who does not want to be one, or is erased."""

from datetime import datetime

from compliance import audit
from compliance.models import Nominee


def decline(nominee: Nominee, *, now: datetime) -> None:
    """Removes who the nominee is; that somebody declined stays for the person to see. Within the caller's transaction."""
    nominee.name, nominee.email, nominee.declined_at = "", "", now
    nominee.save(update_fields=["name", "email", "declined_at"])
    nominee.claims.all().delete()
    audit.record(
        workspace_id=None,
        actor_ref="requester",
        action="nominee.declined",
        target=str(nominee.user_id),
        detail={},
        now=now,
    )
