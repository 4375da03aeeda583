"""A new mobile number: nothing changes until both phones have proved themselves."""

from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from compliance import consent, policy
from compliance.models import AuditEvent, ConsentEvent
from identity import mobile_change
from identity.models import AccessEvent, Membership, Session, User
from identity.staff.actor import staff_ref
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_claims import MADE_ANEW
from tests.identity.test_passcodes import later, other_than, owner_of
from tests.identity.test_passwords import Mails, mails
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import hire

__all__ = ["mails"]

NEW = "+12125550134"


@pytest.fixture
def member(make_account: MakeAccount) -> Membership:
    return make_account()


@pytest.fixture
def page(member: Membership, sign_in: SignIn, sandbox: Sandbox) -> Browser:
    browser = sign_in(member)
    later(sandbox, mobile_change.GOOD_FOR)
    return browser


def begin(page: Browser, mobile: str = NEW, **changes: object) -> tuple[int, Any]:
    form = {
        "mobile": mobile,
        "password": PASSWORD,
        "sms_consent": True,
        "policy_version": policy.current_version(),
        **changes,
    }
    return page.post("/api/mobile", form)


def check(page: Browser, step: str, code: str, mobile: str = NEW) -> tuple[int, Any]:
    return page.post("/api/mobile/check", {"step": step, "mobile_e164": mobile, "code": code})


def number() -> str:
    return User.objects.get().mobile_e164


def test_both_phones_prove_themselves_and_then_the_new_one_counts(
    page: Browser, member: Membership, sign_in: SignIn, sandbox: Sandbox, mails: Mails
) -> None:
    old = number()
    other = sign_in(member, "198.51.100.2")
    later(sandbox, mobile_change.GOOD_FOR)
    other.post("/api/keys", {"name": "CRM", "scopes": ["leads:read"], "expires_in_days": None})
    status, asked = begin(page, "+1 212 555 0134")
    assert (status, asked["step"]) == (200, "old")
    assert sandbox.messages_at(NEW) == []
    assert check(page, "old", sandbox.code_at(old))[1]["step"] == "new"
    assert number() == old
    assert check(page, "new", sandbox.code_at(NEW))[1]["step"] == "done"
    assert number() == NEW
    assert page.get("/api/session")[1]["user"]["mobile_e164"] == NEW
    assert other.get("/api/session")[1]["state"] == "anonymous"
    assert page.get("/api/keys")[1]["items"] == []
    assert "Your mobile number was changed" in [mail["subject"] for mail in mails()]
    assert AccessEvent.objects.filter(kind="mobile_changed").count() == 1
    assert AuditEvent.objects.filter(action="mobile.changed").count() == 1
    again = Browser()
    again.post("/api/signin", {"email": "ada@example.com", "password": PASSWORD})
    later(sandbox, mobile_change.GOOD_FOR)
    assert again.post("/api/otp/send")[1]["mobile_e164"].endswith("134")


def test_consent_for_the_new_number_is_there_before_anything_is_sent_to_it(page: Browser, sandbox: Sandbox) -> None:
    assert begin(page, sms_consent=False)[0] == 422
    assert code_of(begin(page, policy_version="1999-1")[1]) == "policy_outdated"
    begin(page)
    before = ConsentEvent.objects.filter(purpose="sms").count()
    check(page, "old", sandbox.code_at(number()))
    assert ConsentEvent.objects.filter(purpose="sms", given=True).count() == before + 1
    assert len(sandbox.messages_at(NEW)) == 1


def test_a_wrong_code_of_either_phone_changes_nothing(page: Browser, sandbox: Sandbox) -> None:
    old = number()
    begin(page)
    assert code_of(check(page, "old", other_than(sandbox.code_at(old)))[1]) == "otp_wrong"
    assert sandbox.messages_at(NEW) == []
    assert code_of(check(page, "new", sandbox.code_at(old))[1]) == "no_mobile_change"
    check(page, "old", sandbox.code_at(old))
    assert code_of(check(page, "new", other_than(sandbox.code_at(NEW)))[1]) == "otp_wrong"
    assert number() == old


