"""What the record of acts holds of a person stands in the copy of their data, and nobody else is named in it.

Written to turn red with: a copy without it, another person's acts in it, and a search of ours in it.
"""

from collections.abc import Callable
from typing import Any

import pytest

from identity.models import Membership
from tests.compliance.test_my_data import KNOWN, proved
from tests.compliance.test_understood import copied
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, mails, owner, page
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import at_desk

__all__ = ["colleague", "mails", "owner", "page"]

pytestmark = pytest.mark.django_db(transaction=True)


def acts_of(browser: Browser) -> dict[str, list[Any]]:
    """By what was done: who did it and the rest."""
    found: dict[str, list[Any]] = {}
    for each in browser.get("/api/privacy/export")[1]["data"]["audit"]["items"]:
        assert set(each) == {"at", "what", "by", "details"}
        found.setdefault(each["what"], []).append((each["by"], each["details"]))
    return found


@pytest.mark.policy("C1.4", "C7.1")
def test_the_copy_tells_what_the_person_did_and_what_was_done_with_the_account(
    page: Browser, owner: Membership, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    rep = colleague("rep")
    page.patch("/api/workspace", {"name": "Harbour and Sons"})
    assert page.patch(f"/api/team/members/{rep.user_id}", {"role": "manager"})[0] == 204
    desk = at_desk("privacy_officer")
    for what, more in (("block", {"reason": "abuse"}), ("unblock", {})):
        assert desk.post(f"/api/staff/accounts/{what}", {"email": "rep@example.com", **more})[0] == 204
    assert desk.post("/api/staff/disclosures/find", {"whose": "rep@example.com"})[0] == 200

    mine, theirs = acts_of(page), acts_of(sign_in(rep))
    assert mine["team.renamed"] == [("you", {})]
    assert mine["team.role_changed"] == [("you", {"role": "manager"})]
    assert theirs["team.role_changed"] == [("somebody in your workspace", {"role": "manager"})]
    assert theirs["account.blocked"] == [("Klosesales", {"reason": "abuse"})]
    # Why one of us searches may be an order that nobody is to be told of.
    assert "disclosures.searched" not in theirs
    assert "account.blocked" not in mine and "team.renamed" not in theirs
    assert str(rep.user_id) not in str(mine) and str(owner.user_id) not in str(theirs)


@pytest.mark.policy("C7.1")
def test_who_was_called_reads_what_was_done_with_the_number(sandbox: Sandbox) -> None:
    browser = proved(sandbox)
    for allowed in (False, True):
        assert browser.post("/api/my-data/calls", {"workspace": None, "allowed": allowed})[0] == 200
    # Which an order may have us keep quiet about.
    assert (
        at_desk("privacy_officer").post(
            "/api/staff/disclosures/find", {"whose": f"\u202a{KNOWN[:5]}\u200e{KNOWN[5:]}\u202c"}
        )[0]
        == 200
    )
    acts = [(each["what"], each["by"]) for each in copied(browser)["audit"]["items"]]
    assert acts == [("number.calls_allowed", "you"), ("privacy.exported", "you")]
