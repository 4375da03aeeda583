"""A forgotten password, a changed one: by HTTP, the clock's mails and the links in them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import override_settings

from config.management.commands.clock import LANES
from identity import account_mails
from identity.erasure import erase_user
from identity.models import AccessEvent, AccountMail
from tests.identity.browser import PASSWORD, Browser, code_of, form
from tests.identity.conftest import MakeAccount, SignIn
from tests.sandbox_fixture import Sandbox

NEW = "quiet lantern river"
Mails = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def mails(sandbox: Sandbox, settings: Any) -> Mails:
    """What is in a mailbox after the clock has sent what is due."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"

    def read(to: str = "ada@example.com", *, minutes: float = 0) -> list[dict[str, Any]]:
        account_mails.send_account_mails(now=datetime.now(UTC) + timedelta(minutes=minutes))
        found: list[dict[str, Any]] = sandbox.ask("GET", "/mails", to=to)
        return found

    return read


def forgot(email: str = "ada@example.com", address: str = "198.51.100.7") -> tuple[int, Any]:
    return Browser(address).post("/api/password/forgot", {"email": email})


def token_in(mail: dict[str, Any]) -> str:
    found = re.search(r"/new-password#(\S+)", mail["text"])
    assert found
    return found[1]


def choose(token: str, password: str = NEW) -> tuple[int, Any]:
    return Browser().post("/api/password/reset", {"token": token, "password": password})


def is_good(token: str) -> int:
    """As the page behind a link asks before it shows its form."""
    return Browser().post("/api/password/link", {"token": token})[0]


def enters(password: str) -> bool:
    return Browser().post("/api/signin", {"email": "ada@example.com", "password": password})[0] == 200


def test_the_mailed_link_sets_a_password_once_and_ends_every_session(
    make_account: MakeAccount, sign_in: SignIn, mails: Mails
) -> None:
    browser = sign_in(make_account())
    assert forgot(" Ada@Example.com") == (204, None)
    [mail] = mails()
    assert mail["subject"] == "Your link to a new password"
    assert [is_good(token_in(mail)) for _ in range(2)] == [204, 204]
    assert choose(token_in(mail)) == (204, None)
    assert (is_good(token_in(mail)), is_good(f"{uuid4()}:forged")) == (410, 410)
    assert (enters(PASSWORD), enters(NEW)) == (False, True)
    assert browser.get("/api/sessions")[0] == 401
    status, problem = choose(token_in(mail), "another quiet lantern")
    assert (status, code_of(problem)) == (410, "reset_link_invalid")
    assert [each["subject"] for each in mails()] == ["Your link to a new password", "Your password was changed"]
    assert AccessEvent.objects.filter(kind="password_changed").count() == 1


def test_the_new_password_alone_opens_nothing_but_the_passcode(make_account: MakeAccount, mails: Mails) -> None:
    make_account()
    forgot()
    choose(token_in(mails()[0]))
    status, session = Browser().post("/api/signin", {"email": "ada@example.com", "password": NEW})
    assert (status, session["state"]) == (200, "awaiting_otp")


def test_an_unknown_e_mail_is_answered_alike_and_nobody_is_written_to(make_account: MakeAccount, mails: Mails) -> None:
    make_account()
    assert forgot("nobody@example.com") == forgot("ada@example.com")
    assert (mails("nobody@example.com"), len(mails())) == ([], 1)
    assert not AccountMail.objects.filter(email="nobody@example.com").exists()


def test_an_address_of_other_letters_gets_nobody_elses_link(make_account: MakeAccount, mails: Mails) -> None:
    make_account(email="sam@example.com")
    assert forgot("\u017fam@example.com") == (204, None)
    assert (mails("\u017fam@example.com"), mails("sam@example.com")) == ([], [])
    assert not AccountMail.objects.exists()


def test_a_sign_up_that_was_not_finished_gets_no_link(browser: Browser, mails: Mails) -> None:
    """Red when a link would finish a sign-up whose phone nobody has proved."""
    assert browser.post("/api/signup", form())[0] == 200
    forgot()
    assert mails() == []


def test_the_database_holds_nothing_that_opens_an_account(make_account: MakeAccount, mails: Mails) -> None:
    make_account()
    forgot()
    token = token_in(mails()[0])
    row = AccountMail.objects.values().get()
    assert token not in str(row) and token.partition(":")[2] not in str(row)


def test_asking_often_stops_for_known_and_unknown_alike(make_account: MakeAccount) -> None:
    make_account()
    for email in ("ada@example.com", "nobody@example.com"):
        answers = [forgot(email, f"203.0.113.{number}")[0] for number in range(5)]
        assert answers == [204, 204, 204, 429, 429]


