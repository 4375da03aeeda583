"""LOOKUP_KEY is replaced while the product runs: everybody is found under either key, and nobody is there twice."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from compliance import audit_check
from identity import account_mails, erasure
from identity.models import Invitation, NumberKey, Session, User
from identity.number_access import DataLinkUnknown, make_link, open_link
from identity.operations import EmailTaken
from identity.staff import people
from processors import sealed_columns
from tests.identity.browser import Browser, code_of, form
from tests.identity.conftest import SUPPORT_DESK, MakeAccount, SignIn
from tests.identity.social import go_through, meet
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import Desk, hire

NEW = "b7c0" * 16
NOBODY = UUID(int=1)
Told = Callable[..., str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    def run(act: str) -> str:
        call_command("sealed", act)
        return capsys.readouterr().out

    return run


@pytest.fixture
def rotate(settings: Settings) -> Callable[[], None]:
    """As an operator does after a start: the new key writes, the one of before finds too."""

    def put_first() -> None:
        sealed_columns.demand_right_keys()
        settings.LOOKUP_KEY_PREVIOUS, settings.LOOKUP_KEY = settings.LOOKUP_KEY, NEW

    return put_first


Rotate = Callable[[], None]


def test_who_is_under_the_former_key_comes_in_by_every_door(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox, rotate: Rotate, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    member, ours, now = make_account(), hire("admin", "Ann"), datetime.now(UTC)
    sign_in(member).post("/api/team/invitations", {"email": "ivo@example.com", "role": "rep"})
    waiting = Browser("203.0.113.8")
    go_through(waiting, "google", meet(sandbox, "google", email="bea@example.com"))
    link = make_link(phone_e164="+12025550189", now=now)
    rotate()

    assert sign_in(member).get("/api/session")[1]["state"] == "signed_in"
    assert Desk().enter(ours)[0] == 200
    assert Browser().post("/api/password/forgot", {"email": "Ada@Example.com"})[0] == 204
    account_mails.send_account_mails(now=datetime.now(UTC))
    assert any("/new-password#" in mail["text"] for mail in sandbox.ask("GET", "/mails", to="ada@example.com"))
    # Google's word for an address that has an account is no way in, and no second account.
    assert go_through(Browser(), "google", meet(sandbox, "google"))[1]["refused"] == "social_email_known"
    # Replaced, as if the invitation and the link of before were under the same key.
    sign_in(member).post("/api/team/invitations", {"email": "ivo@example.com", "role": "manager"})
    assert [each.role for each in Invitation.objects.get_queryset().filter(ended_at=None)] == ["manager"]
    make_link(phone_e164="+12025550189", now=now)
    assert NumberKey.objects.filter(kind="link").count() == 1
    with pytest.raises(DataLinkUnknown):
        open_link(token=link, client=SUPPORT_DESK, now=now)
    with pytest.raises(people.StaffExists):
        people.add(email=ours.email, first_name="Ann", role="support", now=now)
    call_command("texts", "stop", "+12025550110", "--yes", "--by", ours.email)
    assert User.objects.get(email="ada@example.com").texts_stopped_at is not None
    # An erasure finds the sign-up that waits in some browser.
    erasure.erase_user(user_id=NOBODY, email="bea@example.com", now=now)
    assert not Session.objects.filter(data__has_key="social_sign_up").exists()
    # The record of acts and the limits are by pseudonyms, which have another key.
    assert audit_check.verify().broken is None


def test_an_address_under_the_former_key_gets_no_second_account(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox, rotate: Rotate
) -> None:
    make_account()
    began = Browser("203.0.113.7")
    began.post("/api/signup", form(mobile="+12025550112"))
    rotate()
    later = Browser("203.0.113.9")
    later.post("/api/signup", form(mobile="+12025550113"))
    for page, phone in ((began, "+12025550112"), (later, "+12025550113")):
        page.post("/api/otp/send")
        status, problem = page.post("/api/otp/check", {"code": sandbox.code_at(phone)})
        assert (status, code_of(problem)) == (409, "email_taken")
    with pytest.raises(EmailTaken):
        make_account(mobile="+12025550114")
    assert User.objects.filter(email="ada@example.com").count() == 1


def test_of_two_who_claim_one_address_under_two_keys_at_the_same_moment_one_gets_it(
    make_account: MakeAccount, sandbox: Sandbox, rotate: Rotate
) -> None:
    pages = []
    for number in range(6):
        if number == 3:
            rotate()
        pages.append((Browser(f"203.0.113.{number}"), f"+1202555012{number}"))
        pages[-1][0].post("/api/signup", form(email="one@example.com", mobile=pages[-1][1]))
        pages[-1][0].post("/api/otp/send")
    codes = [sandbox.code_at(phone) for _, phone in pages]

    def prove(number: int) -> int:
        try:
            return pages[number][0].post("/api/otp/check", {"code": codes[number]})[0]
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(prove, range(6))) == [200, 409, 409, 409, 409, 409]
    assert User.objects.get(email="one@example.com").mobile_verified_at is not None


def test_the_rest_is_brought_under_the_new_key_in_batches_and_only_then_can_the_former_go(
    make_account: MakeAccount, settings: Settings, rotate: Rotate, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [make_account(email=f"a{n}@example.com", mobile=f"+1202555013{n}").user for n in range(5)]
    rotate()
    make_account(email="after@example.com", mobile="+12025550139")
    former = settings.LOOKUP_KEY_PREVIOUS
    sealed_columns.demand_right_keys()
    assert "10 values; an older key, run `renew`" in told("status")
    # Stopped after its first batch: the oldest and the newest row are under the new key, and a start tells all the same.
    monkeypatch.setattr(sealed_columns, "ROWS_AT_ONCE", 2)
    list(islice((each for each in sealed_columns.renew() if each.values), 1))
    settings.LOOKUP_KEY_PREVIOUS = ""
    with pytest.raises(sealed_columns.KeysWrong, match="LOOKUP_KEY_PREVIOUS until"):
        sealed_columns.demand_right_keys()

    settings.LOOKUP_KEY_PREVIOUS = former
    said = told("renew")
    assert "identity_user: 4 sealed anew; 4 of 6 rows looked at" in said and "6 sealed anew; 6 of 6 rows" in said
    assert "0 values; an older key, which can go" in said and "run `renew`" not in said
    settings.LOOKUP_KEY_PREVIOUS = ""
    sealed_columns.demand_right_keys()
    assert [User.objects.get(email=f"a{n}@example.com") for n in range(5)] == users
    # A backup of before, or a process that has the former key alone: refused, and nobody is lost.
    settings.LOOKUP_KEY = former
    with pytest.raises(sealed_columns.KeysWrong):
        sealed_columns.demand_right_keys()


def test_a_row_that_somebody_works_with_is_waited_for_and_holds_up_no_other(
    make_account: MakeAccount, rotate: Rotate, told: Told
) -> None:
    busy = make_account().user
    other = make_account(email="eve@example.com", mobile="+12025550199").user
    rotate()

    def is_found(user: User) -> bool:
        stored = User.objects.get(id=user.id)
        return bytes(stored.email_key) == User._meta.get_field("email").index_of(stored.email)

    def run() -> None:
        try:
            list(sealed_columns.renew())
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            User.objects.select_for_update().get(id=busy.id)
            renewing = pool.submit(run)
            limit = time.monotonic() + 10
            while not is_found(other):
                assert time.monotonic() < limit
            assert not is_found(busy)
            # Whoever holds the one gets the other too.
            User.objects.select_for_update().get(id=other.id)
        renewing.result()
    assert is_found(busy)


def test_what_stands_twice_because_the_keys_did_not_overlap_is_named_and_keeps_the_former_key(
    make_account: MakeAccount, settings: Settings, rotate: Rotate, capsys: pytest.CaptureFixture[str]
) -> None:
    make_account(email="eve@example.com", mobile="+12025550199")
    first = make_account().user
    rotate()
    former, settings.LOOKUP_KEY_PREVIOUS = settings.LOOKUP_KEY_PREVIOUS, ""
    make_account(mobile="+12025550112")
    settings.LOOKUP_KEY_PREVIOUS = former
    with pytest.raises(CommandError, match="stand twice"):
        call_command("sealed", "renew")
    assert f"in identity_user of {first.id}: stands in another row too" in capsys.readouterr().out
    settings.LOOKUP_KEY_PREVIOUS = ""
    with pytest.raises(sealed_columns.KeysWrong):
        sealed_columns.demand_right_keys()


def test_a_sign_up_that_waits_in_some_browser_goes_on(
    sandbox: Sandbox, rotate: Rotate, told: Told, settings: Settings, browser: Browser
) -> None:
    go_through(browser, "google", meet(sandbox, "google", email="bea@example.com"))
    rotate()
    assert "that wait, sealed anew: 1" in told("renew")
    settings.LOOKUP_KEY_PREVIOUS = ""
    assert browser.get("/api/social/sign-up")[1]["email"] == "bea@example.com"
    erasure.erase_user(user_id=NOBODY, email="bea@example.com", now=datetime.now(UTC))
    assert not Session.objects.filter(data__has_key="social_sign_up").exists()
