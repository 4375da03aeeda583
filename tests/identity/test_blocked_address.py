"""Whose account is blocked takes the own address and the own deletion back nevertheless, and we find the account by that address.

Written to turn red with: a link that a block ends, an account that is open after it, and an address of before that nobody is found by.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from compliance import case_mails
from compliance.models import Case, Request
from identity import email_proof, erasure
from identity.models import AccountMail, Membership, User
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.test_email import NEW, ask_change, member, page, press, token_in
from tests.identity.test_passwords import Mails, choose, forgot, mails
from tests.identity.test_passwords import token_in as reset_token_in
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, at_desk

__all__ = ["mails", "member", "page"]

OLD = "ada@example.com"


@pytest.fixture
def desk() -> Desk:
    return at_desk("privacy_officer")


@pytest.fixture
def undo(page: Browser, sandbox: Sandbox, mails: Mails) -> str:
    """What the old address was mailed after somebody changed it."""
    ask_change(page, sandbox)
    assert press(token_in(mails(NEW)[0]))[0] == 200
    return token_in(mails(OLD)[-1])


def block(desk: Desk, email: str = OLD) -> int:
    return desk.post("/api/staff/accounts/block", {"email": email, "reason": "taken_over"})[0]


def unblock(desk: Desk, email: str = OLD) -> int:
    return desk.post("/api/staff/accounts/unblock", {"email": email})[0]


def test_the_old_address_takes_itself_back_during_a_block_which_lasts_until_we_end_it(
    undo: str, desk: Desk, mails: Mails
) -> None:
    # Whoever calls us knows the own address and not the one that somebody has put there.
    assert block(desk) == 204
    status, seen = Browser().post("/api/email/link", {"token": undo})
    assert (status, seen["step"]) == (200, "take_back_blocked")
    assert press(undo) == (200, {"step": "take_back_blocked"})
    assert press(undo)[0] == 410
    user = User.objects.get()
    assert (user.email, user.is_active, user.blocked_at is None) == (OLD, False, False)
    assert Browser().post("/api/signin", {"email": OLD, "password": PASSWORD})[0] == 401
    # A link to a password would open nothing.
    assert mails(OLD)[-1]["subject"] == "Your e-mail address was changed"
    forgot(OLD)
    assert mails(OLD)[-1]["subject"] == "Your e-mail address was changed"

    assert unblock(desk) == 204
    forgot(OLD)
    assert choose(reset_token_in(mails(OLD)[-1]))[0] == 204


def test_an_account_that_is_being_deleted_gives_no_address_back(undo: str) -> None:
    erasure.end_access(user_id=User.objects.get().id)
    assert press(undo)[0] == 410
    assert User.objects.get().email == NEW


def test_we_find_an_account_by_the_address_that_was_changed_lately_and_not_later(
    member: Membership, undo: str, desk: Desk
) -> None:
    def found() -> list[Any]:
        status, answer = desk.post("/api/staff/workspaces/find", {"typed": OLD})
        assert status == 200
        return [each["user_id"] for each in answer["items"]]

    def proved() -> tuple[int, Any]:
        wanted = {"kind": "access", "contact": OLD, "words": "Somebody has changed my address."}
        reference = desk.post("/api/staff/cases", wanted)[1]["case"]["reference"]
        return desk.post(f"/api/staff/cases/{reference}/prove", {"whose": OLD})

    assert found() == [str(member.user_id)]
    assert (proved()[0], Case.objects.get().user_id) == (200, member.user_id)
    assert (block(desk), unblock(desk)) == (204, 204)
    week = email_proof.TAKE_BACK_FOR + timedelta(minutes=1)
    AccountMail.objects.update(created_at=F("created_at") - week)
    assert found() == []
    assert code_of(proved()[1]) == "account_unknown"
    assert block(desk) == 422
    assert block(desk, NEW) == 204


@pytest.mark.policy("C7.3")
def test_a_deletion_that_somebody_asked_for_is_taken_back_by_us_while_the_account_is_blocked(
    page: Browser, desk: Desk, sandbox: Sandbox, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert page.post("/api/privacy/erasure", {"confirm": OLD, "when": "after_grace"})[0] == 202
    case_mails.send_case_mails(now=datetime.now(UTC) + timedelta(minutes=1))
    [told] = sandbox.ask("GET", "/mails", to=OLD)
    assert "If you cannot sign in, answer this mail." in told["text"]
    assert block(desk) == 204
    assert page.post("/api/privacy/erasure/cancel")[0] == 401
    reference = Case.objects.get().reference
    assert desk.post(f"/api/staff/cases/{reference}/deletion/take-back")[0] == 200
    assert Request.objects.get().state == "cancelled"
    assert not User.objects.get().is_active
