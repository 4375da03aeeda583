"""Finding a workspace by something exact. There is no list to browse, and every search is written down."""

from datetime import datetime, timedelta
from typing import ClassVar, Final, cast
from uuid import UUID

from django.db import transaction

from identity.access import Client
from identity.email_proof import account_of
from identity.models import Membership
from identity.number_lock import line_up
from identity.permissions import Role
from identity.staff.actor import StaffActor
from identity.staff.entrance import record
from identity.staff.models import StaffEvent
from identity.staff.schemas import FoundWorkspaceOut, FoundWorkspacesOut
from processors.errors import DomainError

SEARCHES_WINDOW: Final = timedelta(hours=1)
SEARCHES_MAX: Final = 60
FOUND_MAX: Final = 50


class SearchUnclear(DomainError):
    """What was typed is neither a whole id nor a whole e-mail address."""

    code: ClassVar[str] = "search_unclear"


class SearchesTooMany(DomainError):
    """One of us has searched too often; passes with time."""

    code: ClassVar[str] = "searches_too_many"
    retryable: ClassVar[bool] = True


def find(*, actor: StaffActor, typed: str, client: Client, now: datetime) -> FoundWorkspacesOut:
    """By the whole id of a workspace, seen as its owner sees it; or by the whole e-mail of a member, or the one they had until lately,
    for each workspace of that person. Nothing of what is in a workspace is told.

    Raises StaffNotPermitted, SearchUnclear, SearchesTooMany.
    """
    actor.demand("look")
    wanted = typed.strip().lower()
    members = Membership.objects.get_queryset().filter(workspace__erased_at__isnull=True, user__is_active=True)
    if "@" in wanted:
        named = account_of(wanted, now=now)
        rows = members.filter(user_id=named.id) if named else members.none()
    else:
        rows = members.filter(workspace_id=_id(wanted), role=Membership.OWNER)
    searches = StaffEvent.objects.filter(kind=StaffEvent.SEARCHED, member_id=actor.member_id)
    with transaction.atomic():
        line_up(f"search:{actor.member_id}")
        if searches.filter(at__gt=now - SEARCHES_WINDOW).count() >= SEARCHES_MAX:
            raise SearchesTooMany("That were many searches for one hour. Wait, or ask a colleague.")
        record(kind=StaffEvent.SEARCHED, client=client, now=now, member_id=actor.member_id)
    return FoundWorkspacesOut(
        items=[
            FoundWorkspaceOut(
                workspace_id=row.workspace_id,
                workspace_name=row.workspace.name,
                user_id=row.user_id,
                role=cast(Role, row.role),
            )
            for row in rows.select_related("workspace").order_by("workspace__name", "id")[:FOUND_MAX]
        ]
    )


def _id(wanted: str) -> UUID:
    """Raises SearchUnclear."""
    try:
        return UUID(wanted)
    except ValueError:
        raise SearchUnclear("Type the whole id of a workspace, or the whole e-mail address of a member.") from None
