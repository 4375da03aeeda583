"""Google and Facebook linked and unlinked in the settings, and accounts without a password."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F

from compliance import policy
from identity import account_mails
from identity.models import AccessEvent, AccountMail, Session, SocialIdentity, User
from identity.operations import sign_out_everywhere
from identity.social_entry import ATTEMPT_GOOD_FOR
from identity.step_up import RECENT
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.social import agree, begin, come_back, go_through, meet, prove_phone, sign_up
from tests.identity.test_team_races import until_waiting
from tests.sandbox_fixture import Sandbox
from tests.staff.ours import alone


def link(browser: Browser, provider: str, person: str, **proof: str) -> tuple[str, dict[str, str]]:
    """Links in the settings and comes back to them."""
    status, answer = browser.post("/api/ways-in/link", {"provider": provider, **proof})
    assert status == 200, answer
    return come_back(browser, agree(answer["url"], person))


def ways(browser: Browser) -> dict[str, Any]:
    status, answer = browser.get("/api/ways-in")
    assert status == 200
    found: dict[str, Any] = answer
    return found


def test_who_has_a_password_links_a_provider_by_it_signs_in_so_and_unlinks_it(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox, mailoutbox: list[EmailMessage]
) -> None:
    browser = sign_in(make_account())
    person = meet(sandbox, "google", email="somewhere.else@example.com")
    assert link(browser, "google", person, present=PASSWORD) == ("/settings", {"linked": "google"})
    held = ways(browser)
    assert (held["has_password"], held["may_unlink"]) == (True, True)
    assert [way["linked_at"] is None for way in held["providers"]] == [False, True]
    # A second time it changes nothing.
    assert link(browser, "google", person, present=PASSWORD) == ("/settings", {"linked": "google"})
    assert AccountMail.objects.get(kind="way_linked").email == "ada@example.com"
    assert User.objects.get().email == "ada@example.com"

    other = Browser("203.0.113.9")
    assert go_through(other, "google", person)[0] == "/verify"
    prove_phone(other, sandbox)
    assert other.get("/api/ways-in")[0] == 200

    Session.objects.update(phone_verified_at=F("phone_verified_at") - RECENT)
    status, problem = browser.post("/api/ways-in/unlink", {"provider": "google"})
    assert (status, code_of(problem)) == (403, "proof_not_recent")
    assert browser.post("/api/session/proof", {"present": PASSWORD})[0] == 204
    assert browser.post("/api/ways-in/unlink", {"provider": "google"})[0] == 204
    assert browser.post("/api/ways-in/unlink", {"provider": "google"})[0] == 204
    assert not SocialIdentity.objects.exists()
    assert go_through(Browser("203.0.113.10"), "google", person)[0] == "/sign-up/finish"
    kinds = AccessEvent.objects.filter(kind__startswith="way_").order_by("at").values_list("kind", flat=True)
    assert list(kinds) == ["way_linked", "way_unlinked"]
    account_mails.send_account_mails(now=datetime.now(UTC))
    assert sorted(mail.subject for mail in mailoutbox) == [
        "A way to sign in was added to your account",
        "A way to sign in was removed from your account",
    ]


def test_a_link_with_somebody_elses_email_links_this_account_and_touches_no_other(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    other = make_account(email="bo@example.com", mobile="+12025550119")
    browser = sign_in(make_account())
    person = meet(sandbox, "facebook", email="bo@example.com")
    assert link(browser, "facebook", person, present=PASSWORD) == ("/settings", {"linked": "facebook"})
    linked = SocialIdentity.objects.select_related("user").get()
    assert (linked.subject, linked.user.email) == (person, "ada@example.com")
    assert linked.user_id != other.user_id
    assert sorted(user.email for user in User.objects.all()) == ["ada@example.com", "bo@example.com"]


def test_no_link_without_a_proof(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> None:
    browser = sign_in(make_account())
    for proof, status, code in (
        ({}, 422, "proof_missing"),
        ({"code": "123456"}, 422, "proof_missing"),
        ({"present": "not this one"}, 422, "password_wrong"),
    ):
        answer = browser.post("/api/ways-in/link", {"provider": "google", **proof})
        assert (answer[0], code_of(answer[1])) == (status, code)
    answer = browser.post("/api/ways-in/code")
    assert (answer[0], code_of(answer[1])) == (409, "password_wanted")
    # What was begun to sign in links nothing, in whatever session it comes back.
    address = agree(begin(browser, "google"), meet(sandbox, "google", email="new@example.com"))
    assert come_back(browser, address)[0] == "/sign-up/finish"
    assert not SocialIdentity.objects.exists()


def test_an_account_of_a_provider_is_one_persons(make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox) -> None:
    person, another = (meet(sandbox, "google", email=f"{n}@example.com") for n in ("one", "two"))
    first = sign_in(make_account())
    second = sign_in(make_account(email="bo@example.com", mobile="+12025550112"), "203.0.113.9")
    assert link(first, "google", person, present=PASSWORD)[1] == {"linked": "google"}
    assert link(second, "google", person, present=PASSWORD)[1]["refused"] == "social_in_use"
    assert link(first, "google", another, present=PASSWORD)[1]["refused"] == "social_linked_already"
    assert SocialIdentity.objects.get().user.email == "ada@example.com"


def test_a_link_ends_with_the_session_that_began_it(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    browser = sign_in(make_account())
    _, answer = browser.post("/api/ways-in/link", {"provider": "google", "present": PASSWORD})
    address = agree(answer["url"], meet(sandbox, "google", email="new@example.com"))
    browser.post("/api/signout")
    assert come_back(browser, address)[1]["refused"] == "social_state_invalid"
    assert not SocialIdentity.objects.exists()


def test_a_link_that_was_begun_half_an_hour_ago_links_nothing(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    """Red when whoever finds an open browser finishes, with an account of their own, what was begun by a proof days ago."""
    browser = sign_in(make_account())
    _, answer = browser.post("/api/ways-in/link", {"provider": "google", "present": PASSWORD})
    began_at = datetime.now(UTC) - ATTEMPT_GOOD_FOR
    session = Session.objects.get()
    session.data["social_attempt"]["began_at"] = began_at.isoformat()
    session.save(update_fields=["data"])
    address = agree(answer["url"], meet(sandbox, "google", email="eve@example.com"))
    assert come_back(browser, address) == ("/settings", {"refused": "social_state_invalid", "by": "google"})
    assert not SocialIdentity.objects.exists()
    assert browser.get("/api/session")[1]["state"] == "signed_in"
    assert link(browser, "google", meet(sandbox, "google"), present=PASSWORD) == ("/settings", {"linked": "google"})


def test_who_has_no_password_proves_it_by_a_code_and_keeps_a_last_way_in(browser: Browser, sandbox: Sandbox) -> None:
    sign_up(browser, sandbox, "google", meet(sandbox, "google"))
    held = ways(browser)
    assert (held["has_password"], held["may_unlink"]) == (False, False)
    status, problem = browser.post("/api/ways-in/unlink", {"provider": "google"})
    assert (status, code_of(problem)) == (409, "last_way_in")

    status, problem = browser.post("/api/ways-in/link", {"provider": "facebook", "present": "anything at all"})
    assert (status, code_of(problem)) == (422, "proof_missing")
    assert browser.post("/api/ways-in/code")[0] == 200
    status, problem = browser.post("/api/ways-in/link", {"provider": "facebook", "code": "000"})
    assert (status, code_of(problem)) == (422, "invalid_fields")
    code = sandbox.code_at("+12025550110")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    status, problem = browser.post("/api/ways-in/link", {"provider": "facebook", "code": wrong})
    assert (status, code_of(problem)) == (422, "otp_wrong")
    assert link(browser, "facebook", meet(sandbox, "facebook"), code=code)[1] == {"linked": "facebook"}
    assert browser.post("/api/ways-in/unlink", {"provider": "google"})[0] == 204
    assert browser.post("/api/ways-in/unlink", {"provider": "facebook"})[0] == 409


def test_who_has_no_password_gets_one_by_the_mailed_link_and_may_then_unlink(
    browser: Browser, sandbox: Sandbox, settings: Any
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    person = meet(sandbox, "google")
    sign_up(browser, sandbox, "google", person)
    assert browser.post("/api/password/forgot", {"email": "ada@example.com"})[0] == 204
    account_mails.send_account_mails(now=datetime.now(UTC))
    mail = sandbox.ask("GET", "/mails", to="ada@example.com")[-1]
    found = re.search(r"/new-password#(\S+)", mail["text"])
    assert found
    assert Browser().post("/api/password/reset", {"token": found[1], "password": PASSWORD})[0] == 204
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    assert browser.post("/api/signin", {"email": "ada@example.com", "password": PASSWORD})[0] == 200
    prove_phone(browser, sandbox)
    assert ways(browser)["has_password"] is True
    assert browser.post("/api/ways-in/unlink", {"provider": "google"})[0] == 204


def test_who_has_no_password_deletes_the_account(browser: Browser, sandbox: Sandbox) -> None:
    sign_up(browser, sandbox, "google", meet(sandbox, "google"))
    status, _ = browser.post("/api/privacy/erasure", {"confirm": "ada@example.com", "when": "after_grace"})
    assert status == 202


def test_who_has_no_password_changes_the_number_by_the_old_phone(browser: Browser, sandbox: Sandbox) -> None:
    sign_up(browser, sandbox, "google", meet(sandbox, "google"))
    wanted = {"mobile": "+12025550111", "sms_consent": True, "policy_version": policy.current_version()}
    assert browser.post("/api/mobile", wanted)[0] == 200
    for step, phone in (("old", "+12025550110"), ("new", "+12025550111")):
        proof = {"step": step, "mobile_e164": "+12025550111", "code": sandbox.code_at(phone)}
        assert browser.post("/api/mobile/check", proof)[0] == 200
    assert User.objects.get().mobile_e164 == "+12025550111"


def test_who_has_a_password_changes_no_number_without_it(make_account: MakeAccount, sign_in: SignIn) -> None:
    wanted = {"mobile": "+12025550111", "sms_consent": True, "policy_version": policy.current_version()}
    status, problem = sign_in(make_account()).post("/api/mobile", wanted)
    assert (status, code_of(problem)) == (422, "password_wrong")


def test_a_link_that_comes_back_while_every_session_ends_links_nothing(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    """Planted bug that this catches: whether somebody is signed in is asked before the provider is alone."""
    member = make_account()
    browser = sign_in(member)
    _, answer = browser.post("/api/ways-in/link", {"provider": "google", "present": PASSWORD})
    back = urlsplit(agree(answer["url"], meet(sandbox, "google", email="somewhere.else@example.com")))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get()
            came = threads.submit(
                alone, lambda: browser.client.get(f"{back.path}?{back.query}", secure=True).status_code
            )
            until_waiting(1)
            sign_out_everywhere(user_id=member.user_id, now=datetime.now(UTC))
        # The session is gone, in which the refusal would be kept.
        assert came.result(timeout=10) == 400
    assert not SocialIdentity.objects.exists()
