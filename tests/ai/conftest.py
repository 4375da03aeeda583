"""What the tests of thinking share: workspaces, people and credits, all real rows."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from uuid_utils.compat import uuid7

from ai.operations import AskFilters, ask
from ai.schemas import AnswerOut
from identity.auth import Actor, Role
from ledger.operations import MonthlyBounds
from tests.identity.conftest import make_account, sign_in
from tests.ledger.books import new_workspace
from tests.sandbox_fixture import sandbox, sandbox_process

__all__ = ["make_account", "sandbox", "sandbox_process", "sign_in"]

NOW = datetime(2026, 3, 3, 9, 0, tzinfo=UTC)
CREDIT_MCREDITS = 10_000
QUERY_MCREDITS = 200

MakeActor = Callable[..., Actor]


@pytest.fixture
def actor_in(db: None) -> MakeActor:
    """An owner of a new workspace with credit, or somebody with a role in the workspace of another."""

    def make(colleague: Actor | None = None, role: Role = "owner", mcredits: int = CREDIT_MCREDITS) -> Actor:
        workspace_id = colleague.workspace_id if colleague else new_workspace(mcredits=mcredits)
        return Actor(user_id=uuid7(), workspace_id=workspace_id, role=role)

    return make


def asks(
    actor: Actor,
    question: str,
    *,
    key: str | None = None,
    monthly_max: int | None = None,
    workspace_max: int | None = None,
    **filters: object,
) -> AnswerOut:
    return ask(
        actor=actor,
        question=question,
        filters=AskFilters(**filters),  # type: ignore[arg-type]  # each test names what it filters by
        idempotency_key=key or str(uuid7()),
        now=NOW,
        monthly_bounds=lambda: MonthlyBounds(member_mcredits=monthly_max, workspace_mcredits=workspace_max),
    )