def test_whoever_sits_at_an_open_browser_needs_the_password(page: Browser, sandbox: Sandbox) -> None:
    before = len(sandbox.messages_at(number()))
    assert code_of(begin(page, password="not this one")[1]) == "password_wrong"
    assert len(sandbox.messages_at(number())) == before


def test_a_code_is_for_the_number_that_the_page_shows(page: Browser, sandbox: Sandbox) -> None:
    begin(page)
    begin(page, "+12125550135")
    assert code_of(check(page, "old", sandbox.code_at(number()))[1]) == "no_mobile_change"
    assert sandbox.messages_at(NEW) == []


def test_a_new_phone_that_gets_no_code_is_told_and_can_be_asked_again(page: Browser, sandbox: Sandbox) -> None:
    begin(page)
    # An account is no way around the ceiling for numbers that nobody proved.
    with override_settings(OTP_SENDS_PER_DAY_MAX=0):
        status, told = check(page, "old", sandbox.code_at(number()))
    assert (status, told["step"], told["sent"]) == (200, "new", None)
    assert "No codes can be sent to new numbers today" in told["problem"]
    assert sandbox.messages_at(NEW) == []
    # The old phone's code was right, and is not asked for again.
    assert page.post("/api/mobile/send")[1]["step"] == "new"
    assert check(page, "new", sandbox.code_at(NEW))[1]["step"] == "done"


def test_who_stops_the_messages_meanwhile_keeps_the_number(page: Browser, sandbox: Sandbox) -> None:
    old = number()
    begin(page)
    check(page, "old", sandbox.code_at(old))
    consent.withdraw(user_id=User.objects.get().id, purpose="sms", ip=None, now=timezone.now())
    User.objects.update(texts_stopped_at=timezone.now())
    assert code_of(check(page, "new", sandbox.code_at(NEW))[1]) == "sms_consent_missing"
    call_command("texts", "stop", NEW, "--yes", "--by", hire().email)
    assert number() == old


def test_a_number_changed_elsewhere_ends_what_is_under_way(page: Browser, sandbox: Sandbox) -> None:
    begin(page)
    check(page, "old", sandbox.code_at(number()))
    user = User.objects.get()
    user.mobile_e164 = "+12125550199"
    user.save(update_fields=["mobile_e164"])
    assert code_of(check(page, "new", sandbox.code_at(NEW))[1]) == "no_mobile_change"
    assert number() == "+12125550199"


@pytest.mark.parametrize(
    "mobile",
    [
        *("12", "", "+1 800 234 5678"),
        # Premium rate in the United States and the United Kingdom, shared cost in France and India.
        *("+1 900 555 0134", "+44 909 879 0000", "+33 810 123 456", "+91 1860 123 4567"),
    ],
)
def test_what_is_no_mobile_number_or_charges_whoever_writes_to_it_is_refused(
    mobile: str, page: Browser, sandbox: Sandbox
) -> None:
    texts = sandbox.messages_at(number())
    assert code_of(begin(page, mobile)[1]) == "mobile_invalid"
    assert sandbox.messages_at(number()) == texts


def test_the_number_that_is_registered_already_is_told_so(page: Browser) -> None:
    assert code_of(begin(page, number())[1]) == "mobile_same"


