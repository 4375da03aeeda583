"""What one proved number may do again and again: protect itself always, take that back ten times a day."""

from collections.abc import Mapping
from datetime import timedelta

from django.db.models import F

from compliance.models import AuditEvent, Case, Suppression
from tests.compliance.test_my_data import KNOWN, ask, customers, proved, seen
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import MakeAccount
from tests.identity.test_passcodes import other_than
from tests.sandbox_fixture import Sandbox

__all__ = ["customers"]


def test_wrong_codes_of_a_stranger_use_up_nobodys_sign_in(make_account: MakeAccount, sandbox: Sandbox) -> None:
    """Red when both ask one Verify service: the sixth check for a number is refused whoever made the others."""
    member = make_account(mobile=KNOWN)
    signing_in = Browser()
    signing_in.post("/api/signin", {"email": member.user.email, "password": PASSWORD})
    assert signing_in.post("/api/otp/send")[0] == 200
    code = sandbox.code_at(KNOWN)
    stranger = Browser("198.51.100.31")
    ask(stranger, KNOWN)
    for _ in range(7):
        answer = stranger.post("/api/my-data/session", {"number": KNOWN, "code": other_than(sandbox.code_at(KNOWN))})
        assert answer[0] == 422
    assert signing_in.post("/api/otp/check", {"code": code})[0] == 200


def turned(browser: Browser, path: str, there: Mapping[str, object], back: Mapping[str, object]) -> list[int]:
    """How each taking back was answered; what protects is asked for before each."""
    answers = []
    for _ in range(12):
        assert browser.post(path, there)[0] == 200
        answers.append(browser.post(path, back)[0])
    return answers


def test_one_number_changes_a_wish_to_and_fro_ten_times_a_day_and_stays_protected(
    customers: object, sandbox: Sandbox
) -> None:
    browser = proved(sandbox)
    stop, allow = ({"workspace": None, "allowed": allowed} for allowed in (False, True))
    assert turned(browser, "/api/my-data/calls", stop, allow) == [200] * 10 + [429] * 2
    assert code_of(browser.post("/api/my-data/calls", allow)[1]) == "too_many_turns"
    held, free = ({"restricted": restricted} for restricted in (True, False))
    assert turned(browser, "/api/my-data/restriction", held, free) == [200] * 9 + [429] * 3
    found = seen(browser)
    assert (found["calls"], found["restricted"]) == ("stopped_by_you", True)
    assert Case.objects.filter(kind="objection").count() == 11
    assert Case.objects.filter(kind="restriction").count() == 10
    chain = AuditEvent.objects.count()
    assert turned(browser, "/api/my-data/calls", stop, allow) == [429] * 12
    assert AuditEvent.objects.count() == chain
    # A day later it may be allowed again.
    Suppression.objects.update(lifted_at=F("lifted_at") - timedelta(days=1))
    assert browser.post("/api/my-data/calls", allow)[0] == 200


def test_one_number_takes_ten_copies_and_asks_for_ten_erasures_a_day(customers: object, sandbox: Sandbox) -> None:
    browser = proved(sandbox)
    for _ in range(10):
        link = browser.post("/api/my-data/links")[1]["path"]
        assert Browser().get(link)[0] == 200
        assert browser.post("/api/my-data/erasure", {"confirm": KNOWN, "when": "after_grace"})[0] == 202
        assert browser.post("/api/my-data/erasure/cancel")[0] == 200
    assert code_of(browser.post("/api/my-data/links")[1]) == "too_many_turns"
    status, problem = browser.post("/api/my-data/erasure", {"confirm": KNOWN, "when": "now"})
    assert (status, code_of(problem)) == (429, "too_many_turns")
    Case.objects.update(opened_at=F("opened_at") - timedelta(days=1))
    assert browser.post("/api/my-data/erasure", {"confirm": KNOWN, "when": "now"})[0] == 202
