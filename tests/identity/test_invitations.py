"""Inviting and joining: by HTTP, the clock's mails and the links in them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import override_settings

from compliance import retention, tombstones
from config.management.commands.clock import LANES
from identity import invitation_mails
from identity.erasure import erase_user, erase_workspace
from identity.models import Invitation, Membership, Session, Workspace
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.teams import MOBILE, NEW, Mails, colleague, come_in, invite, mails, names, owner, page, token_in
from tests.sandbox_fixture import Sandbox

__all__ = ["colleague", "mails", "owner", "page"]


def test_who_is_invited_signs_up_by_the_link_and_is_in_the_workspace_and_in_no_other(
    page: Browser, owner: Membership, mails: Mails, sandbox: Sandbox
) -> None:
    status, invitation = invite(page, " Nia@Example.com")
    assert (status, invitation["email"], invitation["role"]) == (201, NEW, "rep")
    [mail] = mails()
    assert "Harbour Sales" in mail["text"] and "Ada Okafor" in mail["subject"]
    seen = Browser().post("/api/invitations/seen", {"token": token_in(mail)})[1]
    assert (seen["workspace_name"], seen["email_hint"], seen["role"]) == ("Harbour Sales", "n•••@example.com", "rep")
    assert NEW not in str(seen)
    _, session = come_in(sandbox, token_in(mail))
    assert (session["workspace"]["id"], session["role"]) == (str(owner.workspace_id), "rep")
    assert names(page) == [("Ada", "owner"), ("Nia", "rep")]
    assert page.get("/api/team")[1]["invitations"] == []
    assert Membership.objects.filter(user__email=NEW).count() == 1


def test_nobody_is_in_the_workspace_before_the_phone_is_proved(
    page: Browser, owner: Membership, mails: Mails, sandbox: Sandbox
) -> None:
    """Red when signing up makes the membership: an unproved person would then inherit the workspace from its owner."""
    invite(page)
    browser = Browser()
    assert browser.post("/api/signup", form(email=NEW, mobile=MOBILE, invitation=token_in(mails()[0])))[0] == 200
    assert names(page) == [("Ada", "owner")]
    assert browser.get("/api/team")[0] == 401


def test_an_invitation_works_once_and_for_its_own_address(
    page: Browser, mails: Mails, sandbox: Sandbox, make_account: MakeAccount, sign_in: SignIn
) -> None:
    invite(page)
    token = token_in(mails()[0])
    status, problem = Browser().post("/api/signup", form(email="eve@example.com", mobile=MOBILE, invitation=token))
    assert (status, code_of(problem)) == (403, "invitation_of_another")
    other = sign_in(make_account(email="eve@example.com", mobile="+1 202 555 0144"))
    assert code_of(other.post("/api/invitations/accept", {"token": token})[1]) == "invitation_of_another"
    come_in(sandbox, token)
    assert Browser().post("/api/invitations/seen", {"token": token})[0] == 410
    status, problem = Browser().post("/api/signup", form(email=NEW, mobile=MOBILE, invitation=token))
    assert (status, code_of(problem)) == (410, "invitation_invalid")


def test_who_has_an_account_joins_by_one_click_and_goes_back_and_forth(
    page: Browser, owner: Membership, mails: Mails, make_account: MakeAccount, sign_in: SignIn
) -> None:
    there = make_account(email=NEW, mobile=MOBILE, first_name="Nia", workspace_name="Nia's own")
    browser = sign_in(there)
    invite(page, role="manager")
    status, session = browser.post("/api/invitations/accept", {"token": token_in(mails()[0])})
    assert (status, session["workspace"]["name"], session["role"]) == (200, "Harbour Sales", "manager")
    assert names(browser) == [("Ada", "owner"), ("Nia", "manager")]
    listed = browser.get("/api/workspaces")[1]["items"]
    assert [(each["name"], each["role"], each["current"]) for each in listed] == [
        ("Harbour Sales", "manager", True),
        ("Nia's own", "owner", False),
    ]
    status, session = browser.post("/api/session/workspace", {"workspace_id": str(there.workspace_id)})
    assert (status, session["workspace"]["name"], names(browser)) == (200, "Nia's own", [("Nia", "owner")])
    # The next sign-in leads to where the person was last.
    assert sign_in(there).get("/api/session")[1]["workspace"]["name"] == "Nia's own"
    status, problem = browser.post("/api/session/workspace", {"workspace_id": str(Session.objects.all()[0].id)})
    assert (status, code_of(problem)) == (404, "workspace_not_found")


def test_inviting_again_sends_a_new_link_and_ends_the_old_one(page: Browser, mails: Mails) -> None:
    invite(page)
    old = token_in(mails()[0])
    invite(page)
    new = token_in(mails()[1])
    assert [Browser().post("/api/invitations/seen", {"token": each})[0] for each in (old, new)] == [410, 200]
    assert len(page.get("/api/team")[1]["invitations"]) == 1


def test_an_invitation_that_is_taken_back_or_too_old_opens_nothing(page: Browser, mails: Mails) -> None:
    invitation = invite(page)[1]
    token = token_in(mails()[0])
    assert page.delete(f"/api/team/invitations/{invitation['id']}")[0] == 204
    assert Browser().post("/api/invitations/seen", {"token": token})[0] == 410
    assert code_of(page.delete(f"/api/team/invitations/{invitation['id']}")[1]) == "invitation_not_found"
    invite(page, "late@example.com")
    late = token_in(mails("late@example.com")[0])
    Invitation.objects.get_queryset().update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert Browser().post("/api/invitations/seen", {"token": late})[0] == 410
    assert page.get("/api/team")[1]["invitations"] == []


def test_an_invitation_that_ends_during_the_sign_up_leaves_a_good_account(
    page: Browser, mails: Mails, sandbox: Sandbox
) -> None:
    invitation = invite(page)[1]
    browser = Browser()
    browser.post("/api/signup", form(first_name="Nia", email=NEW, mobile=MOBILE, invitation=token_in(mails()[0])))
    browser.post("/api/otp/send")
    page.delete(f"/api/team/invitations/{invitation['id']}")
    status, session = browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550133")})
    assert (status, session["role"], session["workspace"]["name"]) == (200, "owner", "My workspace")
    assert names(page) == [("Ada", "owner")]


@pytest.mark.parametrize("token", ["", "x", "0199a1b2-0000-7000-8000-000000000000:forged", "a:b", "\x00", "é" * 200])
def test_a_forged_invitation_opens_nothing(browser: Browser, token: str) -> None:
    status, problem = browser.post("/api/invitations/seen", {"token": token})
    assert (status, code_of(problem)) in [(410, "invitation_invalid"), (422, "invalid_fields")]


def test_inviting_stops_at_fifty_open_ones(page: Browser) -> None:
    statuses = [invite(page, f"person{number}@example.com")[0] for number in range(51)]
    assert statuses == [201] * 50 + [429]


def test_a_mail_that_the_server_does_not_take_is_sent_later(page: Browser, mails: Mails) -> None:
    invite(page)
    with override_settings(EMAIL_PORT=9):
        assert mails() == []
    assert page.get("/api/team")[1]["invitations"][0]["sent"] is False
    assert len(mails(minutes=6)) == 1
    assert page.get("/api/team")[1]["invitations"][0]["sent"] is True


def test_the_database_holds_nothing_that_opens_an_invitation(page: Browser, mails: Mails) -> None:
    invite(page)
    token = token_in(mails()[0])
    row = Invitation.objects.get_queryset().values().get()
    assert token.partition(":")[2] not in str(row)


@pytest.mark.policy("C6.1")
def test_an_invited_persons_address_goes_with_the_account_the_workspace_or_the_term(
    page: Browser, owner: Membership, mails: Mails, sandbox: Sandbox, sign_in: SignIn
) -> None:
    rows = Invitation.objects.get_queryset()
    invite(page)
    come_in(sandbox, token_in(mails()[0]))
    erase_user(user_id=Membership.objects.get(user__email=NEW).user_id, now=datetime.now(UTC))
    assert not rows.exists()
    invite(page)
    retention.expire(now=datetime.now(UTC) + timedelta(days=29))
    assert rows.count() == 1
    retention.expire(now=datetime.now(UTC) + timedelta(days=30, minutes=1))
    assert not rows.all().exists()
    assert invite(sign_in(owner))[0] == 201
    erase_workspace(workspace_id=owner.workspace_id, now=datetime.now(UTC))
    assert not rows.all().exists()


def test_a_workspace_that_is_being_erased_takes_nobody_in(
    page: Browser, owner: Membership, mails: Mails, make_account: MakeAccount, sign_in: SignIn
) -> None:
    invite(page)
    token = token_in(mails()[0])
    nia = sign_in(make_account(email=NEW, mobile=MOBILE))
    tombstones.bury(kind="workspace", values=[owner.workspace_id], now=datetime.now(UTC))
    assert code_of(nia.post("/api/invitations/accept", {"token": token})[1]) == "invitation_invalid"


def test_one_address_gets_three_invitations_a_day_from_all_workspaces_together(
    page: Browser, make_account: MakeAccount, sign_in: SignIn
) -> None:
    other = sign_in(make_account(email="bob@example.com", mobile="+1 202 555 0145"))
    assert [invite(each)[0] for each in (page, other, page, other)] == [201, 201, 201, 429]


def test_a_name_that_is_a_link_is_not_sent_to_strangers(
    make_account: MakeAccount, sign_in: SignIn, mails: Mails
) -> None:
    browser = sign_in(
        make_account(first_name="Win", last_name="www.prizes.example", workspace_name="https://prizes.example")
    )
    invite(browser)
    [mail] = mails()
    assert "prizes" not in mail["text"] + mail["subject"]


def test_no_punctuation_makes_a_link_of_a_name_a_harmless_one(
    page: Browser, owner: Membership, mails: Mails, sandbox: Sandbox
) -> None:
    """Red when a host is one only before a space, a slash or the end, or only in the letters of English."""
    links = [f"prizes.example{after}" for after in (", collect now", ".", "!", ":443", "?x", ")")]
    links += ["prizes.рф", "prizes\uff0eexample", "prizes.भारत", "(prizes.example)", "дом.рф now"]
    links += ["prizes\u00ad.example", "prizes.\u200bexample", "prizes.e\u2060xample"]
    plain = ["St. John", "J.R. Okafor", "Acme Inc.", "Kovač d.o.o.", "No.1 Sales", "Łódź, Sp. z o.o."]
    for number, name in enumerate(links + plain):
        Workspace.objects.filter(id=owner.workspace_id).update(name=name)
        address = f"stranger{number}@example.com"
        invite(page, address)
        [mail] = mails(address)
        assert (f"the workspace {name} on" in mail["text"]) is (name in plain), name


def test_two_people_accept_and_leave_at_once_without_an_error(
    page: Browser, owner: Membership, mails: Mails, make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    """Red with a deadlock when accepting locks the invitation before the workspace."""
    browsers = []
    for number in range(6):
        email = f"person{number}@example.com"
        browser = sign_in(make_account(email=email, mobile=f"+1 202 555 016{number}"))
        invite(page, email)
        browsers.append((browser, token_in(mails(email)[0])))
    inviting = sign_in(owner)

    def accept(one: tuple[Browser, str]) -> int:
        try:
            return one[0].post("/api/invitations/accept", {"token": one[1]})[0]
        finally:
            connection.close()

    def ask(number: int) -> int:
        try:
            return invite(inviting, f"later{number}@example.com")[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        accepted = pool.map(accept, browsers)
        invited = pool.map(ask, range(6))
        assert (set(accepted), set(invited)) == ({200}, {201})
    assert len(names(page)) == 7


def test_the_clock_sends_the_invitations() -> None:
    assert invitation_mails.send_invitation_mails in [work for lane in LANES.values() for _, work in lane]
