"""Passcodes: only to the registered number, never more than the limits, every answer of Verify understood."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.db.models import F
from django.test import override_settings

from identity import otp
from identity.contact import MobileInvalid, parse_mobile
from identity.models import OtpAttempt, Session
from identity.verify import OtpNumberRefused
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import MakeAccount
from tests.sandbox_fixture import Sandbox


def waiting_browser(mobile: str, address: str = "198.51.100.7", email: str = "ada@example.com") -> Browser:
    browser = Browser(address)
    assert browser.post("/api/signup", form(mobile=mobile, email=email))[0] == 200
    return browser


def owner_of(mobile: str, make_account: MakeAccount) -> Browser:
    """The browser of somebody who has proved the number, with the password typed and no code asked for."""
    member = make_account(mobile=mobile)
    browser = Browser()
    assert browser.post("/api/signin", {"email": member.user.email, "password": form()["password"]})[0] == 200
    return browser


def later(sandbox: Sandbox, by: timedelta) -> None:
    """Moves all attempts into the past, here and at the carrier."""
    OtpAttempt.objects.update(at=F("at") - by)
    sandbox.age_codes(by.total_seconds())


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


def test_the_fourth_code_within_ten_minutes_is_not_sent(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    browser = owner_of("+12025550134", make_account)
    sent = [browser.post("/api/otp/send") for _ in range(4)]
    assert [status for status, _ in sent] == [200, 200, 200, 429]
    assert code_of(sent[3][1]) == "otp_send_limit"
    assert [answer["resends_left"] for _, answer in sent[:3]] == [2, 1, 0]
    assert len(sandbox.messages_at("+12025550134")) == 3


def test_ten_codes_a_day_reach_one_number_whoever_asks(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    """And two of them are kept for whoever has proved the number. Planted bug that this catches: each kind has a limit of its own."""
    mobile = "+12025550135"
    strangers = []
    for n in range(9):
        # From another network each time, so that only the number's own limit can stop it.
        by = waiting_browser(mobile, f"203.0.113.{n}", f"u{n}@example.com")
        strangers.append(by.post("/api/otp/send")[0])
        later(sandbox, timedelta(minutes=11))
    assert strangers == [200] * 8 + [429]
    owner, owners = owner_of(mobile, make_account), []
    for _ in range(3):
        owners.append(owner.post("/api/otp/send")[0])
        later(sandbox, timedelta(minutes=11))
    assert owners == [200] * 2 + [429]
    assert len(sandbox.messages_at(mobile)) == 10
    later(sandbox, timedelta(days=1))
    assert waiting_browser(mobile, "203.0.113.99", "last@example.com").post("/api/otp/send")[0] == 200


def test_three_codes_in_ten_minutes_reach_one_number_whoever_asks(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    mobile = "+12025550136"
    stranger = waiting_browser(mobile, "203.0.113.7", email="eve@example.com")
    status, sent = stranger.post("/api/otp/send")
    assert (status, sent["resends_left"]) == (200, 2)
    owner = owner_of(mobile, make_account)
    assert [owner.post("/api/otp/send")[0] for _ in range(3)] == [200, 200, 429]
    # Who claims it is not told how often its owner signs in.
    assert stranger.post("/api/otp/send")[1]["resends_left"] == 1
    assert len(sandbox.messages_at(mobile)) == 3


def test_ten_codes_an_hour_leave_for_one_network(sandbox: Sandbox, transactional_db: None) -> None:
    statuses = []
    for n in range(11):
        browser = waiting_browser(f"+1202555{n + 140:04}", f"2001:db8::{n + 1:x}", f"u{n}@example.com")
        statuses.append(browser.post("/api/otp/send")[0])
    assert statuses == [200] * 10 + [429]


@pytest.mark.parametrize(("purpose", "networks"), [(OtpAttempt.CLAIM_CHECK, 1), (OtpAttempt.CHECK, 100)])
def test_guessing_codes_stops_whoever_guesses_from_wherever(
    purpose: str, networks: int, make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    """Planted bugs that this catches: guesses counted for a network alone, and those at a proved number not at all."""
    mobile = "+12025550151"
    proved = purpose == OtpAttempt.CHECK
    browser = owner_of(mobile, make_account) if proved else waiting_browser(mobile)
    browser.post("/api/otp/send")
    right = sandbox.code_at(mobile)
    answers = []
    for n in range(25 if networks == 1 else networks):
        browser.client.defaults["REMOTE_ADDR"] = f"198.51.{n % networks}.7"
        answers.append(browser.post("/api/otp/check", {"code": other_than(right)}))
    codes = [code_of(answer) for _, answer in answers]
    # Twilio's own limit comes first; ours stops whoever gets round it by asking for new codes.
    assert codes[:6] == ["otp_wrong"] * 5 + ["otp_too_many"]
    assert set(codes[6:20]) == {"otp_expired"}
    assert set(codes[20:]) == {"otp_too_many"}
    assert [status for status, _ in answers[20:]] == [429] * len(answers[20:])
    assert (
        list(OtpAttempt.objects.exclude(purpose__in=OtpAttempt.SENDS).values_list("purpose", flat=True))
        == [purpose] * 20
    )
    assert browser.post("/api/otp/check", {"code": right})[0] == 429
    later(sandbox, timedelta(hours=1, minutes=1))
    assert browser.post("/api/otp/send")[0] == 200
    assert browser.post("/api/otp/check", {"code": sandbox.code_at(mobile)})[0] == 200


def test_no_text_is_sent_while_wrong_codes_would_keep_its_code_out(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550159")
    browser.post("/api/otp/send")
    wrong = other_than(sandbox.code_at("+12025550159"))
    for _ in range(5):
        assert browser.post("/api/otp/check", {"code": wrong})[0] == 422
    status, problem = browser.post("/api/otp/send")
    assert (status, code_of(problem)) == (429, "otp_send_limit")
    assert "Ask again in 10 minutes" in problem["detail"]
    assert len(sandbox.messages_at("+12025550159")) == 1
    later(sandbox, timedelta(minutes=11))
    assert browser.post("/api/otp/send")[0] == 200
    assert browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550159")})[0] == 200


def test_a_code_that_got_old_is_told_so(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550156")
    browser.post("/api/otp/send")
    code = sandbox.code_at("+12025550156")
    sandbox.age_codes(601)
    status, problem = browser.post("/api/otp/check", {"code": code})
    assert (status, code_of(problem)) == (410, "otp_expired")


def test_a_lost_connection_to_twilio_is_told_and_counted_as_a_send(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550157")
    sandbox.fail("verify", "drop", count=3)
    answers = [browser.post("/api/otp/send") for _ in range(4)]
    assert [code_of(problem) for _, problem in answers] == ["otp_unavailable"] * 3 + ["otp_send_limit"]


def test_parallel_requests_do_not_pass_the_limit_together(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550158")

    def send() -> int:
        own = Browser()
        own.client.cookies.update(browser.client.cookies)
        try:
            return own.post("/api/otp/send")[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        statuses = [future.result() for future in [pool.submit(send) for _ in range(8)]]
    assert sorted(statuses) == [200] * 3 + [429] * 5
    assert len(sandbox.messages_at("+12025550158")) == 3


@pytest.mark.policy("C3.2-5", "C4.2-3")
def test_twilio_learns_the_number_and_the_code_and_nothing_else(sandbox: Sandbox, transactional_db: None) -> None:
    browser = waiting_browser("+12025550159")
    browser.post("/api/otp/send")
    browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550159")})
    received = sandbox.received()
    assert received["messages_requests"] == 0
    assert received["sms_sent"] == 1
    fields = {name: set(service["fields"]) for name, service in received["services"].items() if name != "smtp"}
    service = "verify POST /v2/Services/{ServiceSid}"
    assert fields == {
        f"{service}/Verifications": {"To", "Channel"},
        f"{service}/VerificationCheck": {"To", "Code"},
    }
    assert set(sandbox.told("+12025550159")) == set(fields)
    for private in ("okafor", "example.com", "198.51.100.7", "correct horse"):
        assert set(sandbox.told(private)) <= {"smtp"}, private


@pytest.mark.parametrize("code", ["12a456", "\uff11\uff12\uff13\uff14\uff15\uff16", "      ", "123456'--"])
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


def test_a_session_waits_for_half_an_hour_only(browser: Browser, make_account: MakeAccount) -> None:
    make_account()
    browser.post("/api/signin", {"email": "ada@example.com", "password": form()["password"]})
    Session.objects.update(expires_at=F("expires_at") - timedelta(minutes=30))
    assert browser.get("/api/session")[1]["state"] == "anonymous"


def test_numbers_of_one_block_get_twenty_codes_an_hour_together(sandbox: Sandbox, transactional_db: None) -> None:
    """Who makes others pay for text messages owns such blocks. Planted bug that this catches: no limit but those per number."""
    statuses = []
    for n in range(24):
        browser = waiting_browser(f"+120255501{n:02d}", address=f"203.0.113.{n + 1}", email=f"p{n}@example.com")
        statuses.append(browser.post("/api/otp/send")[0])
    assert statuses == [200] * 20 + [429] * 4
    later(sandbox, timedelta(hours=1))
    assert waiting_browser("+12025550160", address="203.0.113.60").post("/api/otp/send")[0] == 200


@override_settings(OTP_COUNTRIES=frozenset({"GB", "IE"}))
def test_codes_go_to_the_listed_countries_alone(sandbox: Sandbox, transactional_db: None) -> None:
    refused = waiting_browser("+12025550130").post("/api/otp/send")
    assert (refused[0], code_of(refused[1])) == (422, "otp_number_refused")
    assert waiting_browser("+447400123456", email="b@example.com").post("/api/otp/send")[0] == 200
    assert sandbox.messages_at("+12025550130") == []


@override_settings(OTP_COUNTRIES=frozenset())
@pytest.mark.parametrize("mobile", ["+881612345678", "+870773111632", "+883510012345678", "+447040123456"])
def test_codes_go_to_no_satellite_personal_or_other_number_of_no_country_even_where_all_countries_are_open(
    mobile: str, transactional_db: None
) -> None:
    with pytest.raises((OtpNumberRefused, MobileInvalid)):
        otp.demand_country(parse_mobile(mobile))


def test_no_stranger_uses_up_the_codes_of_whoever_has_proved_the_number(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    mine = owner_of("+12025550160", make_account)
    stranger = waiting_browser("+12025550160", "203.0.113.7", email="eve@example.com")
    for _ in range(8):
        assert stranger.post("/api/otp/send")[0] == 200
        later(sandbox, timedelta(minutes=11))
    assert code_of(stranger.post("/api/otp/send")[1]) == "otp_send_limit"
    assert mine.post("/api/otp/send")[0] == 200
    assert mine.post("/api/otp/check", {"code": sandbox.code_at("+12025550160")})[0] == 200


def test_wrong_codes_for_a_claimed_number_shut_no_sign_in(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    """Verify takes five for a number and a service."""
    mine = owner_of("+12025550163", make_account)
    stranger = waiting_browser("+12025550163", "203.0.113.7", email="eve@example.com")
    assert stranger.post("/api/otp/send")[0] == 200
    assert mine.post("/api/otp/send")[0] == 200
    right = sandbox.code_at("+12025550163")
    answers = [code_of(stranger.post("/api/otp/check", {"code": other_than(right)})[1]) for _ in range(6)]
    assert answers[-1] == "otp_too_many"
    assert mine.post("/api/otp/check", {"code": right})[0] == 200


def test_a_stranger_learns_nothing_from_how_many_codes_a_number_gets(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    make_account(mobile="+12025550161")

    def answers(mobile: str, address: str) -> list[int]:
        stranger = waiting_browser(mobile, address, email="eve@example.com")
        return [stranger.post("/api/otp/send")[0] for _ in range(4)]

    known, unknown = answers("+12025550161", "203.0.113.7"), answers("+12025550162", "203.0.113.8")
    assert known == unknown == [200, 200, 200, 429]
