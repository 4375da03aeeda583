"""Signing up: what is taken, what is refused, and what nobody can learn or block."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError
from django.db import connection

from compliance import consent
from compliance.models import ConsentEvent
from identity.models import AccessEvent, Membership, OtpAttempt, Session, User, Workspace
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import MakeAccount
from tests.sandbox_fixture import Sandbox


@pytest.mark.policy("C1.1", "C2.2", "C3.1")
def test_a_new_rep_signs_up_proves_the_phone_and_is_signed_in(browser: Browser, sandbox: Sandbox) -> None:
    status, waiting = browser.post("/api/signup", form(workspace_name="Okafor Ltd"))
    assert (status, waiting["state"]) == (200, "awaiting_otp")
    assert waiting["user"]["mobile_e164"] == "•••• 110"

    status, sent = browser.post("/api/otp/send")
    assert (status, sent["mobile_e164"], sent["resends_left"]) == (200, "•••• 110", 2)

    status, session = browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550110")})
    assert (status, session["state"], session["role"]) == (200, "signed_in", "owner")
    assert session["workspace"]["name"] == "Okafor Ltd"
    assert session["user"]["mobile_e164"] == "+12025550110"
    assert session["permissions"]["buy_credits"] is True
    assert browser.get("/api/session") == (200, session)
    assert OtpAttempt.objects.get(outcome="approved").verification_sid.startswith("VE")


@pytest.mark.policy("C3.1")
def test_both_consents_are_kept_with_the_account_and_before_any_text_message(browser: Browser) -> None:
    browser.post("/api/signup", form())
    kept = ConsentEvent.objects.filter(given=True)
    assert set(kept.values_list("purpose", flat=True)) == {"sms", "policy", "transfer"}
    assert set(kept.values_list("user_id", flat=True)) == {User.objects.get().id}
    assert not OtpAttempt.objects.exists()


@pytest.mark.policy("C3.1")
def test_the_consent_to_texts_says_to_which_words_it_was_given_when_and_from_where(browser: Browser) -> None:
    shown, then = browser.get("/api/policy")[1], datetime.now(UTC)
    [words] = [each["text"] for each in shown["consents"] if each["purpose"] == "sms"]
    assert browser.post("/api/signup", form(policy_version=shown["version"]))[0] == 200
    kept = ConsentEvent.objects.get(purpose="sms")
    assert (kept.given, kept.policy_version, kept.ip) == (True, shown["version"], "198.51.100.7")
    assert kept.text_hash == hashlib.sha256(words.encode()).hexdigest()
    assert then <= kept.at <= datetime.now(UTC)


@pytest.mark.policy("C3.1")
def test_no_text_message_is_sent_once_the_consent_is_withdrawn(browser: Browser, sandbox: Sandbox) -> None:
    browser.post("/api/signup", form(mobile="+12025550111"))
    consent.withdraw(user_id=User.objects.get().id, purpose="sms", ip=None, now=datetime.now(UTC))
    status, problem = browser.post("/api/otp/send")
    assert (status, code_of(problem)) == (422, "sms_consent_missing")
    assert sandbox.messages_at("+12025550111") == []


@pytest.mark.policy("C1.1")
def test_one_undeclared_field_is_refused(browser: Browser) -> None:
    status, problem = browser.post("/api/signup", form(birthday="1990-01-01"))
    assert (status, code_of(problem)) == (422, "invalid_fields")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "short"}, "weak_password"),
        ({"password": "password123"}, "weak_password"),
        ({"password": "2025550110"}, "weak_password"),
        ({"password": "!Password2026!"}, "weak_password"),
        ({"password": "sunshinesunshine"}, "weak_password"),
        ({"password": "Klosesales#2026"}, "weak_password"),
        ({"password": "ilovesales1"}, "weak_password"),
        ({"email": "ada.okafor.lagos@example.com", "password": "ada.okafor.lagos"}, "weak_password"),
        ({"mobile": "0170 1234567"}, "mobile_invalid"),
        ({"mobile": "+1 202 555"}, "mobile_invalid"),
        ({"mobile": "+44 909 879 0000"}, "mobile_invalid"),
        ({"mobile": "+12025550110; DROP"}, "mobile_invalid"),
        ({"mobile": "+1 900 555 0199"}, "mobile_invalid"),
        ({"mobile": "+44 843 209 0000"}, "mobile_invalid"),
        ({"email": "not an address"}, "email_invalid"),
        ({"email": f"x@{'é' * 63}.com"}, "email_invalid"),
        ({"email": "ada@example.com\nBcc: all@example.com"}, "invalid_fields"),
        ({"sms_consent": False}, "sms_consent_missing"),
        ({"policy_accepted": False}, "policy_not_accepted"),
        ({"transfer_consent": False}, "transfer_not_agreed"),
        ({"policy_version": "1999-1"}, "policy_not_accepted"),
        ({"first_name": "   "}, "invalid_fields"),
        ({"first_name": "x" * 81}, "invalid_fields"),
        ({"sms_consent": None}, "invalid_fields"),
        ({"sms_consent": "yes"}, "invalid_fields"),
        ({"policy_accepted": 1}, "invalid_fields"),
        ({"email": "a\x00b@example.com"}, "invalid_fields"),
        ({"last_name": "Oka\x00for"}, "invalid_fields"),
        ({"first_name": "\u202eadA"}, "invalid_fields"),
        ({"first_name": "Ada\r\nBcc: all@example.com"}, "invalid_fields"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason_and_leaves_nothing(
    browser: Browser, change: dict[str, Any], code: str
) -> None:
    status, problem = browser.post("/api/signup", form(**change))
    assert (status, code_of(problem)) == (422, code)
    assert problem["detail"]
    assert not User.objects.exists() and not Workspace.objects.exists() and not Session.objects.exists()
    assert browser.session_cookie is None


def test_an_email_with_an_account_is_answered_like_a_new_one_until_a_phone_is_proved(
    browser: Browser, make_account: MakeAccount, sandbox: Sandbox
) -> None:
    existing = make_account()
    status, waiting = browser.post("/api/signup", form(mobile="+12025550112", first_name="Eve"))
    assert (status, waiting["state"], waiting["user"]["first_name"]) == (200, "awaiting_otp", "Eve")
    browser.post("/api/otp/send")

    status, problem = browser.post("/api/otp/check", {"code": sandbox.code_at("+12025550112")})
    assert (status, code_of(problem)) == (409, "email_taken")
    assert list(User.objects.all()) == [existing.user]
    assert Workspace.objects.filter(erased_at__isnull=True).count() == 1
    assert browser.get("/api/session")[1]["state"] == "anonymous"


def test_nobody_blocks_an_email_by_signing_up_with_it(sandbox: Sandbox, transactional_db: None) -> None:
    squatter, owner = Browser("203.0.113.1"), Browser("203.0.113.2")
    squatter.post("/api/signup", form(mobile="+12025550113"))
    owner.post("/api/signup", form(mobile="+12025550114"))
    owner.post("/api/otp/send")
    status, session = owner.post("/api/otp/check", {"code": sandbox.code_at("+12025550114")})
    assert (status, session["state"]) == (200, "signed_in")


def test_mass_sign_up_from_one_network_stops(transactional_db: None) -> None:
    statuses = []
    for n in range(21):
        # Each from another address of one /64, as one subscriber can.
        browser = Browser(f"2001:db8:1:2::{n + 1:x}")
        statuses.append(browser.post("/api/signup", form(email=f"u{n}@example.com"))[0])
    assert statuses == [200] * 20 + [429]
    assert Browser("2001:db8:1:3::1").post("/api/signup", form())[0] == 200


@pytest.mark.policy("C1.3")
def test_a_card_number_typed_as_a_name_is_not_stored(browser: Browser) -> None:
    assert browser.post("/api/signup", form(last_name="4111 1111 1111 1111"))[0] == 200
    assert "1111" not in User.objects.get().last_name


@pytest.mark.usefixtures("hashing_at_full_cost")
def test_the_password_is_kept_as_an_argon2_hash_only(browser: Browser) -> None:
    browser.post("/api/signup", form())
    _, kind, _, costs, _, _ = User.objects.get().password.split("$")
    assert kind == "argon2id"
    # At least what OWASP's cheat sheet of password storage asks for: 19 MiB, two passes, one lane.
    memory_kib, passes, lanes = (int(cost.split("=")[1]) for cost in costs.split(","))
    assert (memory_kib >= 19 * 1_024, passes >= 2, lanes >= 1) == (True, True, True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM identity_accessevent t WHERE t::text LIKE '%%correct horse%%'")
        assert cursor.fetchone() == (0,)
    assert AccessEvent.objects.get().kind == "sign_up"


def test_a_workspace_has_one_owner(make_account: MakeAccount) -> None:
    owner = make_account()
    rep = make_account(owner.workspace_id, "rep", email="rep@example.com")
    manager = make_account(owner.workspace_id, "manager", email="manager@example.com")
    roles = Membership.objects.for_workspace(owner.workspace_id).values_list("role", flat=True)
    assert sorted(roles) == ["manager", "owner", "rep"]
    assert {rep.workspace_id, manager.workspace_id} == {owner.workspace_id}


@pytest.mark.parametrize(
    "password",
    [
        "8472619350",
        "qkzvwmtrpx",
        "QKZVWMTRPX",
        "~~|<>{}[]%%",
        "пароль-мой-дом",
        "  two blanks  ",
        "klose friends forever",
        "correct horse " * 14,
    ],
)
def test_any_composition_is_taken_and_counts_exactly_as_it_was_typed(
    browser: Browser, transactional_db: None, password: str
) -> None:
    assert browser.post("/api/signup", form(password=password))[0] == 200
    answers = [
        Browser().post("/api/signin", {"email": "ada@example.com", "password": typed})[0]
        for typed in (password, f" {password}", password.strip() + "x")
    ]
    assert answers == [200, 401, 401]


def test_three_thousand_common_passwords_of_our_length_are_refused() -> None:
    """Django's own list and, of what people make from its shorter ones, the first year and sign that they add."""
    common = CommonPasswordValidator().passwords
    words = sorted(each for each in common if each.isalpha() and 6 <= len(each) < 10)
    made = [f"{word.capitalize()}2026!" for word in words][:2_000]
    tried = [*sorted(each for each in common if len(each) >= 10), *made]
    assert len(tried) > 3_000
    for password in tried:
        with pytest.raises(ValidationError):
            validate_password(password)
