"""What is held about a call is found by the person who was called, by their own name and under their own number."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from ai.models import AiQuery
from compliance import access, erasure
from identity.models import Membership
from tests.compliance.test_erasure import plant
from tests.compliance.test_my_data import KNOWN, LINES, SOON, proved, seen
from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from voice.callee import subject_of_number
from voice.models import Call, CallLeg, Lead, TranscriptSegment

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "+37060012399"
NOW = datetime.now(UTC)


@pytest.fixture
def seller(make_account: MakeAccount) -> Membership:
    """Has called the number, and somebody answered."""
    seller = make_account(workspace_name="Sellers One")
    plant(seller, "Brobdingnag", KNOWN, LINES)
    Call.objects.for_workspace(seller.workspace_id).update(answered_at=NOW)
    return seller


def copy_of(browser: Browser) -> Any:
    status, copy = Browser("203.0.113.5").get(browser.post("/api/my-data/links")[1]["path"])
    assert status == 200
    return copy


@pytest.mark.policy("C7.1", "C4.6")
def test_a_copy_taken_while_everything_is_restricted_has_the_persons_own_name(
    seller: Membership, sandbox: Sandbox, sign_in: SignIn
) -> None:
    """Who stops all calls first, as most do, has restricted everything by it."""
    browser = proved(sandbox)
    assert browser.post("/api/my-data/calls", {"workspace": None, "allowed": False})[0] == 200
    lead = Lead.objects.get(phone_e164=KNOWN)
    assert lead.restricted_at and sign_in(seller).get(f"/api/leads/{lead.id}")[1]["last_name"] != "Lead"
    assert seen(browser)["workspaces"][0]["known_as"][0]["name"] == "Brobdingnag Lead"
    for held in (copy_of(browser)["data"], access.bundle(subject=subject_of_number(KNOWN), now=NOW)["data"]):
        assert [each["name"] for each in held["callee"]["items"]] == ["Brobdingnag Lead"]
        assert [each["lead"] for each in held["call"]["items"]] == ["Brobdingnag Lead"]


@pytest.mark.policy("C6.2", "C7.1", "C7.3")
def test_what_was_said_stays_with_the_number_that_was_called_when_its_lead_should_get_another(
    seller: Membership, sandbox: Sandbox, sign_in: SignIn
) -> None:
    rep, lead = sign_in(seller), Lead.objects.get(phone_e164=KNOWN)
    status, problem = rep.patch(f"/api/leads/{lead.id}", {"phone": OTHER})
    assert (status, code_of(problem)) == (409, "lead_was_called")
    # All else is put right, and the number may be sent along.
    assert rep.patch(f"/api/leads/{lead.id}", {"phone": KNOWN, "first_name": "Lilliputia"})[0] == 200
    assert rep.post("/api/leads", {"first_name": "Brobdingnag", "phone": OTHER})[0] == 201
    new_holder = json.dumps(copy_of(proved(sandbox, OTHER, "198.51.100.31")))
    assert "Sellers One" in new_holder and "speaking" not in new_holder
    about = {"question": "What was promised?", "lead_id": str(lead.id)}
    assert rep.post("/api/questions", about, **{"Idempotency-Key": "asked-of-lead"})[0] == 200
    old_holder = proved(sandbox)
    assert "Brobdingnag speaking" in json.dumps(copy_of(old_holder))
    assert old_holder.post("/api/my-data/erasure", {"confirm": KNOWN, "when": "now"})[0] == 202
    assert erasure.run_due_erasures(now=SOON) == 1
    assert not any(model.objects.exists() for model in (TranscriptSegment, Call, AiQuery))
    assert Lead.objects.get(erased_at__isnull=True).phone_e164 == OTHER


@pytest.mark.parametrize(
    ("legs", "stays"),
    [
        pytest.param({}, False, id="nothing was dialled"),
        pytest.param({"agent": "no-answer"}, False, id="the rep did not answer"),
        pytest.param({"agent": "completed", "callee": "failed"}, False, id="there is no such number"),
        pytest.param({"agent": "completed", "callee": "no-answer"}, True, id="it rang"),
        pytest.param({"agent": "completed"}, True, id="it may have rung"),
    ],
)
def test_a_number_is_put_right_as_long_as_it_cannot_have_rung(
    seller: Membership, sign_in: SignIn, legs: dict[str, str], stays: bool
) -> None:
    call = Call.objects.get()
    Call.objects.update(answered_at=None)
    for role, status in legs.items():
        answered_at = NOW if status == "completed" else None
        sid = f"CA{uuid4().hex}"
        CallLeg.objects.create(
            workspace_id=seller.workspace_id, call=call, role=role, sid=sid, status=status, answered_at=answered_at
        )
    answered, _ = sign_in(seller).patch(f"/api/leads/{call.lead_id}", {"phone": OTHER})
    assert answered == (409 if stays else 200)
