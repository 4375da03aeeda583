"""Signing up and in with Google and Facebook, at the sandbox that plays them: what is taken, what is refused."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from django.test import override_settings

from compliance.models import ConsentEvent
from compliance.tombstones import bury
from identity import social
from identity.models import AccessEvent, OtpAttempt, Session, SocialIdentity, User
from identity.personal_data import STORE, subject_of
from identity.sessions import SessionStore
from processors.models import BlockedEgress, Disclosure
from processors.pseudonyms import pseudonym
from tests.compliance.test_erasure import all_rows
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.social import agree, begin, come_back, go_through, meet, prove_phone, rest, sign_up
from tests.identity.test_erasure import everything_stored
from tests.sandbox_fixture import Sandbox

NOW = datetime.now(UTC)


@pytest.mark.policy("C1.6", "C2.2", "C2.8", "C4.4-5")
@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_somebody_new_gives_what_the_provider_does_not_know_and_comes_back_by_it(
    browser: Browser, sandbox: Sandbox, provider: str
) -> None:
    person = meet(sandbox, provider)
    page, _ = go_through(browser, provider, person)
    assert page == "/sign-up/finish"
    assert not User.objects.exists()
    status, told = browser.get("/api/social/sign-up")
    proved = {"google": "ada@example.com", "facebook": None}[provider]
    assert (status, told["first_name"], told["email"]) == (200, "Ada", proved)

    typed = None if proved else "ada@example.com"
    status, waiting = browser.post("/api/social/sign-up", rest(mobile="+12025550110", email=typed))
    assert (status, waiting["state"]) == (200, "awaiting_otp")
    assert set(ConsentEvent.objects.values_list("purpose", flat=True)) == {"sms", "policy", "transfer"}
    assert not OtpAttempt.objects.exists() and not SocialIdentity.objects.exists()
    assert browser.get("/api/leads")[0] == 401
    prove_phone(browser, sandbox)

    identity = SocialIdentity.objects.get()
    assert (identity.provider, identity.subject, identity.user.email) == (provider, person, "ada@example.com")
    assert not identity.user.has_usable_password()
    browser.post("/api/signout")

    page, query = come_back(browser, agree(begin(browser, provider, path="/leads?search=a"), person))
    assert (page, query) == ("/verify", {"send": "true", "next": "/leads?search=a"})
    assert browser.get("/api/session")[1]["state"] == "awaiting_otp"
    assert browser.get("/api/leads")[0] == 401
    prove_phone(browser, sandbox)
    assert browser.get("/api/leads")[0] == 200
    assert User.objects.count() == 1


@pytest.mark.policy("C1.6", "C1.8")
@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_of_twenty_fields_more_and_of_tokens_nothing_is_kept(browser: Browser, sandbox: Sandbox, provider: str) -> None:
    person = meet(sandbox, provider, extra_fields=20)
    address = agree(begin(browser, provider, "sign_up"), person)
    code = parse_qs(urlsplit(address).query)["code"][0]

    def kept() -> str:
        stored = everything_stored()
        for never in ("surplus", "extra_", "picture", "access_token", "refresh", "googleusercontent", code):
            assert never not in stored
        return stored

    assert come_back(browser, address)[0] == "/sign-up/finish"
    assert person in kept()
    assert browser.post("/api/social/sign-up", rest())[0] == 200
    assert person in kept()
    prove_phone(browser, sandbox)
    assert person in kept()


@pytest.mark.policy("C1.7")
@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_no_password_of_a_provider_is_taken_and_none_is_kept_that_is_told(
    browser: Browser, sandbox: Sandbox, provider: str, caplog: pytest.LogCaptureFixture
) -> None:
    person, planted = meet(sandbox, provider), "kestrel-anvil-marmalade-19"
    address = agree(begin(browser, provider, "sign_up"), person)
    assert come_back(browser, address, password=planted)[0] == "/sign-up/finish"
    assert [browser.post("/api/social/sign-up", rest(**more))[0] for more in ({"password": planted}, {})] == [422, 200]
    assert person in all_rows() and planted not in all_rows() + caplog.text


@pytest.mark.policy("C4.4-5", "C4.9")
@pytest.mark.parametrize(("provider", "processor"), [("google", "google"), ("facebook", "meta")])
def test_what_a_provider_is_told_is_listed_and_noted(
    browser: Browser, sandbox: Sandbox, provider: str, processor: str
) -> None:
    sign_up(browser, sandbox, provider, meet(sandbox, provider))
    noted = Disclosure.objects.filter(processor=processor)
    classes = {each for row in noted for each in row.data_classes}
    assert classes <= {"sign_in", "account_reference", "webhook_address"}
    mine = noted.filter(person=pseudonym("user", User.objects.get().id))
    assert [row.endpoint for row in mine] == ["sign_in"]
    assert not BlockedEgress.objects.exists()
    services = sandbox.received()["services"]
    fields = {name for service in services if service.startswith(provider) for name in services[service]["fields"]}
    assert fields <= {
        "grant_type", "code", "redirect_uri", "client_id", "client_secret", "fields", "access_token", "appsecret_proof",
    }  # fmt: skip
    taken = browser.get("/api/privacy/export")[1]["data"]["social_identity"]["items"]
    assert [each["provider"] for each in taken] == [provider]


@pytest.mark.policy("C4.4-5")
def test_who_uses_a_password_is_unknown_to_the_providers(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    sign_in(make_account())
    assert not [name for name in sandbox.received()["services"] if name.startswith(("google", "facebook"))]


@pytest.mark.policy("C2.8")
def test_somebody_elses_email_opens_and_links_and_stores_nothing(
    browser: Browser, make_account: MakeAccount, sandbox: Sandbox
) -> None:
    victim = make_account().user
    person = meet(sandbox, "google", first_name="Mallory")
    for intent in ("sign_in", "sign_up"):
        page, query = go_through(browser, "google", person, intent)
        assert query == {"refused": "social_email_known", "by": "google"}
        assert page == {"sign_in": "/sign-in", "sign_up": "/sign-up"}[intent]
        assert browser.get("/api/session")[1]["state"] == "anonymous"
        assert browser.get("/api/social/sign-up")[0] == 404
    assert not SocialIdentity.objects.exists()
    assert list(User.objects.all()) == [victim]
    assert "mallory" not in everything_stored().lower()


def test_an_email_that_gets_an_account_meanwhile_is_refused_when_the_phone_is_proved(
    browser: Browser, make_account: MakeAccount, sandbox: Sandbox
) -> None:
    go_through(browser, "google", meet(sandbox, "google"))
    assert browser.post("/api/social/sign-up", rest(mobile="+12025550112"))[0] == 200
    make_account()
    browser.post("/api/otp/send")
    status, problem = browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550112")})
    assert (status, code_of(problem)) == (409, "email_taken")
    assert not SocialIdentity.objects.exists()
    assert User.objects.count() == 1


def test_one_account_of_a_provider_becomes_one_account_here(sandbox: Sandbox, transactional_db: None) -> None:
    person = meet(sandbox, "google")
    first, second = Browser("203.0.113.1"), Browser("203.0.113.2")
    for browser, mobile in ((first, "+12025550110"), (second, "+12025550111")):
        go_through(browser, "google", person)
        assert browser.post("/api/social/sign-up", rest(mobile=mobile))[0] == 200
        # The person has another address there by now, and is the same.
        sandbox.ask("POST", "/social/people", {"id": person, "email": "ada.okafor@example.com"})
    prove_phone(first, sandbox)
    second.post("/api/otp/send")
    status, problem = second.post("/api/otp/check", {"code": sandbox.code_at("+12025550111")})
    assert (status, code_of(problem)) == (409, "social_in_use")
    assert (User.objects.count(), SocialIdentity.objects.count()) == (1, 1)
    assert second.get("/api/session")[1]["state"] == "anonymous"


@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_an_answer_counts_once_and_in_the_browser_that_asked(
    sandbox: Sandbox, transactional_db: None, provider: str
) -> None:
    person = meet(sandbox, provider)
    asked, other = Browser("203.0.113.1"), Browser("203.0.113.2")
    address = agree(begin(asked, provider), person)
    begin(other, provider)
    assert come_back(other, address)[1]["refused"] == "social_state_invalid"
    assert come_back(Browser(), address)[1]["refused"] == "social_state_invalid"
    assert come_back(asked, address, state="")[1]["refused"] == "social_state_invalid"
    assert come_back(asked, address)[0] == "/sign-up/finish"
    assert come_back(asked, address)[1]["refused"] == "social_state_invalid"


def test_of_two_answers_at_the_same_moment_one_counts(browser: Browser, sandbox: Sandbox) -> None:
    address = agree(begin(browser, "google"), meet(sandbox, "google"))
    told = dict(parse_qsl(urlsplit(address).query))
    first, second = SessionStore(browser.session_cookie), SessionStore(browser.session_cookie)
    assert first.row and second.row
    assert social.finish(session=first, provider="google", answer=told).first_name == "Ada"
    with pytest.raises(social.SocialStateInvalid):
        social.finish(session=second, provider="google", answer=told)


def test_the_answer_of_one_provider_is_none_of_the_other(browser: Browser, sandbox: Sandbox) -> None:
    address = agree(begin(browser, "google"), meet(sandbox, "google"))
    mixed = address.replace("/social/google/", "/social/facebook/")
    assert come_back(browser, mixed)[1] == {"refused": "social_state_invalid", "by": "facebook"}


def test_what_was_begun_before_is_over_with_a_new_attempt(browser: Browser, sandbox: Sandbox) -> None:
    earlier = agree(begin(browser, "google"), meet(sandbox, "google"))
    for _ in range(3):
        begin(browser, "google")
    assert len([name for name in Session.objects.get().data if "_state_" in name]) == 1
    assert come_back(browser, earlier)[1]["refused"] == "social_state_invalid"


@pytest.mark.parametrize(
    "path",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "///evil.example",
        "leads",
    ],
)
def test_a_way_on_that_is_not_ours_is_dropped(browser: Browser, sandbox: Sandbox, path: str) -> None:
    address = agree(begin(browser, "google", path=path), meet(sandbox, "google"))
    assert come_back(browser, address, next="https://evil.example/") == ("/sign-up/finish", {})


def test_who_does_not_agree_is_back_where_it_began(browser: Browser) -> None:
    for provider, told in (("google", {}), ("facebook", {"error_code": "200"})):
        begin(browser, provider, "sign_up")
        page = come_back(browser, f"/social/{provider}/return", error="access_denied", **told)
        assert page == ("/sign-up", {"refused": "social_cancelled", "by": provider})


@pytest.mark.parametrize("provider", ["google", "facebook"])
def test_a_provider_that_is_down_is_said_so(browser: Browser, sandbox: Sandbox, provider: str) -> None:
    sandbox.fail(f"{provider}.rest", "error", 503)
    assert go_through(browser, provider, meet(sandbox, provider))[1]["refused"] == "social_unavailable"


def test_a_wrong_secret_of_ours_refuses_and_fails_nothing(browser: Browser, sandbox: Sandbox) -> None:
    with override_settings(SOCIAL_AUTH_GOOGLE_SECRET="another"):
        assert go_through(browser, "google", meet(sandbox, "google"))[1]["refused"] == "social_refused"


def test_a_providers_email_is_not_changed_by_the_page(browser: Browser, sandbox: Sandbox) -> None:
    go_through(browser, "google", meet(sandbox, "google"))
    _, waiting = browser.post("/api/social/sign-up", rest(email="other@example.com"))
    assert waiting["user"]["email"] == "ada@example.com"


@pytest.mark.policy("C3.1")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"sms_consent": False}, "sms_consent_missing"),
        ({"policy_accepted": False}, "policy_not_accepted"),
        ({"transfer_consent": False}, "transfer_not_agreed"),
        ({"mobile": "0170 1234567"}, "mobile_invalid"),
        ({"first_name": " "}, "invalid_fields"),
        ({"birthday": "1990-01-01"}, "invalid_fields"),
    ],
)
def test_no_account_without_number_and_consents(
    browser: Browser, sandbox: Sandbox, change: dict[str, Any], code: str
) -> None:
    go_through(browser, "google", meet(sandbox, "google"))
    status, problem = browser.post("/api/social/sign-up", rest(**change))
    assert (status, code_of(problem)) == (422, code)
    assert not User.objects.exists()
    assert browser.get("/api/social/sign-up")[0] == 200


def test_who_goes_another_way_is_forgotten(browser: Browser, sandbox: Sandbox) -> None:
    go_through(browser, "google", meet(sandbox, "google"))
    assert browser.delete("/api/social/sign-up")[0] == 204
    assert browser.delete("/api/social/sign-up")[0] == 204
    assert browser.post("/api/social/sign-up", rest())[0] == 404
    assert "ada@example.com" not in everything_stored()


def test_nothing_is_offered_that_is_not_configured(browser: Browser) -> None:
    with override_settings(SOCIAL_AUTH_GOOGLE_SECRET=""):
        assert browser.get("/api/session")[1]["sign_in_with"] == ["facebook"]
        status, problem = browser.post("/api/social/begin", {"provider": "google", "intent": "sign_in"})
        assert (status, code_of(problem)) == (409, "provider_not_offered")
        assert come_back(browser, "/social/google/return?code=1&state=1")[1]["refused"] == "social_state_invalid"
    assert browser.get("/api/session")[1]["sign_in_with"] == ["google", "facebook"]


def test_the_session_is_a_new_one_and_the_sign_in_is_noted(browser: Browser, sandbox: Sandbox) -> None:
    person = meet(sandbox, "google")
    sign_up(browser, sandbox, "google", person)
    before = browser.session_cookie
    go_through(browser, "google", person)
    assert browser.session_cookie != before
    assert Session.objects.count() == 1
    assert AccessEvent.objects.filter(kind="social_sign_in").count() == 1


def test_a_blocked_account_stays_shut(browser: Browser, sandbox: Sandbox) -> None:
    person = meet(sandbox, "google")
    sign_up(browser, sandbox, "google", person)
    User.objects.update(is_active=False)
    other = Browser("203.0.113.9")
    assert go_through(other, "google", person)[1]["refused"] == "account_blocked"
    assert other.get("/api/session")[1]["state"] == "anonymous"


@pytest.mark.policy("C6.2", "C7.3")
def test_nobody_who_was_erased_comes_back_unasked(browser: Browser, sandbox: Sandbox) -> None:
    person = meet(sandbox, "google", first_name="Zanzibel")
    sign_up(browser, sandbox, "google", person, first_name="Zanzibel")
    # Somebody is in the middle of signing up with the same address in another browser.
    other = Browser("203.0.113.9")
    go_through(other, "facebook", meet(sandbox, "facebook", email="zq@example.com"))
    subject = subject_of(User.objects.get().id)
    STORE.stop(subject, now=NOW)
    assert STORE.erase(subject, now=NOW)["social_identity"] == 1
    assert STORE.verify(subject) == 0
    for trace in (person, "ada@example.com", "zanzibel"):
        assert trace not in everything_stored().lower()

    back = Browser("203.0.113.10")
    assert go_through(back, "google", person)[1] == {"refused": "social_erased", "by": "google"}
    for trace in (person, "ada@example.com", "zanzibel"):
        assert trace not in everything_stored().lower()
    # Whoever asks for a new account gets the page that asks for everything anew.
    assert go_through(back, "google", person, "sign_up")[0] == "/sign-up/finish"


def test_a_person_whom_a_restored_backup_brought_back_is_not_let_in(browser: Browser, sandbox: Sandbox) -> None:
    person = meet(sandbox, "google")
    sign_up(browser, sandbox, "google", person)
    bury(kind="user", values=[User.objects.get().id], now=NOW)
    assert go_through(Browser("203.0.113.9"), "google", person)[1]["refused"] == "account_blocked"


def test_an_erasure_forgets_a_sign_up_that_waits_in_some_browser(make_account: MakeAccount, sandbox: Sandbox) -> None:
    waiting = Browser("203.0.113.9")
    go_through(waiting, "google", meet(sandbox, "google"))
    member = make_account()
    STORE.erase(subject_of(member.user_id), now=NOW)
    assert waiting.get("/api/social/sign-up")[0] == 404


def test_no_password_opens_an_account_that_has_none(browser: Browser, sandbox: Sandbox) -> None:
    sign_up(browser, sandbox, "google", meet(sandbox, "google"))
    for password in ("", "!", form()["password"]):
        status, problem = Browser().post("/api/signin", {"email": "ada@example.com", "password": password})
        assert (status, code_of(problem)) == (401, "sign_in_failed")
