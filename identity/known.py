"""Who asks, where the answer is plain: looked up anew with every request, in the statement that confines the connection.

None means that it is not plain: unknown, ended, half signed in, a use that has to be noted, a policy to answer. Whoever asks
then asks in the usual way, which says why, and writes what there is to write.
"""

from datetime import datetime
from uuid import UUID

from identity import api_keys, changed_policy, operations, sessions, tenancy
from identity.auth import Actor, actor_of_row
from identity.models import ApiKey, Session
from identity.permissions import Scope
from identity.reading import Reading
from processors.errors import DomainError


async def person(reading: Reading, *, session_key: str, now: datetime) -> Actor | None:
    """Whoever has signed in with this session; `reading` sees the person's workspace alone from now on. Raises ReadingFailed."""
    asked = sessions.OPEN_CONFINED.asked(sessions.digest(session_key), now, now - sessions.IDLE_FOR)
    row: Session | None = await reading.first(asked)
    actor = actor_of_row(row)
    if row is None or actor is None or not _confined(row, actor.workspace_id):
        return None
    if operations.use_is_due(row, now=now) or changed_policy.is_unsettled(row):
        return None
    return actor


async def program(reading: Reading, *, key: str, scope: Scope, now: datetime) -> Actor | None:
    """Whoever a program with this key acts for; `reading` sees the key's workspace alone from now on. Raises ReadingFailed."""
    # Keys stand behind the policy too: a connection that still names whatever it named last would not show another workspace's.
    _, rows = await reading.all(tenancy.NAMING_NONE.asked(), api_keys.GOOD.asked(api_keys.digest(key), now))
    row: ApiKey | None = rows[0] if rows else None
    try:
        actor = api_keys.actor_of_row(row, scope=scope)
    except DomainError:
        return None
    if row is None or api_keys.use_is_due(row, now=now) or not _confined(row, actor.workspace_id):
        return None
    return actor


def _confined(row: Session | ApiKey, workspace_id: UUID) -> bool:
    """Whether the statement that found the row has confined the connection to this workspace."""
    return bool(getattr(row, tenancy.CONFINED_TO) == str(workspace_id))
