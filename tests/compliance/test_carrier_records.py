"""The carrier deletes its records of calls before ours go."""

from datetime import timedelta

import pytest
from django.conf import settings

from compliance import erasure
from identity.models import Membership
from processors.models import Disclosure
from tests.compliance.test_erasure import NOW, SOON, ask_to_be_erased, plant
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
