"""Somebody who is kept out of an account: at once, everywhere, by whom and why, until it is taken back."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from compliance.models import AuditEvent, Case, PreparedDeletion, Request
from identity import erasure
from identity.models import AccountMail, Membership, Session, User
from identity.staff.actor import staff_ref
from identity.staff.models import StaffMember
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import Mails, invite, mails, token_in
from tests.staff.ours import Desk, at_desk

__all__ = ["mails"]

EMAIL = "ada@example.com"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account()


@pytest.fixture
def desk(member: Membership) -> Desk:
    return at_desk("privacy_officer")


def block(desk: Desk, email: str = EMAIL, reason: str = "abuse") -> tuple[int, Any]:
    return desk.post("/api/staff/accounts/block", {"email": email, "reason": reason})


def unblock(desk: Desk, email: str = EMAIL) -> tuple[int, Any]:
    return desk.post("/api/staff/accounts/unblock", {"email": email})


def sign_in_again() -> tuple[int, str]:
    status, answer = Browser().post("/api/signin", {"email": EMAIL, "password": PASSWORD})
    return status, answer.get("code") or answer["state"]


def test_who_is_blocked_is_out_everywhere_at_once_and_comes_in_again_when_it_is_taken_back(
    desk: Desk, member: Membership, make_account: MakeAccount, sign_in: SignIn
) -> None:
    page = sign_in(member)
    colleague = sign_in(make_account(member.workspace_id, "rep", email="rep@example.com", mobile="+12025550171"))
    key = page.post("/api/keys", {"name": "CRM", "scopes": ["leads:read"], "expires_in_days": None})[1]["key"]
    program = {"Authorization": f"Bearer {key}"}
    Browser().post("/api/password/forgot", {"email": EMAIL})
    AccountMail.objects.filter(kind=AccountMail.RESET_LINK).update(user=member.user)
    assert Browser().get("/api/leads", **program)[0] == 200

    assert block(desk, " Ada@Example.com") == (204, None)
    assert page.get("/api/leads")[0] == 401
    assert Browser().get("/api/leads", **program)[0] == 401
    assert sign_in_again() == (403, "account_blocked")
    assert colleague.get("/api/leads")[0] == 200
    assert not AccountMail.objects.filter(kind=AccountMail.RESET_LINK, used_at__isnull=True).exists()
    status, problem = block(desk, reason="fraud")
    assert (status, code_of(problem)) == (409, "account_not_active")
    assert "(calls that break the terms)." in problem["detail"]

    assert unblock(desk) == (204, None)
    status, problem = unblock(desk)
    assert (status, code_of(problem)) == (409, "account_not_blocked")
    assert sign_in_again() == (200, "awaiting_otp")
    # What may be in other hands is not given back.
    assert page.get("/api/leads")[0] == 401
    assert Browser().get("/api/leads", **program)[0] == 401
    by = staff_ref(StaffMember.objects.get().id)
    acts = AuditEvent.objects.filter(action__startswith="account.").order_by("sequence")
    assert list(acts.values_list("action", "actor_ref", "target", "detail")) == [
        ("account.blocked", by, str(member.user_id), {"reason": "abuse"}),
        ("account.unblocked", by, str(member.user_id), {"reason": "abuse"}),
    ]


def test_an_account_that_is_blocked_can_still_be_deleted_and_nobody_opens_it_then(
    desk: Desk, member: Membership
) -> None:
    assert block(desk)[0] == 204
    call_command("cases", "open", "deletion", EMAIL, "Delete everything.")
    case = Case.objects.get().reference
    call_command("cases", "prove", case, "--whose", EMAIL)
    call_command("privacy", "erase", EMAIL, "--case", case, "--by", "nora@klosesales.example")
    seen = PreparedDeletion.objects.get().digest
    assert (
        at_desk("admin", "Ada", "198.51.100.91").post(f"/api/staff/cases/{case}/deletion/approve", {"seen": seen})[0]
        == 200
    )
    assert Request.objects.filter(kind="erasure", user_id=member.user_id).exists()
    erasure.end_access(user_id=member.user_id)
    assert code_of(unblock(desk)[1]) == "account_not_blocked"
    assert code_of(block(desk)[1]) == "account_not_active"
    assert not User.objects.get(id=member.user_id).is_active


def test_nobody_comes_in_by_what_who_is_blocked_has_invited_to(
    desk: Desk, member: Membership, sign_in: SignIn, make_account: MakeAccount, mails: Mails
) -> None:
    """Red when somebody who is blocked goes on in the workspace with another account of theirs."""
    page = sign_in(member)
    second = make_account(email="second@example.com", mobile="+12025550171")
    assert invite(page, "second@example.com", "manager")[0] == 201
    token = token_in(mails("second@example.com")[0])
    assert invite(page, "unsent@example.com", "manager")[0] == 201
    assert block(desk)[0] == 204
    assert Browser().post("/api/invitations/seen", {"token": token})[0] == 410
    assert code_of(sign_in(second).post("/api/invitations/accept", {"token": token})[1]) == "invitation_invalid"
    assert mails("unsent@example.com") == []
    assert unblock(desk)[0] == 204
    assert Browser().post("/api/invitations/seen", {"token": token})[0] == 410
    assert Membership.objects.for_workspace(member.workspace_id).count() == 1


def test_a_sign_in_that_slips_in_during_the_block_opens_nothing_then_or_later(desk: Desk, member: Membership) -> None:
    """As one that had looked at the password before the block and made its session after it."""
    half = Browser()
    assert half.post("/api/signin", {"email": EMAIL, "password": PASSWORD})[0] == 200
    slipped = Session.objects.get()
    assert block(desk)[0] == 204
    slipped.save(force_insert=True)
    assert code_of(half.post("/api/otp/send")[1]) == "session_ended"
    assert code_of(half.post("/api/otp/check", {"code": "000000"})[1]) == "session_ended"
    assert unblock(desk)[0] == 204
    assert not Session.objects.exists()
    assert half.get("/api/session")[1]["state"] == "anonymous"


def test_nobody_is_blocked_without_a_known_reason_and_one_of_us_who_decides(desk: Desk, member: Membership) -> None:
    assert block(desk, reason="I do not like them")[0] == 422
    assert code_of(block(desk, "nobody@example.com")[1]) == "account_unknown"
    assert block(at_desk("support", "Sam", "198.51.100.91"))[0] == 403
    for by in ("nobody@klosesales.example", EMAIL):
        with pytest.raises(CommandError, match="None of you"):
            call_command("account", "block", EMAIL, "--by", by, "--reason", "abuse")
    StaffMember.objects.update(disabled_at=datetime.now(UTC))
    with pytest.raises(CommandError, match="None of you"):
        call_command("account", "block", EMAIL, "--by", "nora@klosesales.example", "--reason", "abuse")
    assert User.objects.get().is_active
    assert not AuditEvent.objects.filter(action__startswith="account.").exists()