def test_who_changes_to_the_number_of_another_learns_nothing_of_its_phone(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    """Of a free one, one that answered STOP, and one whose owner signs in just now: whole answers are compared, but for new times and
    the number itself. Planted bugs that this catches: the stop told before the password is looked at, at the send to the new phone, at
    a wrong code, or to everybody who has proved some phone."""
    free, stopped, known = (f"+1{area}5550134" for area in (212, 312, 415))
    call_command("texts", "stop", stopped, "--yes", "--by", hire().email)
    owner = owner_of(known, make_account)
    assert [owner.post("/api/otp/send")[0] for _ in range(3)] == [200] * 3

    def story(mobile: str, n: int) -> list[tuple[int, str, dict[str, str]]]:
        own = f"+1{(646, 720, 808)[n]}5550150"
        asker = sign_in(make_account(email=f"eve{n}@example.com", mobile=own), f"203.0.113.{n}")
        told: list[tuple[int, str, dict[str, str]]] = []

        def ask(path: str, **body: object) -> None:
            answer = asker.sent("POST", f"/api/mobile{path}", body or None, {})
            text = MADE_ANEW.sub("-", answer.content.decode().replace(mobile, "its number"))
            told.append((answer.status_code, text, dict(answer.headers)))

        change = {"mobile": mobile, "sms_consent": True, "policy_version": policy.current_version()}
        for password in ("not this one", PASSWORD):
            ask("", **change, password=password)
        ask("/check", step="new", mobile_e164=mobile, code="000000")
        ask("/check", step="old", mobile_e164=mobile, code=sandbox.code_at(own))
        for code in ("abcdef", *["000000"] * 3):
            ask("/check", step="new", mobile_e164=mobile, code=code)
        sandbox.fail("verify", "drop")
        for _ in range(2):
            ask("/send")
        for _ in range(4):
            ask("/check", step="new", mobile_e164=mobile, code="000000")
        ask("/send")
        return told

    answers = story(free, 0)
    assert answers == story(stopped, 1)
    assert answers == story(known, 2)
    assert [status for status, _, _ in answers] == [
        *(422, 200, 409, 200), *[422] * 4, *(503, 200), *[422] * 2, *(429, 410, 429),
    ]  # fmt: skip
    assert sandbox.messages_at(stopped) == [] and len(sandbox.messages_at(known)) == 3
    assert sandbox.code_at(free) != "000000"


def test_it_is_begun_and_ended_in_one_browser_and_in_time(
    page: Browser, member: Membership, sign_in: SignIn, sandbox: Sandbox
) -> None:
    other = sign_in(member, "198.51.100.2")
    later(sandbox, mobile_change.GOOD_FOR)
    begin(page)
    assert code_of(check(other, "old", sandbox.code_at(number()))[1]) == "no_mobile_change"
    session = Session.objects.get(data__has_key="mobile_change")
    session.data["mobile_change"]["began_at"] = "2026-01-01T00:00:00+00:00"
    session.save()
    assert code_of(check(page, "old", "000000")[1]) == "no_mobile_change"
    assert code_of(page.post("/api/mobile/send")[1]) == "no_mobile_change"


def test_another_code_goes_to_the_phone_whose_turn_it_is(page: Browser, sandbox: Sandbox) -> None:
    begin(page)
    assert page.post("/api/mobile/send")[1]["step"] == "old"
    check(page, "old", sandbox.code_at(number()))
    assert page.post("/api/mobile/send")[1]["step"] == "new"
    assert len(sandbox.messages_at(NEW)) == 2


def test_support_gives_a_new_number_to_who_has_lost_the_phone(
    page: Browser, mails: Mails, capsys: pytest.CaptureFixture[str]
) -> None:
    nora = hire()
    call_command("mobile", " Ada@Example.com", "+1 212 555 0134", "--by", nora.email)
    assert number() == NEW
    assert page.get("/api/session")[1]["state"] == "anonymous"
    assert "told by mail" in capsys.readouterr().out
    assert "Your mobile number was changed" in [mail["subject"] for mail in mails()]
    assert AuditEvent.objects.get(action="mobile.changed").actor_ref == staff_ref(nora.member.id)
    again = Browser()
    again.post("/api/signin", {"email": "ada@example.com", "password": PASSWORD})
    # The person has stopped nothing, and not agreed to anything at the new phone yet.
    status, problem = again.post("/api/otp/send")
    assert (status, code_of(problem)) == (422, "sms_consent_new_number") and "a new mobile number" in problem["detail"]
    call_command("texts", "stop", "+12125550136", "--yes", "--by", nora.email)
    refused = (
        ("nobody@example.com", NEW),
        ("ada@example.com", "12"),
        ("ada@example.com", NEW),
        ("ada@example.com", "+12125550136"),
    )
    for email, mobile in refused:
        with pytest.raises(CommandError):
            call_command("mobile", email, mobile, "--by", nora.email)
    for by in ("nobody@klosesales.example", "ada@example.com"):
        with pytest.raises(CommandError, match="None of you"):
            call_command("mobile", "ada@example.com", "+1 212 555 0137", "--by", by)
    assert number() == NEW
