"""The carrier deletes its records of calls before ours go."""

from datetime import timedelta

import pytest
from django.conf import settings

from compliance import erasure
from compliance.models import ErasureStep
from identity.models import Membership
from processors.models import Disclosure
from tests.compliance.test_erasure import NOW, SOON, all_rows, ask_to_be_erased, bytes_on_disk, plant
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox
from voice.models import Call, CallLeg

pytestmark = pytest.mark.django_db(transaction=True)
LEGS = 6


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    member = make_account()
    plant(member, "Brobdingnag", "+37060012345", lines=1)
    call = Call.objects.get(user=member.user)
    for number in range(LEGS):
        leg = {"role": "agent", "sid": f"CA{number:032}", "status": "completed", "ended_at": NOW}
        CallLeg.objects.create(workspace=member.workspace, call=call, **leg)
    return member


def deletions_told() -> int:
    return Disclosure.objects.get(endpoint="calls.delete").count


def test_the_carrier_is_asked_to_delete_its_record_of_each_call(
    member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    ask_to_be_erased(sign_in, member)
    assert erasure.run_due_erasures(now=SOON) == 1
    assert [name for name in sandbox.received()["services"] if "calls" in name.lower()]
    assert deletions_told() == LEGS


def test_what_the_carrier_has_deleted_before_it_fails_is_not_asked_for_again(
    member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    """Planted bug that this catches: what was deleted is noted only if all went well that was asked for together."""
    ask_to_be_erased(sign_in, member)
    path = f"/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/Calls/CA{LEGS - 1:032}.json"
    broken = {"target": "twilio.rest", "kind": "error", "value": 500, "count": 1, "match": {"path": path}}
    sandbox.ask("POST", "/faults", broken)
    assert erasure.run_due_erasures(now=SOON) == 0
    # The last that was asked for failed, so all others had been answered or were being.
    assert CallLeg.objects.filter(carrier_deleted_at__isnull=True).count() == 1
    assert deletions_told() == LEGS
    assert erasure.run_due_erasures(now=SOON + timedelta(hours=2)) == 1
    assert deletions_told() == LEGS + 1


@pytest.mark.policy("C6.2")
def test_an_erasure_whose_carrier_is_away_for_ten_days_resumes_and_ends_clean(
    member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    request = ask_to_be_erased(sign_in, member)
    assert "brobdingnag" in all_rows()
    for day in range(10):
        # On some days nobody answers, on the others somebody says that it cannot be done now.
        kind, status = ("drop", 0) if day % 2 else ("error", 503)
        away = {"target": "twilio.rest", "kind": kind, "value": status, "count": -1, "match": {"method": "DELETE"}}
        sandbox.ask("DELETE", "/faults")
        sandbox.ask("POST", "/faults", away)
        assert erasure.run_due_erasures(now=SOON + timedelta(days=day)) == 0
        assert CallLeg.objects.filter(carrier_deleted_at__isnull=True).count() == LEGS
    step = ErasureStep.objects.get(request=request, name="carrier")
    assert (step.state, step.attempts, step.error_type) == ("failed", 10, "NotYet")
    request.refresh_from_db()
    assert (request.state, request.receipt) == ("running", None)

    sandbox.ask("DELETE", "/faults")
    assert erasure.run_due_erasures(now=SOON + timedelta(days=10)) == 1
    request.refresh_from_db()
    assert request.receipt is not None and request.finished_at is not None
    assert (request.receipt["left"], request.receipt["erased"]["call"] >= LEGS) == (0, True)
    assert request.finished_at - request.opened_at < timedelta(days=30)
    assert ("brobdingnag" in all_rows(), bytes_on_disk("Brobdingnag")) == (False, 0)
