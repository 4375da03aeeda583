"""What of a workspace ends next because its term is over."""

from datetime import datetime
from typing import Final

from compliance.elements import ELEMENTS
from compliance.retention import preview
from compliance.schemas import ExpiringListOut, ExpiringOut
from identity.auth import Actor

DAYS: Final = 30


def expiring(*, actor: Actor, now: datetime) -> ExpiringListOut:
    """By day and kind, the next first; for the owner, who answers for what the workspace keeps. Raises NotPermitted."""
    actor.demand("manage_workspace")
    return ExpiringListOut(
        days=DAYS,
        items=[
            ExpiringOut(on=due.on, element=due.element, title=ELEMENTS[due.element].title, count=due.count)
            for due in preview(now=now, days=DAYS, workspace_id=actor.workspace_id)
        ],
    )
