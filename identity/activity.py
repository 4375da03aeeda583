"""What was done in a workspace, read from the record of acts, with people's names as they are now."""

from collections.abc import Iterable
from typing import Final, cast
from uuid import UUID

from compliance.audit import WorkspaceAction
from compliance.models import AuditEvent
from identity.auth import Actor
from identity.models import Invitation, User
from identity.permissions import Role
from identity.schemas import ActivityPage, ActOut
from processors.errors import CursorInvalid

PAGE: Final = 50
# Acts whose target is an invitation; that of every other act of the team is a member.
_ON_INVITATIONS: Final = ("team.invited", "team.invitation_taken_back", "team.joined")


def page(*, actor: Actor, cursor: str | None) -> ActivityPage:
    """Newest first. Raises NotPermitted, CursorInvalid."""
    actor.demand("manage_members")
    # What our staff opened in a look is listed with the look.
    events = AuditEvent.objects.filter(workspace_id=actor.workspace_id).exclude(action="look.opened")
    older = events
    if cursor is not None:
        known = _id(cursor)
        last_seen = events.filter(id=known).first() if known else None
        if last_seen is None:
            raise CursorInvalid
        older = events.filter(sequence__lt=last_seen.sequence)
    rows = list(older.order_by("-sequence")[: PAGE + 1])
    shown = rows[:PAGE]
    return ActivityPage(items=_acts(shown), next_cursor=str(shown[-1].id) if len(rows) > PAGE else None)


def _acts(events: list[AuditEvent]) -> list[ActOut]:
    people = _people({ref for event in events for ref in (event.actor_ref, event.target)})
    invited = {
        str(row.id): row.email
        for row in Invitation.objects.filter(id__in=[one.target for one in events if one.action in _ON_INVITATIONS])
    }
    return [
        ActOut(
            id=event.id,
            at=event.at,
            action=cast(WorkspaceAction, event.action),
            by=people.get(event.actor_ref),
            by_us=_id(event.actor_ref) is None,
            whom=_whom(event, people, invited),
            role=cast(Role | None, event.detail.get("role")),
            call_id=_call(event),
            key_hint=cast(str | None, event.detail.get("hint")),
        )
        for event in events
    ]


def _whom(event: AuditEvent, people: dict[str, str], invited: dict[str, str]) -> str | None:
    if event.action in _ON_INVITATIONS:
        return invited.get(event.target)
    return people.get(event.target) if event.target != event.actor_ref else None


def _call(event: AuditEvent) -> UUID | None:
    if event.action.startswith("call."):
        return UUID(event.target)
    return UUID(event.detail["call"]) if "call" in event.detail else None


def _people(refs: Iterable[str]) -> dict[str, str]:
    users = User.objects.filter(id__in=[ref for ref in refs if _id(ref)])
    return {str(user.id): f"{user.first_name} {user.last_name}" for user in users}


def _id(ref: str) -> UUID | None:
    try:
        return UUID(ref)
    except ValueError:
        return None
