"""What somebody learns who claims the number or address of another: nothing, before a phone is proved."""

import re
from typing import Any, Final

import pytest

from compliance import policy
from identity.models import SocialIdentity, User
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import MakeAccount
from tests.identity.social import go_through, meet, rest
from tests.identity.test_erasure import everything_stored
from tests.identity.test_opt_out import agree, answered
from tests.identity.test_passcodes import owner_of
from tests.sandbox_fixture import Sandbox

MADE_ANEW: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z?")


def test_who_claims_a_phone_that_answered_stop_learns_nothing_of_it(sandbox: Sandbox, transactional_db: None) -> None:
    """Planted bugs that this catches: the stop told at the send, at the check or at the consent; a text sent nevertheless."""
    stopped, other = "+12025550166", "+12025550167"
    assert answered("STOP", sender=stopped)[0] == 200

    def story(mobile: str, address: str) -> list[object]:
        stranger = Browser(address)
        stranger.post("/api/signup", form(email="eve@example.com", mobile=mobile))
        told: list[object] = [agree(stranger), stranger.post("/api/otp/check", {"code": "000000"})]
        sent = [stranger.post("/api/otp/send")[1] for _ in range(2)]
        wrong = [stranger.post("/api/otp/check", {"code": code})[1] for code in ("abcdef", *["000000"] * 7)]
        told += [[each["resends_left"] for each in sent], *wrong, stranger.post("/api/otp/send")]
        assert sent[0]["expires_at"] == sent[1]["expires_at"]
        sandbox.fail("verify", "drop")
        told.append(stranger.post("/api/otp/check", {"code": "000000"}))
        return told

    answers = story(stopped, "203.0.113.5")
    assert answers == story(other, "203.0.113.6")
    assert [code_of(each) for each in answers[3:11]] == [*["otp_wrong"] * 6, "otp_too_many", "otp_expired"]
    assert sandbox.messages_at(stopped) == []
    assert sandbox.code_at(other) != "000000"


def test_who_claims_a_phone_learns_nothing_of_an_account_that_has_it(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    """Not even while its owner signs in. Whole answers are compared, but for new ids, times and cookies. Planted bugs that this
    catches: the owner's texts among those that are left, or refused for; a wrong code of one that was not sent said to have ended."""
    known, unknown = "+12025550166", "+13125550166"
    owner = owner_of(known, make_account)
    assert [owner.post("/api/otp/send")[0] for _ in range(3)] == [200] * 3

    def story(mobile: str, address: str) -> list[tuple[int, str, dict[str, str]]]:
        stranger = Browser(address)
        told: list[tuple[int, str, dict[str, str]]] = []

        def ask(path: str, body: object = None) -> None:
            answer = stranger.sent("POST", path, body, {})
            told.append((answer.status_code, MADE_ANEW.sub("-", answer.content.decode()), dict(answer.headers)))

        ask("/api/signup", form(email="eve@example.com", mobile=mobile))
        called = {"number": mobile, "sms_consent": True, "policy_version": policy.current_version()}
        for path, body in [("/api/otp/send", None)] * 2 + [("/api/my-data/code", called), ("/api/otp/send", None)]:
            ask(path, body)
        for _ in range(8):
            ask("/api/otp/check", {"code": "000000"})
        ask("/api/my-data/session", {"number": mobile, "code": "000000"})
        return told

    answers = story(known, "203.0.113.5")
    assert answers == story(unknown, "203.0.113.6")
    assert [status for status, _, _ in answers] == [*[200] * 4, 429, *[422] * 5, 429, 410, 410, 422]
    assert len(sandbox.messages_at(known)) == 3
    assert sandbox.code_at(unknown) != "000000"


def test_who_types_a_phone_that_answered_stop_into_the_page_for_the_called_learns_nothing_of_it(
    sandbox: Sandbox, transactional_db: None
) -> None:
    """Planted bugs that this catches: a send that Twilio is not asked about, so that it is answered sooner and does not fail with
    the others; and one that wrong codes do not keep from being sent again."""
    stopped, other = "+12025550166", "+12025550167"
    assert answered("STOP", sender=stopped)[0] == 200

    def story(mobile: str, address: str) -> list[tuple[int, Any]]:
        stranger = Browser(address)
        form = {"number": mobile, "sms_consent": True, "policy_version": policy.current_version()}
        sandbox.fail("verify", "drop")
        told = [stranger.post("/api/my-data/code", form) for _ in range(2)]
        wrong = {"number": mobile, "code": "000000"}
        told += [stranger.post("/api/my-data/session", wrong) for _ in range(5)]
        return [*told, stranger.post("/api/my-data/code", form)]

    answers = story(stopped, "203.0.113.5")
    assert answers == story(other, "203.0.113.6")
    assert [status for status, _ in answers] == [503, 200, *[422] * 5, 429]
    assert sandbox.messages_at(stopped) == []
    assert sandbox.code_at(other) != "000000"


@pytest.mark.policy("C2.8")
def test_an_email_that_is_typed_after_facebook_tells_nothing_before_a_phone_is_proved(
    make_account: MakeAccount, sandbox: Sandbox, transactional_db: None
) -> None:
    """Nor does one that was written into Facebook. Planted bug that this catches: an address that nobody proved is answered with whether
    it has an account."""
    victim = make_account().user
    answers = []
    for n, email in enumerate((victim.email, "nobody@example.com")):
        browser = Browser(f"203.0.113.{n + 1}")
        person = meet(sandbox, "facebook", first_name="Mallory", email=email)
        pages = [go_through(browser, "facebook", person, intent) for intent in ("sign_in", "sign_up")]
        status, waiting = browser.post("/api/social/sign-up", rest(mobile=f"+1202555011{n}", email=email))
        answers.append((pages, status, waiting["state"], browser.post("/api/otp/send")[0]))
        if email == victim.email:
            told, problem = browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550110")})
            assert (told, code_of(problem)) == (409, "email_taken")
            assert browser.get("/api/session")[1]["state"] == "anonymous"
            assert not SocialIdentity.objects.exists() and list(User.objects.all()) == [victim]
            assert "mallory" not in everything_stored().lower()
    assert answers[0] == answers[1]
    assert answers[0][0][0][0] == "/sign-up/finish"
