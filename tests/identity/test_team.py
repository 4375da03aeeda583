"""Roles, removing, leaving and handing over, and what an erasure makes of a team."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from django.db.models import F

from compliance import erasure
from identity.models import Membership, Session
from identity.step_up import RECENT
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import SignIn
from tests.identity.teams import Mails, colleague, come_in, crowd_in, invite, mails, names, owner, page, token_in
from tests.sandbox_fixture import Sandbox
from voice.models import Lead

__all__ = ["colleague", "mails", "owner", "page"]


def test_a_manager_invites_and_removes_reps_and_nobody_else(
    colleague: Callable[[str], Membership], owner: Membership, sign_in: SignIn
) -> None:
    manager, rep = colleague("manager"), colleague("rep")
    page = sign_in(manager)
    assert page.get("/api/team")[1]["may_appoint"] == ["rep"]
    assert invite(page, role="rep")[0] == 201
    assert code_of(invite(page, "boss@example.com", "manager")[1]) == "not_permitted"
    assert code_of(page.patch(f"/api/team/members/{rep.user_id}", {"role": "manager"})[1]) == "not_permitted"
    assert code_of(page.delete(f"/api/team/members/{owner.user_id}")[1]) == "owner_stays"
    assert code_of(page.delete(f"/api/team/members/{manager.user_id}")[1]) == "not_permitted"
    assert code_of(page.post("/api/team/owner", {"user_id": str(rep.user_id)})[1]) == "not_permitted"
    assert page.delete(f"/api/team/members/{rep.user_id}")[0] == 204


def test_a_rep_sees_the_team_without_addresses_and_changes_nothing(
    colleague: Callable[[str], Membership], owner: Membership, sign_in: SignIn, page: Browser
) -> None:
    invite(page)
    rep = colleague("rep")
    browser = sign_in(rep)
    seen = browser.get("/api/team")[1]
    assert [(each["first_name"], each["email"], each["may_change"]) for each in seen["members"]] == [
        ("Ada", None, False),
        ("Rep", "rep@example.com", False),
    ]
    assert (seen["invitations"], seen["may_appoint"]) == ([], [])
    assert invite(browser)[0] == 403


def test_a_team_of_any_size_is_listed_page_by_page_the_owner_first_and_then_by_name(
    page: Browser, owner: Membership
) -> None:
    """Red when only so many are listed, or when somebody stands on two pages or on none."""
    for number in reversed(range(205)):
        # Pairs of one name, and names in both cases.
        called = f"{'nia' if number % 4 < 2 else 'Nia'}{number // 2:03}"
        crowd_in(owner, called, number)
    pages: list[list[tuple[str, str]]] = []
    cursor: str | None = ""
    while cursor is not None:
        status, listed = page.get(f"/api/team{cursor and '?cursor='}{cursor}")
        assert status == 200 and len(pages) < 3
        pages.append([(each["first_name"].lower(), each["user_id"]) for each in listed["members"]])
        cursor = listed["next_cursor"]
    assert [len(each) for each in pages] == [100, 100, 6]
    (first, *others) = [each for one in pages for each in one]
    assert first == ("ada", str(owner.user_id))
    assert others == sorted(others) and len(set(others)) == 205
    # Whoever stands on the last page is managed like everybody.
    assert page.delete(f"/api/team/members/{others[-1][1]}")[0] == 204
    assert code_of(page.get(f"/api/team?cursor={others[-1][1]}")[1]) == "cursor_invalid"
    assert code_of(page.get("/api/team?cursor=made-up")[1]) == "cursor_invalid"


def test_the_owner_names_the_workspace(page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn) -> None:
    status, session = page.patch("/api/workspace", {"name": " North & Sons "})
    assert (status, session["workspace"]["name"]) == (200, "North & Sons")
    rep = sign_in(colleague("rep"))
    assert rep.get("/api/session")[1]["workspace"]["name"] == "North & Sons"
    assert code_of(rep.patch("/api/workspace", {"name": "Mine"})[1]) == "not_permitted"
    assert page.patch("/api/workspace", {"name": "  "})[0] == 422


def test_a_removed_member_is_out_at_once_and_keeps_an_account(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    rep = colleague("rep")
    browser = sign_in(rep)
    assert page.delete(f"/api/team/members/{rep.user_id}")[0] == 204
    assert browser.get("/api/leads")[0] == 401
    again = sign_in(rep).get("/api/session")[1]
    assert (again["role"], again["workspace"]["name"]) == ("owner", "My workspace")
    assert code_of(page.delete(f"/api/team/members/{rep.user_id}")[1]) == "member_not_found"


def test_the_owner_makes_a_manager_and_takes_it_back(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    rep = colleague("rep")
    browser = sign_in(rep)
    assert browser.get("/api/session")[1]["permissions"]["see_team"] is False
    assert page.patch(f"/api/team/members/{rep.user_id}", {"role": "manager"})[0] == 204
    assert browser.get("/api/session")[1]["permissions"]["see_team"] is True
    page.patch(f"/api/team/members/{rep.user_id}", {"role": "rep"})
    assert browser.get("/api/session")[1]["permissions"]["see_team"] is False
    assert page.patch(f"/api/team/members/{rep.user_id}", {"role": "owner"})[0] == 422


def test_the_owner_hands_over_and_may_leave_then(
    page: Browser, owner: Membership, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    rep = colleague("rep")
    assert code_of(page.post("/api/team/leave")[1]) == "owner_stays"
    heir = {"user_id": str(rep.user_id)}
    Session.objects.update(phone_verified_at=F("phone_verified_at") - RECENT)
    status, problem = page.post("/api/team/owner", heir)
    assert (status, code_of(problem)) == (403, "proof_not_recent")
    assert page.post("/api/session/proof", {"present": PASSWORD})[0] == 204
    assert page.post("/api/team/owner", heir)[0] == 204
    assert names(page) == [("Rep", "owner"), ("Ada", "manager")]
    assert code_of(page.post("/api/team/owner", {"user_id": str(owner.user_id)})[1]) == "not_permitted"
    assert page.post("/api/team/leave")[0] == 204
    assert names(sign_in(rep)) == [("Rep", "owner")]


def test_who_joined_during_the_grace_keeps_the_workspace_when_its_owner_is_erased(
    page: Browser, owner: Membership, mails: Mails, sandbox: Sandbox
) -> None:
    """Red when what ends with a person is settled when the request is made."""
    assert page.post("/api/privacy/erasure", {"confirm": owner.user.email, "when": "after_grace"})[0] == 202
    invite(page)
    nia, _ = come_in(sandbox, token_in(mails()[0]))
    lead = nia.post("/api/leads", {"first_name": "Sam", "phone": "+1 202 555 0188"})[1]
    assert erasure.run_due_erasures(now=datetime.now(UTC) + timedelta(days=3, minutes=1)) == 1
    assert names(nia) == [("Nia", "owner")]
    assert nia.get(f"/api/leads/{lead['id']}")[0] == 200


def test_what_a_member_did_alone_after_being_removed_is_erased_with_the_account(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    rep = colleague("rep")
    asked = sign_in(rep).post("/api/privacy/erasure", {"confirm": rep.user.email, "when": "after_grace"})
    assert asked[0] == 202
    page.delete(f"/api/team/members/{rep.user_id}")
    lead = sign_in(rep).post("/api/leads", {"first_name": "Alone", "phone": "+1 202 555 0188"})[1]
    assert erasure.run_due_erasures(now=datetime.now(UTC) + timedelta(days=3, minutes=1)) == 1
    assert not Lead.objects.get_queryset().filter(id=lead["id"], first_name="Alone").exists()


def test_who_is_removed_or_demoted_leaves_no_invitation_behind(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn, mails: Mails
) -> None:
    """Red when a removed manager comes back by an invitation to another address of theirs."""
    manager = colleague("manager")
    invite(sign_in(manager), "second@example.com")
    token = token_in(mails("second@example.com")[0])
    page.delete(f"/api/team/members/{manager.user_id}")
    assert Browser().post("/api/invitations/seen", {"token": token})[0] == 410


def test_a_manager_neither_takes_back_nor_replaces_an_invitation_of_a_manager(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    invitation = invite(page, role="manager")[1]
    manager = sign_in(colleague("manager"))
    assert code_of(manager.delete(f"/api/team/invitations/{invitation['id']}")[1]) == "not_permitted"
    assert code_of(invite(manager)[1]) == "not_permitted"
    assert page.get("/api/team")[1]["invitations"][0]["role"] == "manager"
