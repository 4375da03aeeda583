"""What the tests of invitations and of the team share."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from identity import invitation_mails
from identity.models import Membership, User
from tests.identity.browser import Browser, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox

NEW = "nia@example.com"
MOBILE = "+1 202 555 0133"
Mails = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def mails(sandbox: Sandbox, settings: Any) -> Mails:
    """What is in a mailbox after the clock has sent what is due."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

    def read(to: str = NEW, *, minutes: float = 0) -> list[dict[str, Any]]:
        invitation_mails.send_invitation_mails(now=datetime.now(UTC) + timedelta(minutes=minutes))
        found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=to)
        return found

    return read


@pytest.fixture
def owner(make_account: MakeAccount) -> Membership:
    return make_account(workspace_name="Harbour Sales")


@pytest.fixture
def page(owner: Membership, sign_in: SignIn) -> Browser:
    return sign_in(owner)


@pytest.fixture
def colleague(make_account: MakeAccount, owner: Membership) -> Callable[[str], Membership]:
    """A member of the owner's workspace with a role; one of each."""

    def make(role: str) -> Membership:
        number = {"manager": 1, "rep": 2}[role]
        return make_account(
            workspace_id=owner.workspace_id,
            role=role,
            first_name=role.title(),
            email=f"{role}@example.com",
            mobile=f"+1 202 555 012{number}",
        )

    return make


def invite(page: Browser, email: str = NEW, role: str = "rep") -> tuple[int, Any]:
    return page.post("/api/team/invitations", {"email": email, "role": role})


def token_in(mail: dict[str, Any]) -> str:
    found = re.search(r"/join#(\S+)", mail["text"])
    assert found
    return found[1]


def come_in(sandbox: Sandbox, token: str, **changes: object) -> tuple[Browser, Any]:
    """Signs up by an invitation, and proves the phone."""
    browser = Browser("203.0.113.8")
    filled = form(first_name="Nia", email=NEW, mobile=MOBILE, invitation=token, **changes)
    status, answer = browser.post("/api/signup", filled)
    assert status == 200, answer
    browser.post("/api/otp/send")
    return browser, browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550133")})[1]


def names(page: Browser) -> list[tuple[str, str]]:
    return [(each["first_name"], each["role"]) for each in page.get("/api/team")[1]["members"]]


def crowd_in(owner: Membership, first_name: str, number: int) -> None:
    """One more member of the owner's workspace, who never signs in."""
    now = datetime.now(UTC)
    user = User.objects.create(
        email=f"crowd{number}@example.com",
        first_name=first_name,
        last_name="Low",
        mobile_e164=f"+12025{number:06}",
        created_at=now,
    )
    Membership.objects.create(workspace_id=owner.workspace_id, user=user, role="rep", created_at=now)
