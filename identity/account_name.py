"""A person puts the own name right; colleagues read it wherever it stands."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import audit, correcting, sealing
from compliance.models import Case
from compliance.redaction import redact_cards
from identity.models import User


def facts_of(user: User) -> dict[str, str]:
    return {"name": f"{user.first_name} {user.last_name}", "email": user.email, "mobile": user.mobile_e164}


def follow(user: User, before: Mapping[str, str], *, now: datetime, case: Case | None = None) -> None:
    """Has everything follow what was corrected, within the transaction that did. before: `facts_of` until then, sealed where a hold
    covers the account."""
    if sealing.any_in_force():
        sealing.keep([sealing.Copy("user_was", user.id, before, (("account", user.id),))], now=now)
    correcting.begin(kind="account", target_id=user.id, before=before, after=facts_of(user), now=now, case=case)


def change(
    *, user_id: UUID, first_name: str, last_name: str, now: datetime, by: str | None = None, case: Case | None = None
) -> None:
    """Sending the name that holds already changes nothing. by: who does it, if not the person; case: for which.

    Raises User.DoesNotExist.
    """
    with transaction.atomic():
        user = User.objects.select_for_update(no_key=True).get(id=user_id)
        before = facts_of(user)
        user.first_name, user.last_name = redact_cards(first_name)[:80], redact_cards(last_name)[:80]
        if facts_of(user) == before:
            return
        user.save(update_fields=["first_name", "last_name"])
        follow(user, before, now=now, case=case)
        audit.record(
            workspace_id=None,
            actor_ref=by or str(user.id),
            action="name.changed",
            target=str(user.id),
            detail={},
            now=now,
        )
