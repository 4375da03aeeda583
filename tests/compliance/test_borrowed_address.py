"""Anybody can sign up with the address of somebody who has no account. Nothing that stands under the address alone goes with that account.

Planted bugs that these catch: a preview that counts it, an erasure that takes it along, a ledger that names the address, and the same
when one of us carries the deletion out.
"""

from datetime import UTC, datetime, timedelta

import pytest

from compliance import cases, erasure, erasure_ledger
from compliance.models import Case, Nominee, Request
from identity.models import AccessEvent, Invitation, Membership, User
from processors.pseudonyms import pseudonym
from tests.identity.browser import Browser, form
from tests.identity.conftest import MakeAccount
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import at_desk
from tests.staff.test_desk import done, written_down

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime.now(UTC)
VICTIM = "victim@people.example"
MOBILE = "+12025550177"


@pytest.fixture
def case(make_account: MakeAccount) -> Case:
    """What others and the victim have under the address: a case, an invitation, a nomination, a failed sign-in."""
    owner = make_account()
    Invitation.objects.create(
        workspace=owner.workspace,
        email=VICTIM,
        role="rep",
        invited_by=owner.user,
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
        next_at=NOW,
    )
    Nominee.objects.create(
        user_id=owner.user_id, name="Vic", email=VICTIM, named_at=NOW, next_at=NOW, link_hash="f" * 64
    )
    key = pseudonym("email", VICTIM)
    AccessEvent.objects.create(at=NOW, kind="sign_in_failed", account_key=key, address="203.0.113.77")
    return cases.open_case(
        kind="access", channel="mail", person=key, contact=VICTIM, words="My data, please.", proof="support", now=NOW
    )


@pytest.fixture
def borrower(case: Case, sandbox: Sandbox) -> Browser:
    """Somebody else, with a phone of their own, who has never read a mail to the address."""
    browser = Browser("203.0.113.9")
    assert browser.post("/api/signup", form(email=VICTIM, mobile=MOBILE))[0] == 200
    assert browser.post("/api/otp/send")[0] == 200
    assert browser.post("/api/otp/check", {"code": sandbox.code_at(MOBILE)})[1]["state"] == "signed_in"
    return browser


def assert_only_the_account_went(case: Case) -> None:
    assert not User.objects.filter(mobile_e164=MOBILE).exists() and Membership.objects.count() == 1
    kept = Case.objects.get(id=case.id)
    assert (kept.state, kept.contact, kept.entries.filter(kind="words").count()) == ("verified", VICTIM, 1)
    assert Invitation.objects.get_queryset().filter(email=VICTIM, ended_at__isnull=True).count() == 1
    assert Nominee.objects.filter(email=VICTIM, declined_at__isnull=True).count() == 1
    assert AccessEvent.objects.filter(account_key=pseudonym("email", VICTIM), address="203.0.113.77").count() == 1
    named = [
        each.detail["email"] for batch in erasure_ledger.entries(after=0) for each in batch if each.kind == "erasure"
    ]
    assert pseudonym("email", VICTIM) not in named
    # Whoever really has the address comes in as if nobody had been here.
    assert Browser("198.51.100.8").post("/api/signup", form(email=VICTIM, mobile="+12025550178"))[0] == 200


@pytest.mark.policy("C6.2", "C7.3", "C7.5")
def test_who_signed_up_with_a_strangers_address_neither_counts_nor_erases_what_is_the_strangers(
    case: Case, borrower: Browser
) -> None:
    goes = {each["element"]: each["count"] for each in borrower.get("/api/privacy/erasure/preview")[1]["goes"]}
    assert goes.keys().isdisjoint({"request", "nominee", "invitation"}) and goes["account"] == 1
    assert borrower.post("/api/privacy/erasure", {"confirm": VICTIM, "when": "now"})[0] == 202
    assert erasure.run_erasure(request_id=Request.objects.get().id, now=NOW + timedelta(hours=6), rewrite=None) is False
    assert Request.objects.get().state == "rewriting"
    assert_only_the_account_went(case)


@pytest.mark.policy("C6.2", "C7.5")
def test_nor_does_a_deletion_that_two_of_us_carry_out_for_that_account(case: Case, borrower: Browser) -> None:
    nora, pia, ada = (
        at_desk(),
        at_desk("privacy_officer", "Pia", "198.51.100.91"),
        at_desk("admin", "Ada", "198.51.100.92"),
    )
    reference = written_down(nora, "deletion", "borrower@people.example")
    done(nora, reference, "prove", whose=VICTIM)
    prepared = done(pia, reference, "carry-out", number="")["prepared"]
    assert {"nominee", "invitation"}.isdisjoint(each["element"] for each in prepared["preview"]["goes"])
    done(ada, reference, "deletion/approve", seen=prepared["seen"])
    erasure.run_erasure(request_id=Request.objects.get().id, now=NOW + timedelta(days=3, hours=6), rewrite=None)
    assert Request.objects.get().state == "rewriting"
    assert_only_the_account_went(case)
