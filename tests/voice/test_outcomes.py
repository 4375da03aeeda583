"""What came of a call: the carrier's word is stored when it ends, the rep's counts, and nothing but a person changes it.

Planted bug that this catches: late callbacks that write the outcome over what the rep said.
"""

from datetime import timedelta
from typing import Any

import pytest

from identity.models import Membership
from tests.identity.browser import Browser
from tests.identity.conftest import MakeAccount, SignIn
from tests.voice.carrier import give_credit, post
from tests.voice.queues import NOW, call, ends, leads
from voice.models import Lead

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rep(make_account: MakeAccount) -> Membership:
    member = make_account(workspace_name="Harbour Sales")
    give_credit(member, 1_000_000)
    return member


@pytest.fixture
def page(rep: Membership, sign_in: SignIn) -> Browser:
    return sign_in(rep)


@pytest.fixture
def lead(rep: Membership) -> Lead:
    return leads(rep, "Ada")[0]


def said_of(page: Browser, lead: Lead) -> tuple[str | None, bool]:
    """What came of the lead's last call, and whether it is tried again."""
    shown = page.get(f"/api/leads/{lead.id}")[1]
    return shown["disposition"], shown["retry_at"] is not None


OUTCOMES = {
    "completed": ("connected", ("connected", False)),
    "busy": ("busy", ("busy", True)),
    "no-answer": ("no_answer", ("no_answer", True)),
    "failed": ("failed", ("failed", False)),
    # The rep hung up before an answer: nothing came of it, and the lead was never spoken to.
    "canceled": (None, (None, False)),
}


@pytest.mark.parametrize(("status", "expected"), OUTCOMES.items(), ids=OUTCOMES)
def test_each_end_has_its_outcome(
    rep: Membership, page: Browser, lead: Lead, status: str, expected: tuple[str | None, tuple[str | None, bool]]
) -> None:
    outcome, of_lead = expected
    ended = ends(call(rep, lead), status)
    shown = page.get(f"/api/calls/{ended.id}")[1]
    assert (shown["outcome"], shown["disposition"]) == (outcome, None)
    assert said_of(page, lead) == of_lead


def test_a_call_that_never_rang_the_lead_says_nothing_of_the_lead(rep: Membership, page: Browser, lead: Lead) -> None:
    placed = call(rep, lead)
    post(*placed.agent("no-answer", at_s=30, sequence=1))
    assert (placed.row.status, placed.row.outcome) == ("no_answer", "failed")
    assert said_of(page, lead) == (None, False)


def test_the_receipt_tells_a_lead_that_was_not_dialled_from_one_that_did_not_answer(
    rep: Membership, page: Browser, lead: Lead
) -> None:
    placed = call(rep, lead)
    post(*placed.agent("canceled", at_s=5, sequence=1))
    receipt = page.get(f"/api/calls/{placed.call_id}/receipt")[1]
    assert receipt["arithmetic"] == "The lead was not dialled, so nothing is charged."
    assert receipt["rows"][-1]["label"] == "You ended it before the lead was dialled"
    rang = ends(call(rep, lead, now=NOW + timedelta(minutes=1)), "no-answer")
    assert page.get(f"/api/calls/{rang.id}/receipt")[1]["arithmetic"].startswith("The lead did not answer")


def test_what_the_rep_says_counts_and_no_later_callback_changes_it(rep: Membership, page: Browser, lead: Lead) -> None:
    placed = call(rep, lead)
    ended = ends(placed, "busy")
    assert page.patch(f"/api/calls/{ended.id}", {"disposition": "wrong_number"})[0] == 200
    assert said_of(page, lead) == ("wrong_number", False)
    for news in (placed.after("busy"), placed.agent("completed", at_s=90, sequence=3, CallDuration="90")):
        post(*news)
    post(*placed.callee("completed", at_s=95, sequence=9, CallDuration="61"))
    shown = page.get(f"/api/calls/{ended.id}")[1]
    assert (shown["outcome"], shown["disposition"]) == ("busy", "wrong_number")
    assert said_of(page, lead) == ("wrong_number", False)


def test_what_the_rep_said_during_the_call_stays_when_it_ends(rep: Membership, page: Browser, lead: Lead) -> None:
    placed = call(rep, lead)
    page.patch(f"/api/calls/{placed.call_id}", {"disposition": "call_back"})
    ends(placed, "no-answer")
    assert (placed.row.outcome, placed.row.disposition) == ("no_answer", "call_back")
    assert said_of(page, lead) == ("call_back", False)


def test_what_the_rep_said_can_be_taken_back(rep: Membership, page: Browser, lead: Lead) -> None:
    ended = ends(call(rep, lead), "no-answer")
    planned = page.get(f"/api/leads/{lead.id}")[1]["retry_at"]
    page.patch(f"/api/calls/{ended.id}", {"disposition": "interested"})
    assert page.patch(f"/api/calls/{ended.id}", {"notes": "Their line crackles"})[1]["disposition"] == "interested"
    assert page.patch(f"/api/calls/{ended.id}", {"disposition": None})[1]["disposition"] is None
    assert page.get(f"/api/leads/{lead.id}")[1]["retry_at"] == planned
    assert said_of(page, lead) == ("no_answer", True)


