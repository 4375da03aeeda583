"""What the tests of voice share."""

from collections.abc import Callable

import pytest

from identity.models import Membership
from tests.identity.conftest import make_account, sign_in
from tests.sandbox_fixture import sandbox, sandbox_process
from tests.voice.carrier import Placed, give_credit, place, post

__all__ = ["make_account", "sandbox", "sandbox_process", "sign_in"]


@pytest.fixture
def placed(make_account: Callable[..., Membership]) -> Placed:
    """A call whose rep has answered."""
    member = make_account()
    give_credit(member, 100_000)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=2))
    return placed
