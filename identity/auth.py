"""Who is acting: a session (or, later, an API key) -> Actor."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from uuid import UUID

from identity.permissions import NotPermitted, Permission, Role, may

if TYPE_CHECKING:
    from identity.models import Session
    from identity.sessions import SessionStore

__all__ = ["Actor", "Role", "actor_of_row", "actor_of_session"]


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who has signed in and proved the phone, acting in one workspace.

    session_id: of the session's row, which stays when its key is renewed; None where no session acts.
    is_look: one of us reads as this person.
    """

    user_id: UUID
    workspace_id: UUID
    role: Role
    session_id: UUID | None = None
    is_look: bool = False

    def may(self, permission: Permission) -> bool:
        return may(self.role, permission)

    def demand(self, permission: Permission) -> None:
        """Raises NotPermitted."""
        if not self.may(permission):
            raise NotPermitted("Your role does not allow this. Ask the owner of the workspace.")


def actor_of_session(session: "SessionStore") -> Actor | None:
    """The actor, or None for an unknown, ended, or not yet phone-verified session and for a blocked account.

    One query, or none when the session is loaded. Synchronous: wrap in `sync_to_async` on an event loop.
    """
    return actor_of_row(session.row)


def actor_of_row(row: "Session | None") -> Actor | None:
    """The same for a session as it was read. No query."""
    if row is None or row.phone_verified_at is None or row.user is None or row.membership is None:
        return None
    if not row.user.is_active:
        return None
    return Actor(
        user_id=row.user.id,
        workspace_id=row.membership.workspace_id,
        role=cast(Role, row.membership.role),
        session_id=row.id,
    )