def test_only_the_newest_call_speaks_for_the_lead(rep: Membership, page: Browser, lead: Lead) -> None:
    first = ends(call(rep, lead), "busy")
    newest = ends(call(rep, lead, now=NOW + timedelta(minutes=1)), "completed")
    page.patch(f"/api/calls/{first.id}", {"disposition": "not_interested"})
    assert said_of(page, lead) == ("connected", False)
    page.patch(f"/api/calls/{newest.id}", {"disposition": "meeting_booked"})
    assert said_of(page, lead) == ("meeting_booked", False)


def test_nobody_is_tried_again_for_ever(rep: Membership, page: Browser, lead: Lead) -> None:
    retried = []
    for _ in range(6):
        ends(call(rep, lead), "no-answer")
        retried.append(said_of(page, lead)[1])
    assert retried == [True, True, True, True, False, False]
    ends(call(rep, lead), "completed")
    ends(call(rep, lead), "busy")
    assert said_of(page, lead) == ("busy", True)


def test_leads_and_calls_are_found_by_what_came_of_them(rep: Membership, page: Browser) -> None:
    busy, spoken, booked, _ = leads(rep, "Busy", "Spoken", "Booked", "New")
    ends(call(rep, busy), "busy")
    ends(call(rep, spoken), "completed")
    with_meeting = ends(call(rep, booked), "completed")
    page.patch(f"/api/calls/{with_meeting.id}", {"disposition": "meeting_booked"})

    def found(list_: str, of_what: str) -> list[str]:
        status, answer = page.get(f"/api/{list_}?disposition={of_what}")
        assert status == 200, answer
        return [row["first_name"] if list_ == "leads" else row["lead"]["name"] for row in answer["items"]]

    for of_what, names in {
        "busy": ["Busy"],
        "connected": ["Spoken"],
        "meeting_booked": ["Booked"],
        "failed": [],
    }.items():
        assert (found("leads", of_what), found("calls", of_what)) == (names, names)
    assert found("leads", "never_called") == ["New"]
    assert page.get("/api/leads?disposition=nonsense")[0] == 422
    assert page.get("/api/calls?disposition=never_called")[0] == 422


@pytest.mark.parametrize("when", ["during the call", "after its end"])
@pytest.mark.parametrize(
    ("answered_by", "outcome"),
    [
        ("human", "connected"),
        ("unknown", "connected"),
        ("machine_start", "voicemail"),
        ("machine_end_beep", "voicemail"),
        ("fax", "voicemail"),
        ("gpt", "connected"),
    ],
)
def test_a_machine_that_answered_is_known_whenever_the_carrier_says_so(
    rep: Membership, page: Browser, lead: Lead, answered_by: str, outcome: str, when: str
) -> None:
    placed = call(rep, lead)
    news = (placed.path("machine"), {"CallSid": placed.callee_sid, "AnsweredBy": answered_by})
    if when == "during the call":
        assert post(*news).status == 204
    ended = ends(placed, "completed")
    if when == "after its end":
        post(*news)
    assert page.get(f"/api/calls/{ended.id}")[1]["outcome"] == outcome
    assert said_of(page, lead) == (outcome, False)
    # Said again, or otherwise, it changes nothing.
    post(placed.path("machine"), {"CallSid": placed.callee_sid, "AnsweredBy": "human"})
    assert page.get(f"/api/calls/{ended.id}")[1]["outcome"] == outcome


def test_a_machine_does_not_change_what_the_rep_said(rep: Membership, page: Browser, lead: Lead) -> None:
    placed = call(rep, lead)
    ended = ends(placed, "completed")
    page.patch(f"/api/calls/{ended.id}", {"disposition": "left_voicemail"})
    post(placed.path("machine"), {"CallSid": placed.callee_sid, "AnsweredBy": "machine_start"})
    shown = page.get(f"/api/calls/{ended.id}")[1]
    assert (shown["voicemail"], shown["outcome"], shown["disposition"]) == (True, "voicemail", "left_voicemail")
    assert said_of(page, lead) == ("left_voicemail", False)


@pytest.mark.parametrize("wanted", [True, False])
def test_the_carrier_listens_for_machines_only_where_it_is_wanted(
    rep: Membership, lead: Lead, settings: Any, wanted: bool
) -> None:
    settings.VOICEMAIL_DETECTION = wanted
    placed = call(rep, lead)
    answer = post(placed.path("agent"), {"CallSid": placed.agent_sid, "CallStatus": "in-progress"})
    assert answer.status == 200
    assert ('machineDetection="Enable"' in answer.body) is wanted
    assert (f"/twilio/voice/{placed.call_id}/machine" in answer.body) is wanted
