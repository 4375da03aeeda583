"""What the tests of identity share."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from identity.access import Client
from identity.models import Membership
from identity.operations import add_member, create_verified_user
from identity.permissions import Role
from identity.schemas import SignUpIn
from tests.identity.browser import Browser, form
from tests.sandbox_fixture import Sandbox, sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process"]

NOW = datetime.now(UTC)
SUPPORT_DESK = Client(address="192.0.2.1", agent="")
MakeAccount = Callable[..., Membership]
SignIn = Callable[..., Browser]


@pytest.fixture
def browser(transactional_db: None) -> Browser:
    return Browser()


@pytest.fixture
def make_account(transactional_db: None) -> MakeAccount:
    """An account with a proved phone: in a workspace of its own, or with a role in another's."""

    def make(workspace_id: UUID | None = None, role: Role = "rep", **changes: object) -> Membership:
        filled = SignUpIn.model_validate(form(**changes))
        now = NOW
        if workspace_id is None:
            return create_verified_user(form=filled, client=SUPPORT_DESK, now=now)
        return add_member(workspace_id=workspace_id, form=filled, role=role, client=SUPPORT_DESK, now=now)

    return make


@pytest.fixture
def sign_in(sandbox: Sandbox) -> SignIn:
    """A browser that went the whole way in: password, passcode from the phone."""

    def sign_in_as(member: Membership, address: str = "198.51.100.7") -> Browser:
        browser = Browser(address)
        assert browser.post("/api/signin", {"email": member.user.email, "password": form()["password"]})[0] == 200
        assert browser.post("/api/otp/send")[0] == 200
        status, session = browser.post("/api/otp/check", {"code": sandbox.code_at(member.user.mobile_e164)})
        assert (status, session["state"]) == (200, "signed_in")
        return browser

    return sign_in_as
