"""What an operator is told of the account at Twilio, and of the application that browsers call, before the first customer would find out.

Planted bugs that this catches: a status callback by a method that our doors do not take, passcodes of a length that nobody can type, a
piece that Twilio does not show taken for right.
"""

import os

import pytest
from pytest_django.fixtures import Settings

from config.embedded import environment
from tests.sandbox_fixture import Sandbox
from tests.voice.test_carrier_check import OPERATOR, checked, doors, failures, set_up
from voice import browser_check

__all__ = ["doors", "set_up"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("account", "check", "said"),
    [
        ({"status": "suspended"}, "account", "The account is suspended"),
        ({"status": "closed"}, "account", "The account is closed"),
        ({"type": "Trial"}, "account", "This is a trial account"),
        ({"caller_id": "unknown"}, "caller_id", "neither a number of the account nor verified"),
        ({"caller_id": "owned-without-voice"}, "caller_id", "cannot call"),
    ],
    ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else None,
)
def test_what_is_wrong_with_the_account_is_told(
    set_up: Sandbox, account: dict[str, str], check: str, said: str
) -> None:
    set_up.ask("POST", "/account", account)
    found = checked("--call", OPERATOR)
    assert failures(found) == [check]
    assert said in found[check]["said"]
    assert found["test_call"]["outcome"] == "skipped"
    assert set_up.ask("GET", "/calls") == []


def test_a_number_that_the_account_has_verified_may_call(set_up: Sandbox) -> None:
    set_up.ask("POST", "/account", {"caller_id": "verified"})
    assert failures(checked()) == []


def test_wrong_credentials_are_told_once_and_what_rests_on_them_is_skipped(set_up: Sandbox, settings: Settings) -> None:
    settings.TWILIO_AUTH_TOKEN = "0" * 32
    found = checked()
    assert failures(found) == ["account"]
    assert found["account"]["setting"] == "TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN"
    assert (found["caller_id"]["outcome"], found["verify_service"]["outcome"]) == ("skipped", "skipped")


@pytest.mark.parametrize("check", ["verify_service", "verify_claim_service", "verify_callee_service"])
def test_another_verify_service_is_told(set_up: Sandbox, settings: Settings, check: str) -> None:
    setting = f"TWILIO_{check.upper()}_SID"
    setattr(settings, setting, "VA" + "9" * 32)
    found = checked()
    assert failures(found) == [check]
    assert found[check]["setting"] == setting


@pytest.fixture
def browser_calls(sandbox: Sandbox, settings: Settings) -> Sandbox:
    """The sandbox's application asks at the address that the settings name; nobody else of this test listens there."""
    for name, value in environment.browser_calls(os.environ).items():
        setattr(settings, name, value)
    return sandbox


def test_an_application_that_asks_us_and_a_key_that_opens_it_are_right(browser_calls: Sandbox) -> None:
    assert checked()["browser_calls"]["outcome"] == "ok"
    assert browser_calls.ask("GET", "/defects") == []


@pytest.mark.parametrize(
    ("setting", "value", "said", "to_change"),
    [
        ("TWILIO_API_KEY_SECRET", "0" * 32, "does not take the API key", "TWILIO_API_KEY_SID, TWILIO_API_KEY_SECRET"),
        ("TWILIO_TWIML_APP_SID", "AP" + "9" * 32, "no such TwiML application", "TWILIO_TWIML_APP_SID"),
        ("PUBLIC_URL", "https://sales.example", "The TwiML application asks http://", ""),
    ],
)
def test_what_is_wrong_with_calls_in_the_browser_is_told(
    browser_calls: Sandbox, settings: Settings, setting: str, value: str, said: str, to_change: str
) -> None:
    setattr(settings, setting, value)
    found = browser_check.browser_calls()
    assert (found.outcome, found.setting) == ("failed", to_change)
    assert said in found.said and found.remedy


@pytest.mark.parametrize(
    ("application", "said", "to_do"),
    [
        ({"voice_method": "GET"}, "by GET", "Voice request URL to"),
        ({"status_url": "none"}, "tells nobody", "Voice status callback URL to"),
        ({"status_method": "GET"}, "by GET", "Voice status callback URL to"),
    ],
    ids=["asks by another method", "tells nobody", "tells by another method"],
)
def test_an_application_that_asks_or_tells_otherwise_is_told(
    browser_calls: Sandbox, application: dict[str, str], said: str, to_do: str
) -> None:
    """Our doors take nothing but POST: a status callback by GET would never be heard."""
    browser_calls.ask("POST", "/account", application)
    found = browser_check.browser_calls()
    assert found.outcome == "failed" and said in found.said
    assert to_do in found.remedy and "by POST: Twilio console" in found.remedy


def test_a_carrier_that_does_not_answer_is_told(set_up: Sandbox) -> None:
    set_up.fail("twilio.rest", "drop", count=-1)
    found = checked()
    assert failures(found) == ["account"] and "no answer" in found["account"]["said"]


@pytest.mark.parametrize(
    ("number", "said", "to_do"),
    [
        (20005, "The account is not active", "Account billing"),
        (20403, "refuses to show the account (its error 20403)", "Compare the SID"),
    ],
)
def test_an_account_that_twilio_does_not_show_is_told(set_up: Sandbox, number: int, said: str, to_do: str) -> None:
    set_up.fail("twilio.rest", "error", number, count=-1)
    found = checked()
    assert failures(found) == ["account"]
    assert said in found["account"]["said"] and to_do in found["account"]["remedy"]


def test_what_twilio_stops_to_answer_after_the_account_was_shown_is_told_piece_by_piece(
    set_up: Sandbox, settings: Settings
) -> None:
    for name, value in environment.browser_calls(os.environ).items():
        setattr(settings, name, value)
    for resource in ("IncomingPhoneNumbers", f"Applications/{settings.TWILIO_TWIML_APP_SID}"):
        path = f"/2010-04-01/Accounts/{settings.TWILIO_ACCOUNT_SID}/{resource}.json"
        set_up.fail("twilio.rest", "error", 503, count=-1, path=path)
    set_up.fail("verify", "drop", count=-1)
    found = checked()
    silent = [
        "caller_id",
        "verify_service",
        "verify_claim_service",
        "browser_calls",
        "verify_callee_service",
    ]
    assert failures(found) == silent
    assert all("status page" in found[each]["remedy"] for each in silent)


@pytest.mark.parametrize(("digits", "fails"), [("6", False), ("4", True), ("10", False)])
def test_a_verify_service_whose_codes_people_cannot_type_is_told(set_up: Sandbox, digits: str, fails: bool) -> None:
    set_up.ask("POST", "/account", {"code_length": digits})
    found = checked()
    services = ["verify_service", "verify_claim_service", "verify_callee_service"]
    assert failures(found) == (services if fails else [])
    for each in services if fails else []:
        assert f"have {digits} digits" in found[each]["said"] and "Verify, Services" in found[each]["remedy"]
