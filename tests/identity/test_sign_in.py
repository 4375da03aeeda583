"""Signing in: alike for known and unknown accounts, throttled, and nothing before the passcode."""

import time

import pytest
from django.conf import settings
from django.test import override_settings

from identity import devices
from identity.models import AccessEvent, Session
from tests.identity.browser import PASSWORD, Browser, code_of, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.social import begin, go_through, meet, prove_phone, sign_up
from tests.sandbox_fixture import Sandbox


def attempt(browser: Browser, email: str, password: str = PASSWORD, **headers: str) -> tuple[int, str]:
    status, answer = browser.post("/api/signin", {"email": email, "password": password}, **headers)
    return status, answer.get("code") or answer["state"]


def test_a_right_password_opens_nothing_but_the_passcode(browser: Browser, make_account: MakeAccount) -> None:
    make_account()
    assert attempt(browser, "Ada@Example.com ") == (200, "awaiting_otp")
    status, problem = browser.get("/api/sessions")
    assert (status, code_of(problem)) == (401, "not_signed_in")


@pytest.mark.policy("C2.2")
def test_the_passcode_from_the_phone_completes_the_sign_in(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account()
    status, session = sign_in(member).get("/api/session")
    assert (status, session["state"], session["user"]["id"]) == (200, "signed_in", str(member.user_id))


def test_an_unknown_account_and_a_wrong_password_are_answered_alike(make_account: MakeAccount) -> None:
    make_account()
    wrong = Browser().post("/api/signin", {"email": "ada@example.com", "password": "wrong password"})
    unknown = Browser().post("/api/signin", {"email": "nobody@example.com", "password": "wrong password"})
    assert wrong == unknown
    assert (wrong[0], code_of(wrong[1])) == (401, "sign_in_failed")


@pytest.mark.usefixtures("hashing_at_full_cost")
def test_an_unknown_account_takes_as_long_as_a_wrong_password(make_account: MakeAccount) -> None:
    make_account()

    def seconds(email: str) -> float:
        taken = []
        for _ in range(5):
            started = time.perf_counter()
            attempt(Browser(), email, "wrong password")
            taken.append(time.perf_counter() - started)
        return min(taken)

    known, unknown = seconds("ada@example.com"), seconds("nobody@example.com")
    # One argon2 hash is most of both; without it the unknown account would answer several times as fast.
    assert 0.5 < known / unknown < 2


def test_guessing_one_password_stops_and_even_the_right_one_waits_then(make_account: MakeAccount) -> None:
    make_account()
    answers = [attempt(Browser("203.0.113.1"), "ada@example.com", "wrong password") for _ in range(12)]
    assert answers == [(401, "sign_in_failed")] * 10 + [(429, "sign_in_throttled")] * 2
    assert attempt(Browser("203.0.113.1"), "ada@example.com") == (429, "sign_in_throttled")


def test_guessing_one_password_from_everywhere_stops_too(make_account: MakeAccount) -> None:
    make_account()
    answers = [attempt(Browser(f"203.0.113.{n + 1}"), "ada@example.com", "wrong password") for n in range(32)]
    assert answers == [(401, "sign_in_failed")] * 30 + [(429, "sign_in_throttled")] * 2
    assert attempt(Browser("203.0.113.99"), "ada@example.com") == (429, "sign_in_throttled")


def test_no_stranger_shuts_the_browser_in_which_the_account_came_in_before(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    browser = sign_in(make_account())
    browser.post("/api/signout")
    for number in range(31):
        attempt(Browser(f"203.0.113.{number + 1}"), "ada@example.com", "wrong password")
    # Not even from the same network.
    for number in range(20):
        attempt(Browser(), f"user{number}@example.com", "wrong password")
    assert attempt(Browser(), "ada@example.com") == (429, "sign_in_throttled")
    assert attempt(browser, "ada@example.com", "wrong password") == (401, "sign_in_failed")
    assert attempt(browser, "ada@example.com") == (200, "awaiting_otp")


def test_a_known_browser_guesses_no_more_than_others(make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account())
    browser.post("/api/signout")
    answers = [attempt(browser, "ada@example.com", "wrong password") for _ in range(11)]
    assert answers == [(401, "sign_in_failed")] * 10 + [(429, "sign_in_throttled")]


def test_known_browsers_of_an_account_guess_no_more_together_than_strangers(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    sign_in(make_account()).post("/api/signout")
    marks = [devices.marked(shown="", email="ada@example.com") for _ in range(4)]
    answers = []
    for mark in marks:
        guesser = Browser()
        guesser.client.cookies["__Host-device"] = mark
        answers += [attempt(guesser, "ada@example.com", "wrong password") for _ in range(8)]
    assert answers == [(401, "sign_in_failed")] * 30 + [(429, "sign_in_throttled")] * 2


def test_whoever_is_signed_in_makes_no_more_known_browsers(make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account())
    del browser.client.cookies["__Host-device"]
    status, session = browser.post("/api/otp/check", {"code": "000000"})
    assert (status, session["state"]) == (200, "signed_in")
    assert "__Host-device" not in browser.client.cookies


def test_a_browser_is_known_to_the_account_that_came_in_and_no_made_up_mark_is(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    mine = sign_in(make_account(email="eve@example.com", mobile="+12025550119"))
    mark = mine.client.cookies["__Host-device"]
    assert (mark["secure"], mark["httponly"], mark["samesite"], mark["path"]) == (True, True, "Lax", "/")
    make_account()
    nonce, proof = mark.value.split(".")
    for shown in (
        mark.value,
        f"{nonce}.{proof[::-1]}",
        f"{nonce}.",
        "é" * 43,
        f"{mark.value}.{proof}.{proof}.{proof}.{proof}",
    ):
        guesser = Browser("203.0.113.5")
        guesser.client.cookies["__Host-device"] = shown
        attempt(guesser, "ada@example.com", "wrong password")
    assert set(AccessEvent.objects.filter(kind="sign_in_failed").values_list("device_key", flat=True)) == {""}


def test_people_who_share_a_browser_are_each_known_in_it(make_account: MakeAccount, sandbox: Sandbox) -> None:
    browser = Browser()
    for name, mobile in (("ada", "+12025550110"), ("bo", "+12025550119")):
        make_account(email=f"{name}@example.com", mobile=mobile)
        assert attempt(browser, f"{name}@example.com") == (200, "awaiting_otp")
        browser.post("/api/otp/send")
        assert browser.post("/api/otp/check", {"code": sandbox.code_at(mobile)})[0] == 200
        browser.post("/api/signout")
    for name in ("ada", "bo"):
        attempt(browser, f"{name}@example.com", "wrong password")
    keys = AccessEvent.objects.filter(kind="sign_in_failed").values_list("device_key", flat=True)
    # Nothing in the table tells that the two share it.
    assert len(set(keys)) == 2 and "" not in keys


def test_guessing_an_unknown_account_stops_just_the_same(transactional_db: None) -> None:
    answers = [attempt(Browser(), "nobody@example.com", "wrong") for _ in range(12)]
    assert answers == [(401, "sign_in_failed")] * 10 + [(429, "sign_in_throttled")] * 2


def test_refused_attempts_do_not_prolong_the_refusal(make_account: MakeAccount) -> None:
    make_account()
    for _ in range(15):
        attempt(Browser(), "ada@example.com", "wrong password")
    assert AccessEvent.objects.filter(kind="sign_in_failed").count() == 10


@override_settings(NUM_PROXIES=1)
def test_one_network_that_tries_many_accounts_stops_whatever_address_it_claims(transactional_db: None) -> None:
    forged = [f"192.0.2.{n}, 198.51.100.9" for n in range(51)]
    browser = Browser("10.0.0.1")
    answers = [
        attempt(browser, f"user{n}@example.com", "wrong password", **{"X-Forwarded-For": value})
        for n, value in enumerate(forged)
    ]
    assert answers == [(401, "sign_in_failed")] * 50 + [(429, "sign_in_throttled")]
    assert set(AccessEvent.objects.values_list("address", flat=True)) == {"198.51.100.9"}


@override_settings(NUM_PROXIES=1)
@pytest.mark.parametrize(
    ("passed_on", "address", "network"),
    [
        ("unknown", "10.0.0.1", "10.0.0.1"),
        ("_hidden, 198.51.100.9:", "10.0.0.1", "10.0.0.1"),
        ("192.0.2.1, 198.51.100.9:50412", "198.51.100.9", "198.51.100.9"),
        ("[2001:db8::7]:50412", "2001:db8::7", "2001:db8::"),
        ("[2001:db8::7]", "2001:db8::7", "2001:db8::"),
        ("fe80::7%eth0", "fe80::7", "fe80::"),
        ("::ffff:198.51.100.9", "198.51.100.9", "198.51.100.9"),
    ],
    ids=["a word", "half an address", "with a port", "IPv6 with a port", "in brackets", "with a zone", "as IPv6"],
)
def test_whatever_a_proxy_writes_for_an_address_somebody_is_limited(
    transactional_db: None, passed_on: str, address: str, network: str
) -> None:
    """Planted bug that this catches: what is no address is nobody's, and every limit of a network is off."""
    browser = Browser("10.0.0.1")
    attempt(browser, "nobody@example.com", "wrong password", **{"X-Forwarded-For": passed_on})
    event = AccessEvent.objects.get()
    assert (event.address, event.network) == (address, network)


def test_without_declared_proxies_a_forwarded_address_is_not_believed(browser: Browser, transactional_db: None) -> None:
    attempt(browser, "nobody@example.com", **{"X-Forwarded-For": "192.0.2.1"})
    assert AccessEvent.objects.get().address == "198.51.100.7"


def test_a_blocked_account_learns_so_only_with_the_right_password(browser: Browser, make_account: MakeAccount) -> None:
    user = make_account().user
    user.is_active = False
    user.save()
    assert attempt(browser, "ada@example.com", "wrong password") == (401, "sign_in_failed")
    assert attempt(browser, "ada@example.com") == (403, "account_blocked")
    assert not Session.objects.exists()


def test_a_sign_up_that_was_left_can_be_finished_by_signing_in(browser: Browser, sandbox: Sandbox) -> None:
    browser.post("/api/signup", form(mobile="+12025550120"))
    later = Browser()
    assert attempt(later, "ada@example.com") == (200, "awaiting_otp")
    later.post("/api/otp/send")
    status, session = later.post("/api/otp/check", {"code": sandbox.code_at("+12025550120")})
    assert (status, session["state"]) == (200, "signed_in")


def test_every_step_renews_the_session_id(browser: Browser, make_account: MakeAccount, sandbox: Sandbox) -> None:
    make_account()
    planted = "a" * 43
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = planted
    attempt(browser, "ada@example.com")
    waiting = browser.session_cookie
    browser.post("/api/otp/send")
    browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550110")})
    assert len({planted, waiting, browser.session_cookie}) == 3
    assert Session.objects.count() == 1


@pytest.mark.parametrize("way", ["password", "google"])
def test_whoever_planted_a_session_of_their_own_is_in_nobody_elses(
    way: str, browser: Browser, make_account: MakeAccount, sandbox: Sandbox
) -> None:
    """One that the product itself gave them, anonymous, with a way through a provider begun in it."""
    person = meet(sandbox, "google")
    if way == "google":
        sign_up(Browser("198.51.100.9"), sandbox, "google", person)
    else:
        make_account()
    thief = Browser("203.0.113.5")
    begin(thief, "google")
    planted = thief.session_cookie
    assert planted and Session.objects.filter(user=None).exists()
    browser.client.cookies[settings.SESSION_COOKIE_NAME] = planted
    if way == "google":
        assert go_through(browser, "google", person)[0] == "/verify"
    else:
        attempt(browser, "ada@example.com")
    steps = [thief.get("/api/session")[1]["state"]]
    prove_phone(browser, sandbox)
    steps.append(thief.get("/api/session")[1]["state"])
    assert steps == ["anonymous", "anonymous"]
    assert thief.get("/api/sessions")[0] == 401
    assert browser.get("/api/sessions")[0] == 200


def test_the_cookies_are_bound_to_our_host_and_hidden_from_scripts(browser: Browser, make_account: MakeAccount) -> None:
    make_account()
    attempt(browser, "ada@example.com")
    session = browser.client.cookies["__Host-session"]
    assert (session["secure"], session["httponly"], session["samesite"], session["path"]) == (True, True, "Lax", "/")
    assert session["domain"] == ""
    assert browser.client.cookies["__Host-csrf"]["secure"] is True


def test_a_copy_of_the_session_table_opens_no_session(browser: Browser, make_account: MakeAccount) -> None:
    make_account()
    attempt(browser, "ada@example.com")
    thief = Browser()
    thief.client.cookies[settings.SESSION_COOKIE_NAME] = Session.objects.get().key_digest
    assert thief.get("/api/session")[1]["state"] == "anonymous"


@pytest.mark.parametrize("path", ["/api/signup", "/api/signin", "/api/otp/send", "/api/otp/check", "/api/signout"])
def test_no_route_acts_on_a_request_that_our_page_did_not_send(
    browser: Browser, make_account: MakeAccount, path: str
) -> None:
    make_account()
    attempt(browser, "ada@example.com")
    for forged in ({"X-CSRFToken": "b" * 32}, {"Origin": "https://evil.example"}):
        status, problem = browser.post(path, {}, **forged)
        assert (status, code_of(problem)) == (403, "csrf_failed")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"email": 1}',
        b'{"email": "a\\u0000@b.c", "password": "x"}',
        b'{"email":"\\ud800","password":"x"}',
        b"\xff\xfe",
    ],
)
def test_a_malformed_sign_in_is_refused_with_a_code(browser: Browser, body: bytes) -> None:
    browser.get("/api/session")
    response = browser.client.post(
        "/api/signin",
        body,
        content_type="application/json",
        secure=True,
        headers={"X-CSRFToken": browser.client.cookies["__Host-csrf"].value, "Origin": "https://testserver"},
    )
    assert response.status_code in {400, 422}
    assert response.json()["code"]