def test_one_network_that_asks_for_many_people_stops(transactional_db: None) -> None:
    statuses = [forgot(f"person{number}@example.com")[0] for number in range(21)]
    assert statuses == [204] * 20 + [429]


def test_a_link_is_good_for_an_hour(make_account: MakeAccount, mails: Mails) -> None:
    make_account()
    forgot()
    token = token_in(mails()[0])
    AccountMail.objects.update(created_at=datetime.now(UTC) - timedelta(minutes=61))
    assert code_of(choose(token)[1]) == "reset_link_invalid"


def test_a_used_link_takes_the_others_with_it(make_account: MakeAccount, mails: Mails) -> None:
    make_account()
    forgot()
    forgot()
    first, second = (token_in(mail) for mail in mails())
    assert choose(second)[0] == 204
    assert code_of(choose(first, "another quiet lantern")[1]) == "reset_link_invalid"


@pytest.mark.parametrize(
    "token", ["", "x", "0199a1b2-0000-7000-8000-000000000000:forged", "a:b:c", "\x00:\x00", "é" * 200]
)
def test_a_forged_link_opens_nothing(make_account: MakeAccount, token: str) -> None:
    make_account()
    forgot()
    status, problem = choose(token)
    assert (status, code_of(problem)) in [(410, "reset_link_invalid"), (422, "invalid_fields")]
    assert enters(PASSWORD)


def test_a_weak_password_is_refused_and_the_link_is_still_good(make_account: MakeAccount, mails: Mails) -> None:
    make_account()
    forgot()
    token = token_in(mails()[0])
    status, problem = choose(token, "password1")
    assert (status, code_of(problem)) == (422, "weak_password")
    assert choose(token)[0] == 204


def test_a_blocked_account_gets_no_link_and_an_old_link_does_not_open_it(
    make_account: MakeAccount, mails: Mails
) -> None:
    member = make_account()
    forgot()
    token = token_in(mails()[0])
    member.user.is_active = False
    member.user.save()
    assert code_of(choose(token)[1]) == "reset_link_invalid"
    forgot()
    assert len(mails()) == 1


def test_a_mail_that_the_server_does_not_take_is_sent_later_but_not_when_it_is_too_late(
    make_account: MakeAccount, mails: Mails
) -> None:
    make_account()
    forgot()
    with override_settings(EMAIL_PORT=9):
        assert mails() == []
    assert len(mails(minutes=6)) == 1
    forgot()
    with override_settings(EMAIL_PORT=9):
        mails()
    assert len(mails(minutes=90)) == 1


def test_who_knows_the_password_changes_it_and_only_the_other_browsers_are_signed_out(
    make_account: MakeAccount, sign_in: SignIn, mails: Mails
) -> None:
    member = make_account()
    here, elsewhere = sign_in(member), sign_in(member)
    assert here.post("/api/password", {"present": PASSWORD, "password": NEW}) == (204, None)
    assert (here.get("/api/sessions")[0], elsewhere.get("/api/sessions")[0]) == (200, 401)
    assert (enters(PASSWORD), enters(NEW)) == (False, True)
    assert [each["subject"] for each in mails()] == ["Your password was changed"]


def test_guessing_the_present_password_in_an_open_browser_stops(make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account())
    answers = [browser.post("/api/password", {"present": "wrong", "password": NEW}) for _ in range(12)]
    assert [status for status, _ in answers] == [422] * 10 + [429] * 2
    assert code_of(answers[0][1]) == "password_wrong"


def test_a_right_change_counts_as_no_failed_attempt(make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account())
    browser.post("/api/password", {"present": PASSWORD, "password": NEW})
    assert not AccessEvent.objects.filter(kind="sign_in_failed").exists()


def test_an_erased_account_takes_its_mails_with_it(make_account: MakeAccount, mails: Mails) -> None:
    member = make_account()
    forgot()
    mails()
    forgot()
    erase_user(user_id=member.user_id, now=datetime.now(UTC))
    assert not AccountMail.objects.exists()


def test_the_clock_sends_them() -> None:
    assert account_mails.send_account_mails in [work for lane in LANES.values() for _, work in lane]


def test_the_mailed_link_lets_in_whom_the_wrong_passwords_of_others_shut_out(
    make_account: MakeAccount, mails: Mails
) -> None:
    make_account()
    for number in range(31):
        Browser(f"203.0.113.{number + 1}").post("/api/signin", {"email": "ada@example.com", "password": "wrong"})
    forgot()
    browser = Browser()
    assert browser.post("/api/password/reset", {"token": token_in(mails()[-1]), "password": NEW})[0] == 204
    assert not enters(NEW)
    assert browser.post("/api/signin", {"email": "ada@example.com", "password": NEW})[0] == 200
