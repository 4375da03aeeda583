"""A call that ends for a wish of the lead, or of the rep, about their data says so, and is never taken for one of them hanging up.

Planted bugs that this catches: such a call that says "hung up", a wish that takes the place of whoever ended the call before it, and a
receipt without words for it.
"""

from typing import Any

import pytest

from identity.models import Membership
from tests.compliance.test_my_data import proved
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import Placed, give_credit, place, post
from tests.voice.test_replay import replayed

pytestmark = pytest.mark.django_db(transaction=True)
WISHES = {
    "calls stopped": ("lead_stopped_calls", "The lead asked for no more calls"),
    "all calls stopped": ("lead_stopped_calls", "The lead asked for no more calls"),
    "lead restricted": ("lead_restricted", "The lead asked that nothing of theirs is used"),
    "consent taken back": (
        "rep_restricted",
        "Who called had asked that nothing of theirs is used, or taken back a consent that calls need",
    ),
}


@pytest.fixture
def rep(make_account: MakeAccount) -> Membership:
    member = make_account()
    give_credit(member, 1_000_000)
    return member


def wish(name: str, placed: Placed, page: Browser, sandbox: Sandbox) -> None:
    if name == "consent taken back":
        assert page.post("/api/privacy/purposes", {"purpose": "transfer", "given": False})[0] == 204
        return
    person = proved(sandbox, str(placed.row.lead.phone_e164))
    if name == "lead restricted":
        assert person.post("/api/my-data/restriction", {"restricted": True})[0] == 200
        return
    workspace = str(placed.row.workspace_id) if name == "calls stopped" else None
    assert person.post("/api/my-data/calls", {"workspace": workspace, "allowed": False})[0] == 200


def ended(page: Browser, placed: Placed) -> Any:
    return page.get(f"/api/calls/{placed.call_id}")[1]


@pytest.mark.parametrize("name", WISHES)
def test_a_conversation_that_a_wish_ends_says_which_in_its_receipt_too(
    rep: Membership, sandbox: Sandbox, sign_in: SignIn, name: str
) -> None:
    placed, page = place(rep), sign_in(rep)
    post(*placed.agent("in-progress", at_s=0, sequence=1))
    post(*placed.callee("in-progress", at_s=10, sequence=1))
    wish(name, placed, page, sandbox)
    assert placed.row.hangup_requested_at is not None
    post(*placed.callee("completed", at_s=76, sequence=2, CallDuration="66"))
    post(*placed.agent("completed", at_s=77, sequence=2, CallDuration="77"))
    reason, words = WISHES[name]
    over = ended(page, placed)
    assert (over["status"], over["end_reason"], over["charged_mcredits"]) == ("completed", reason, 2_000)
    rows = page.get(f"/api/calls/{placed.call_id}/receipt")[1]["rows"]
    assert words in [row["label"] for row in rows]
    assert replayed()[0]["differences"] == 0


def test_a_phone_that_rings_is_let_go_for_it_and_who_hung_up_before_it_stays_the_reason(
    rep: Membership, make_account: MakeAccount, sandbox: Sandbox, sign_in: SignIn
) -> None:
    rung, page = place(rep), sign_in(rep)
    post(*rung.agent("in-progress", at_s=0, sequence=1))
    post(*rung.callee("ringing", at_s=5, sequence=1))
    wish("calls stopped", rung, page, sandbox)
    post(*rung.callee("canceled", at_s=12, sequence=2))
    post(*rung.agent("completed", at_s=13, sequence=2, CallDuration="13"))
    over = ended(page, rung)
    assert (over["status"], over["end_reason"], over["charged_mcredits"]) == ("cancelled", "lead_stopped_calls", 0)

    talked = place(rep)
    post(*talked.agent("in-progress", at_s=0, sequence=1))
    post(*talked.callee("in-progress", at_s=10, sequence=1))
    assert page.post(f"/api/calls/{talked.call_id}/hangup")[0] == 200
    wish("consent taken back", talked, page, sandbox)
    post(*talked.callee("completed", at_s=76, sequence=2, CallDuration="66"))
    assert ended(page, talked)["end_reason"] == "hung_up"
    assert replayed()[0]["differences"] == 0
