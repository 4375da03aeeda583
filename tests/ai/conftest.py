"""What the tests of thinking share: workspaces, people and credits, all real rows."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from identity.auth import Actor, Role
from identity.models import Workspace

NOW = datetime(2026, 1, 28, 9, 0, tzinfo=UTC)

MakeActor = Callable[..., Actor]


@pytest.fixture
def actor_in(db: None) -> MakeActor:
    """An owner of a new workspace, or somebody with a role in the workspace of another."""

    def make(colleague: Actor | None = None, role: Role = "owner") -> Actor:
        workspace_id = colleague.workspace_id if colleague else uuid7()
        Workspace.objects.get_or_create(id=workspace_id, defaults={"name": "Bright Path", "created_at": NOW})
        return Actor(user_id=uuid7(), workspace_id=workspace_id, role=role)

    return make
