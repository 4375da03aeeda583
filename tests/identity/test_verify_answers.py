"""Whatever Twilio Verify answers is told to the person with what to do."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.identity.browser import Browser, code_of
from tests.identity.conftest import MakeAccount
from tests.identity.test_mobile_change import begin, check
from tests.identity.test_passcodes import later, owner_of, waiting_browser
from tests.sandbox_fixture import Sandbox

REFUSED = (422, "otp_number_refused", "Sign up with another mobile number")
BUSY = (503, "otp_unavailable", "Wait a minute, then try again")
AWAY = (503, "otp_unavailable", "Try again in a few minutes")
TOO_MANY = (429, "otp_too_many", "Wait until this code expires in 10 minutes")
GONE = (410, "otp_expired", "Ask for a new one")


@pytest.mark.parametrize(
    ("twilio_code", "told"),
    [
        (60200, REFUSED),
        (60203, (429, "otp_send_limit", "Wait 10 minutes, then ask for a new one")),
        (60205, REFUSED),
        (60212, BUSY),
        (60238, REFUSED),
        (60410, REFUSED),
        # That the owner of the number answered STOP is none of who claims it.
        (21610, REFUSED),
        (20429, BUSY),
        (20404, AWAY),
        (503, AWAY),
    ],
)
def test_whatever_twilio_answers_to_a_send_is_told_with_what_to_do(
    sandbox: Sandbox, transactional_db: None, twilio_code: int, told: tuple[int, str, str]
) -> None:
    browser = waiting_browser("+12025550154")
    sandbox.fail("verify", "error", twilio_code)
    status, problem = browser.post("/api/otp/send")
    assert (status, code_of(problem)) == told[:2] and told[2] in problem["detail"]
    assert "2025550154" not in problem["detail"]
    assert browser.post("/api/otp/send")[0] == 200


def test_who_has_proved_a_phone_learns_that_it_answered_stop_to_the_carrier(
    make_account: MakeAccount, sandbox: Sandbox
) -> None:
    browser = owner_of("+12025550154", make_account)
    sandbox.fail("verify", "error", 21610)
    status, problem = browser.post("/api/otp/send")
    assert (status, code_of(problem)) == REFUSED[:2] and "Text START to the same number" in problem["detail"]


def signing_in(make_account: MakeAccount, sandbox: Sandbox) -> tuple[Browser, str]:
    return owner_of("+12025550154", make_account), "support, who give your account another number"


def signing_up(make_account: MakeAccount, sandbox: Sandbox) -> tuple[Browser, str]:
    return waiting_browser("+12025550154"), "Sign up with another mobile number"


def changing(make_account: MakeAccount, sandbox: Sandbox) -> tuple[Browser, str]:
    """Up to the new phone, whose first code was sent."""
    browser = owner_of("+12025550153", make_account)
    browser.post("/api/otp/send")
    browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550153")})
    later(sandbox, timedelta(hours=1))
    begin(browser)
    assert check(browser, "old", sandbox.code_at("+12025550153"))[1]["sent"]
    return browser, "Type another mobile number"


@pytest.mark.parametrize("twilio_code", [60200, 60205, 60238, 60410])
@pytest.mark.parametrize("situation", [signing_in, signing_up, changing])
def test_what_helps_with_a_number_that_twilio_refuses_depends_on_whose_it_is(
    situation: Callable[[MakeAccount, Sandbox], tuple[Browser, str]],
    twilio_code: int,
    make_account: MakeAccount,
    sandbox: Sandbox,
) -> None:
    """Planted bug that this catches: whoever has an account is sent to a sign-up, which refuses them in the end."""
    browser, helps = situation(make_account, sandbox)
    sandbox.fail("verify", "error", twilio_code)
    status, problem = browser.post("/api/mobile/send" if situation is changing else "/api/otp/send")
    assert (status, code_of(problem)) == REFUSED[:2] and helps in problem["detail"]
    assert ("Sign up" in problem["detail"]) == (situation is signing_up)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (60200, (422, "otp_wrong", "Check the latest text message")),
        (60202, TOO_MANY),
        (60212, BUSY),
        (60238, REFUSED),
        (60410, REFUSED),
        (20404, GONE),
        (20429, BUSY),
        (500, AWAY),
        ("pending", (422, "otp_wrong", "Check the latest text message")),
        ("max_attempts_reached", TOO_MANY),
        ("canceled", GONE),
        ("deleted", GONE),
        ("failed", GONE),
        ("expired", GONE),
    ],
)
def test_whatever_twilio_answers_to_a_check_is_told_with_what_to_do(
    sandbox: Sandbox, transactional_db: None, answer: int | str, told: tuple[int, str, str]
) -> None:
    browser = waiting_browser("+12025550155")
    browser.post("/api/otp/send")
    right = sandbox.code_at("+12025550155")
    if isinstance(answer, str):
        sandbox.tell_status(answer)
    else:
        sandbox.fail("verify", "error", answer)
    status, problem = browser.post("/api/otp/check", {"code": right})
    assert (status, code_of(problem)) == told[:2] and told[2] in problem["detail"]
    assert browser.get("/api/session")[1]["state"] == "awaiting_otp"
    if isinstance(answer, str):
        return
    assert browser.post("/api/otp/check", {"code": right})[0] == 200


@pytest.mark.parametrize(("kind", "sent"), [("drop", 0), ("timeout_after_accept", 1)])
def test_an_answer_that_is_lost_is_told_and_the_code_that_came_all_the_same_is_good(
    sandbox: Sandbox, transactional_db: None, kind: str, sent: int
) -> None:
    browser = waiting_browser("+12025550156")
    sandbox.fail("verify", kind)
    status, problem = browser.post("/api/otp/send")
    assert (status, code_of(problem)) == AWAY[:2] and AWAY[2] in problem["detail"]
    assert len(sandbox.messages_at("+12025550156")) == sent
    if not sent:
        assert browser.post("/api/otp/send")[0] == 200
    assert browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550156")})[0] == 200


def test_an_answer_that_is_late_is_waited_for(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550157")
    sandbox.fail("verify", "delay", 300, count=2)
    assert browser.post("/api/otp/send")[0] == 200
    assert browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550157")})[0] == 200
