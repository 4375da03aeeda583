"""Passcodes: only to the registered number, never more than the limits, every answer of Verify understood."""

from datetime import timedelta

import pytest
from django.db.models import F

from identity.models import OtpAttempt
from identity.verify import OtpExpired, OtpNumberRefused, OtpSendLimit, OtpTooMany, OtpUnavailable
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import MakeAccount
from tests.sandbox_fixture import Sandbox


def waiting_browser(mobile: str, address: str = "198.51.100.7", email: str = "ada@example.com") -> Browser:
    browser = Browser(address)
    assert browser.post("/api/signup", form(mobile=mobile, email=email))[0] == 200
    return browser


def later(**by: float) -> None:
    """Moves all attempts into the past."""
    OtpAttempt.objects.update(at=F("at") - timedelta(**by))


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}d}"


def test_a_wrong_code_is_told_so_and_the_right_one_still_works(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550130")
    browser.post("/api/otp/send")
    code = sandbox.code_at("+12025550130")
    status, problem = browser.post("/api/otp/check", {"code": other_than(code)})
    assert (status, code_of(problem)) == (422, "otp_wrong")
    assert browser.get("/api/session")[1]["state"] == "awaiting_otp"
    assert browser.post("/api/otp/check", {"code": code})[0] == 200


def test_a_code_that_was_used_opens_no_second_session(sandbox: Sandbox, transactional_db: None) -> None:
    first = waiting_browser("+12025550131")
    first.post("/api/otp/send")
    code = sandbox.code_at("+12025550131")
    assert first.post("/api/otp/check", {"code": code})[0] == 200
    second = Browser()
    second.post("/api/signin", {"email": "ada@example.com", "password": form()["password"]})
    status, problem = second.post("/api/otp/check", {"code": code})
    assert (status, code_of(problem)) == (410, "otp_expired")


def test_a_code_of_another_number_opens_nothing(sandbox: Sandbox, transactional_db: None) -> None:
    thief = waiting_browser("+12025550132", email="thief@example.com")
    victim = waiting_browser("+12025550133")
    thief.post("/api/otp/send")
    victim.post("/api/otp/send")
    code = sandbox.code_at("+12025550132")
    if code != sandbox.code_at("+12025550133"):
        assert victim.post("/api/otp/check", {"code": code})[0] == 422
        assert victim.get("/api/session")[1]["state"] == "awaiting_otp"


def test_the_fourth_code_within_ten_minutes_is_not_sent(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550134")
    sent = [browser.post("/api/otp/send") for _ in range(4)]
    assert [status for status, _ in sent] == [200, 200, 200, 429]
    assert code_of(sent[3][1]) == "otp_send_limit"
    assert [answer["resends_left"] for _, answer in sent[:3]] == [2, 1, 0]
    assert len(sandbox.messages_at("+12025550134")) == 3


def test_ten_codes_a_day_reach_one_number(sandbox: Sandbox, transactional_db: None) -> None:
    statuses = []
    for n in range(11):
        # From another network each time, so that only the number's own limit can stop it.
        statuses.append(waiting_browser("+12025550135", f"203.0.113.{n}", f"u{n}@example.com").post("/api/otp/send")[0])
        later(minutes=11)
    assert statuses == [200] * 10 + [429]
    later(days=1)
    assert waiting_browser("+12025550135", "203.0.113.99", "last@example.com").post("/api/otp/send")[0] == 200


def test_ten_codes_an_hour_leave_for_one_network(sandbox: Sandbox, transactional_db: None) -> None:
    statuses = []
    for n in range(11):
        browser = waiting_browser(f"+1202555{n + 140:04}", f"2001:db8::{n + 1:x}", f"u{n}@example.com")
        statuses.append(browser.post("/api/otp/send")[0])
    assert statuses == [200] * 10 + [429]


def test_guessing_codes_stops(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550151")
    browser.post("/api/otp/send")
    right = sandbox.code_at("+12025550151")
    wrong = other_than(right)
    answers = [browser.post("/api/otp/check", {"code": wrong}) for _ in range(25)]
    codes = [code_of(answer) for _, answer in answers]
    # Twilio's own limit comes first, ours would stop whoever got round it by asking for new codes.
    assert codes[:4] == ["otp_wrong"] * 4
    assert codes[6:] == ["otp_too_many"] * 19
    assert OtpAttempt.objects.filter(purpose="check").count() == 20
    assert browser.post("/api/otp/check", {"code": right})[0] == 429


@pytest.mark.parametrize("code", ["12a456", "１２３４５６", "      ", "123456'--"])
def test_what_is_no_code_never_reaches_twilio(sandbox: Sandbox, transactional_db: None, code: str) -> None:
    browser = waiting_browser("+12025550152")
    status, problem = browser.post("/api/otp/check", {"code": code})
    assert (status, code_of(problem) in {"otp_wrong", "invalid_fields"}) == (422, True)


def test_a_second_check_after_the_right_one_changes_nothing(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550153")
    browser.post("/api/otp/send")
    browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550153")})
    cookie = browser.session_cookie
    status, session = browser.post("/api/otp/check", {"code": "000000"})
    assert (status, session["state"], browser.session_cookie) == (200, "signed_in", cookie)
    status, problem = browser.post("/api/otp/send")
    assert (status, code_of(problem)) == (409, "already_signed_in")


def test_the_passcode_routes_are_closed_to_strangers(browser: Browser) -> None:
    assert browser.post("/api/otp/send")[0] == 401
    assert browser.post("/api/otp/check", {"code": "123456"})[0] == 401


@pytest.mark.policy("C3.2-5")
def test_a_session_waits_for_half_an_hour_only(browser: Browser, make_account: MakeAccount) -> None:
    from identity.models import Session

    make_account()
    browser.post("/api/signin", {"email": "ada@example.com", "password": form()["password"]})
    Session.objects.update(expires_at=F("expires_at") - timedelta(minutes=30))
    assert browser.get("/api/session")[1]["state"] == "anonymous"
