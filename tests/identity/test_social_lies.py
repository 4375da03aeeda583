"""Google and Facebook, as the sandbox plays them, that say what is not so or not in the form of an answer."""

from dataclasses import replace
from typing import Any

import pytest

from identity.models import Session, SocialIdentity, User
from identity.social import Confirmed
from tests.identity.browser import Browser, code_of
from tests.identity.social import go_through, meet, rest
from tests.identity.test_erasure import everything_stored
from tests.sandbox_fixture import Sandbox


@pytest.mark.parametrize(
    ("provider", "said", "code"),
    [
        ("google", {"email_verified": False}, "social_email_unverified"),
        ("google", {"email": ""}, "social_email_unverified"),
        ("google", {"wrong_state": True}, "social_state_invalid"),
        ("facebook", {"wrong_state": True}, "social_state_invalid"),
    ],
)
def test_a_provider_that_lies_yields_no_session_and_nothing_stored(
    browser: Browser, sandbox: Sandbox, provider: str, said: dict[str, Any], code: str
) -> None:
    person = meet(sandbox, provider, **said)
    page, query = go_through(browser, provider, person, "sign_up")
    assert (page, query["refused"]) == ("/sign-up", code)
    assert browser.get("/api/social/sign-up")[0] == 404
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    assert not User.objects.exists() and not SocialIdentity.objects.exists()
    assert person not in everything_stored()


@pytest.mark.parametrize("intent", ["sign_in", "sign_up"])
@pytest.mark.parametrize("answer", ["no_json", "list", "no_subject", "number_subject", "huge_subject", "nested_fields"])
@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_an_answer_of_another_shape_opens_links_and_stores_nothing(
    browser: Browser, sandbox: Sandbox, provider: str, answer: str, intent: str
) -> None:
    """Of nested fields a subject is left where an e-mail is not needed, and the person is asked for the rest."""
    person = meet(sandbox, provider, answer=answer)
    page, query = go_through(browser, provider, person, intent)
    if answer == "nested_fields" and provider == "facebook":
        assert page == "/sign-up/finish"
        told = browser.get("/api/social/sign-up")[1]
        assert (told["first_name"], told["last_name"], told["email"]) == ("", "", None)
        return
    assert page == ("/sign-in" if intent == "sign_in" else "/sign-up")
    assert query["refused"] in {"social_refused", "social_unavailable", "social_email_unverified"}
    assert browser.get("/api/social/sign-up")[0] == 404
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    assert not User.objects.exists() and not SocialIdentity.objects.exists()
    assert person not in everything_stored()


@pytest.mark.parametrize("told", ["", "victim@example.com"])
def test_an_email_that_no_provider_has_proved_is_kept_nowhere_and_left_to_the_person(
    browser: Browser, sandbox: Sandbox, told: str
) -> None:
    """Red when Facebook's word fills the account, the form, or the session that waits for the rest."""
    go_through(browser, "facebook", meet(sandbox, "facebook", email=told))
    [waiting] = Session.objects.all()
    assert browser.get("/api/social/sign-up")[1]["email"] is None
    assert (
        Confirmed.from_json(waiting.data["social_sign_up"]).email == "" == waiting.data["social_sign_up"]["email_key"]
    )
    status, problem = browser.post("/api/social/sign-up", rest(email=None))
    assert (status, code_of(problem)) == (422, "email_invalid")
    status, answer = browser.post("/api/social/sign-up", rest(email="own@example.com"))
    assert (status, answer["user"]["email"]) == (200, "own@example.com")
    assert User.objects.get().email_verified_at is None
    assert "victim" not in everything_stored()


def test_an_email_that_a_waiting_session_has_on_facebooks_word_alone_is_not_taken_either(
    browser: Browser, sandbox: Sandbox
) -> None:
    """As an older version left it there. Red when what waits is believed for having been stored."""
    go_through(browser, "facebook", meet(sandbox, "facebook"))
    [waiting] = Session.objects.all()
    told = Confirmed.from_json(waiting.data["social_sign_up"])
    waiting.data["social_sign_up"] = replace(told, email="victim@example.com").as_json()
    waiting.save()
    assert browser.get("/api/social/sign-up")[1]["email"] is None
    status, problem = browser.post("/api/social/sign-up", rest(email=None))
    assert (status, code_of(problem)) == (422, "email_invalid")
    assert not User.objects.exists()
