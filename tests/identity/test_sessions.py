"""Sessions: listed and ended by their person alone, gone at once when the right to them is gone."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.http import HttpResponse
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from compliance import policy
from config.middleware import RenewedSessionMiddleware
from identity import tenancy
from identity.models import AccessEvent, Membership, Session
from identity.sessions import SessionStore, digest
from identity.step_up import RECENT
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
from tests.identity.test_passcodes import later
from tests.sandbox_fixture import Sandbox
from voice.models import Lead


def test_a_person_sees_the_own_sessions_and_which_one_is_this(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550160")
    other = make_account(mobile="+12025550161", email="other@example.com")
    here, there = sign_in(member, "198.51.100.1"), sign_in(member, "198.51.100.2")
    sign_in(other, "198.51.100.3")

    status, answer = here.get("/api/sessions")
    assert status == 200
    assert {(item["address"], item["current"]) for item in answer["items"]} == {
        ("198.51.100.1", True),
        ("198.51.100.2", False),
    }
    assert {item["agent"] for item in there.get("/api/sessions")[1]["items"]} == {"Tests/1.0"}


def test_each_session_tells_the_country_of_its_address(make_account: MakeAccount, sign_in: SignIn) -> None:
    """Red when a private address is looked up, and when one that the network writes as IPv6 is not."""
    browser = sign_in(make_account(mobile="+12025550164"), "78.60.1.1")

    def told() -> tuple[str, str | None, bool]:
        (item,) = browser.get("/api/sessions")[1]["items"]
        return item["address"], item["country"], item["is_local"]

    assert told() == ("78.60.1.1", "LT", False)
    for address, country in (("2a02:8071::1", "DE"), ("::ffff:8.8.8.8", "US")):
        Session.objects.update(address=address)
        assert told()[1:] == (country, False)
    for address in ("10.1.2.3", "127.0.0.1", "fd00::1", "::ffff:10.1.2.3"):
        Session.objects.update(address=address)
        assert told()[1:] == (None, True)


def test_a_session_that_waits_for_its_passcode_is_not_listed(
    browser: Browser, make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account(mobile="+12025550162")
    browser.post("/api/signin", {"email": member.user.email, "password": "correct horse battery"})
    assert len(sign_in(member).get("/api/sessions")[1]["items"]) == 1


def test_an_ended_session_is_out_at_once(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550163")
    here, there = sign_in(member, "198.51.100.1"), sign_in(member, "198.51.100.2")
    items = here.get("/api/sessions")[1]["items"]
    target = next(item["id"] for item in items if not item["current"])

    assert here.delete(f"/api/sessions/{target}") == (204, None)
    assert there.get("/api/sessions")[0] == 401
    assert here.get("/api/sessions")[0] == 200
    assert here.delete(f"/api/sessions/{target}")[0] == 404
    assert AccessEvent.objects.filter(kind="session_revoked").count() == 1


def test_every_new_proof_renews_the_session_id_and_what_showed_it_before_opens_nothing(
    make_account: MakeAccount, sign_in: SignIn, sandbox: Sandbox
) -> None:
    """Red when a proof leaves the key as it was, and when what the proof opened is lost with the old one."""
    old, new = "+12025550110", "+12125550134"
    here = sign_in(make_account())
    consented = {"sms_consent": True, "policy_version": policy.current_version()}

    def code_at(mobile: str, path: str, body: object = None) -> str:
        later(sandbox, timedelta(hours=2))
        assert here.post(path, body)[0] == 200
        return sandbox.code_at(mobile)

    def change_email() -> tuple[int, object]:
        code = code_at(old, "/api/email/code", {"present": PASSWORD})
        return here.post("/api/email/change", {"email": "new@example.com", "present": PASSWORD, "code": code})

    def begin_mobile() -> tuple[int, object]:
        later(sandbox, timedelta(hours=2))
        return here.post("/api/mobile", {"mobile": new, "password": PASSWORD, **consented})

    def prove_mobile(step: str, mobile: str) -> tuple[int, object]:
        return here.post(
            "/api/mobile/check", {"step": step, "mobile_e164": new, "code": code_at(mobile, "/api/mobile/send")}
        )

    for prove in (
        partial(here.post, "/api/session/proof", {"present": PASSWORD}),
        partial(here.post, "/api/password", {"present": PASSWORD, "password": PASSWORD}),
        change_email,
        begin_mobile,
        partial(prove_mobile, "old", old),
        partial(prove_mobile, "new", new),
    ):
        thief = Browser("203.0.113.5")
        thief.client.cookies[settings.SESSION_COOKIE_NAME] = here.session_cookie or ""
        assert thief.get("/api/session")[1]["state"] == "signed_in"
        status, answer = prove()
        assert status in (200, 204), answer
        assert thief.get("/api/session")[1]["state"] == "anonymous"
        assert thief.get("/api/sessions")[0] == 401
        assert here.get("/api/session")[1]["state"] == "signed_in"
    assert Session.objects.get().proved_at is not None
    assert here.get("/api/session")[1]["user"]["mobile_e164"] == new


def test_of_two_proofs_at_once_the_second_leaves_the_session_to_the_first(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Red when the second puts a key into the browser that opens nothing."""
    here = sign_in(make_account())
    first, second = (SessionStore(here.session_cookie) for _ in range(2))
    assert first.row == second.row is not None
    for each in (first, second):
        each.cycle_key()
    assert second.session_key == here.session_cookie != first.session_key
    assert not second.modified
    assert Session.objects.get().key_digest == digest(first.session_key or "")


def test_a_request_with_the_key_before_takes_the_new_one_out_of_no_browser(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Its answer comes after that of the proof as often as before it."""
    here = sign_in(make_account())
    late = Browser(here.client.defaults["REMOTE_ADDR"])
    late.client.cookies[settings.SESSION_COOKIE_NAME] = here.session_cookie or ""
    assert here.post("/api/session/proof", {"present": PASSWORD})[0] == 204
    for path, status in (("/api/session", 200), ("/api/sessions", 401)):
        answer = late.client.get(path, secure=True)
        assert (answer.status_code, settings.SESSION_COOKIE_NAME in answer.cookies) == (status, False)
    assert here.post("/api/signout")[0] == 204
    assert here.session_cookie in (None, "")


def test_what_a_request_keeps_in_a_session_that_was_renewed_meanwhile_is_kept_under_the_new_key(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    here = sign_in(make_account())
    request = RequestFactory().get("/")
    request.session = late = SessionStore(here.session_cookie)
    late["step"] = "old"
    assert here.post("/api/session/proof", {"present": PASSWORD})[0] == 204
    answer = RenewedSessionMiddleware(lambda _: HttpResponse()).process_response(request, HttpResponse())
    assert settings.SESSION_COOKIE_NAME not in answer.cookies
    assert Session.objects.get().data["step"] == "old"
    assert here.get("/api/session")[1]["state"] == "signed_in"
    Session.objects.all().delete()
    late["step"] = "new"
    with pytest.raises(UpdateError):
        late.save()


def test_nobody_ends_the_session_of_another(make_account: MakeAccount, sign_in: SignIn) -> None:
    victim = sign_in(make_account(mobile="+12025550164"))
    attacker = sign_in(make_account(mobile="+12025550165", email="eve@example.com"))
    target = victim.get("/api/sessions")[1]["items"][0]["id"]

    foreign, missing = attacker.delete(f"/api/sessions/{target}"), attacker.delete(f"/api/sessions/{uuid4()}")
    assert foreign == missing
    assert (foreign[0], code_of(foreign[1])) == (404, "session_not_found")
    assert victim.get("/api/sessions")[0] == 200


def test_everywhere_else_is_signed_out_at_once_and_here_too_if_wished(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    member = make_account(mobile="+12025550165")
    stranger = sign_in(make_account(mobile="+12025550164", email="eve@example.com"))
    here, there, yonder = (sign_in(member, f"198.51.100.{number}") for number in (1, 2, 3))
    key = here.post("/api/keys", {"name": "CRM", "scopes": ["leads:read"], "expires_in_days": None})[1]["key"]
    Session.objects.update(phone_verified_at=F("phone_verified_at") - RECENT)
    status, answer = here.delete("/api/sessions")
    assert (status, code_of(answer)) == (403, "proof_not_recent")
    assert here.post("/api/session/proof", {"present": PASSWORD})[0] == 204

    assert [here.delete("/api/sessions") for _ in range(2)] == [(204, None)] * 2
    assert [each.get("/api/sessions")[0] for each in (here, there, yonder, stranger)] == [200, 401, 401, 200]
    assert Browser().get("/api/leads", Authorization=f"Bearer {key}")[0] == 200
    assert AccessEvent.objects.filter(kind="session_revoked").count() == 1
    kept = here.session_cookie
    assert here.delete("/api/sessions?this_too=true") == (204, None)
    here.client.cookies[settings.SESSION_COOKIE_NAME] = kept or ""
    assert here.get("/api/session")[1]["state"] == "anonymous"
    assert stranger.get("/api/sessions")[0] == 200


def test_signing_out_ends_this_session_only(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550166")
    here, there = sign_in(member, "198.51.100.1"), sign_in(member, "198.51.100.2")
    kept = here.session_cookie
    assert here.post("/api/signout") == (204, None)
    assert here.get("/api/session")[1]["state"] == "anonymous"
    assert there.get("/api/session")[1]["state"] == "signed_in"

    here.client.cookies["__Host-session"] = kept or ""
    assert here.get("/api/session")[1]["state"] == "anonymous"


def test_signing_out_works_before_the_passcode_too(browser: Browser, make_account: MakeAccount) -> None:
    make_account()
    browser.post("/api/signin", {"email": "ada@example.com", "password": "correct horse battery"})
    assert browser.post("/api/signout") == (204, None)
    assert not Session.objects.exists()


def test_a_session_ends_after_fourteen_days(make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account(mobile="+12025550167"))
    Session.objects.update(expires_at=F("expires_at") - timedelta(days=14))
    assert browser.get("/api/session")[1]["state"] == "anonymous"
    assert browser.get("/api/sessions")[0] == 401


def test_a_session_that_nobody_uses_for_four_days_ends(make_account: MakeAccount, sign_in: SignIn) -> None:
    member = make_account(mobile="+12025550167")
    here, there = sign_in(member, "198.51.100.1"), sign_in(member, "198.51.100.2")
    Session.objects.filter(address="198.51.100.1").update(last_used_at=F("last_used_at") - timedelta(days=4))
    assert here.get("/api/session")[1]["state"] == "anonymous"
    assert [item["address"] for item in there.get("/api/sessions")[1]["items"]] == ["198.51.100.2"]
    Session.objects.update(last_used_at=F("last_used_at") - timedelta(days=3, hours=23))
    assert there.get("/api/session")[1]["state"] == "signed_in"


def test_a_changed_role_counts_from_the_next_request(make_account: MakeAccount, sign_in: SignIn) -> None:
    owner = make_account(mobile="+12025550168")
    manager = make_account(owner.workspace_id, "manager", email="m@example.com", mobile="+12025550169")
    browser = sign_in(manager)
    assert browser.get("/api/session")[1]["permissions"]["see_team"] is True
    Membership.objects.filter(id=manager.id).update(role="rep")
    session = browser.get("/api/session")[1]
    assert (session["role"], session["permissions"]["see_team"]) == ("rep", False)


def test_a_removed_member_is_out_at_once(make_account: MakeAccount, sign_in: SignIn) -> None:
    owner = make_account(mobile="+12025550170")
    rep = make_account(owner.workspace_id, "rep", email="r@example.com", mobile="+12025550171")
    browser = sign_in(rep)
    rep.delete()
    assert browser.get("/api/session")[1]["state"] == "anonymous"


def test_the_last_use_is_kept_to_within_five_minutes(make_account: MakeAccount, sign_in: SignIn) -> None:
    browser = sign_in(make_account(mobile="+12025550172"))
    before = Session.objects.get().last_used_at
    browser.get("/api/sessions")
    assert Session.objects.get().last_used_at == before
    Session.objects.update(last_used_at=F("last_used_at") - timedelta(minutes=6))
    browser.get("/api/sessions")
    assert Session.objects.get().last_used_at >= before


def test_an_operator_ends_the_sessions_and_keys_of_one_or_of_all(
    make_account: MakeAccount, sign_in: SignIn, capsys: pytest.CaptureFixture[str]
) -> None:
    ada, eve = make_account(), make_account(email="eve@example.com", mobile="+1 202 555 0177")
    pages = [sign_in(ada), sign_in(eve, "198.51.100.8")]
    pages[0].post("/api/keys", {"name": "CRM", "scopes": ["leads:read"], "expires_in_days": None})
    call_command("sign_out", " Ada@example.com")
    assert [page.get("/api/session")[1]["state"] for page in pages] == ["anonymous", "signed_in"]
    call_command("sign_out", "--everybody")
    assert pages[1].get("/api/session")[1]["state"] == "anonymous"
    assert capsys.readouterr().out.splitlines() == [
        "2 sessions and keys have ended.",
        "1 sessions and keys have ended.",
    ]
    with pytest.raises(CommandError, match="No account"):
        call_command("sign_out", "nobody@example.com")


def test_one_statement_finds_who_asks_and_confines_the_request_and_nothing_of_it_is_left(
    make_account: MakeAccount, sign_in: SignIn
) -> None:
    """Planted once to see this fail: `forget` that never frees, and a look-up that marks nothing."""
    members = [make_account(), make_account(email="bo@example.com", mobile="+12025550119")]
    first, second = (sign_in(member, f"198.51.100.{n}") for n, member in enumerate(members))
    for browser in (first, second):
        assert browser.post("/api/leads", {"first_name": "Nia", "phone": "+1 202 555 0188"})[0] == 201

    def names(act: Callable[[], object]) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            act()
        return [query["sql"] for query in asked if tenancy.SETTING in query["sql"]]

    for browser in (first, second, first):
        [naming] = names(partial(browser.get, "/api/leads"))
        assert "identity_session" in naming
        assert Lead.objects.get_queryset().count() == 2
    # Neither a cookie of nobody, nor a person of whom the route wants more, nor a key of nobody leaves a name behind.
    stranger, half = Browser(), Browser()
    stranger.client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 43
    half.post("/api/signin", {"email": members[0].user.email, "password": PASSWORD})
    nobodys = {"Authorization": "Bearer klose_nobody"}
    for asking, headers in ((stranger, {}), (half, {}), (Browser(), nobodys)):
        first.get("/api/leads")
        assert asking.get("/api/leads", **headers)[0] == 401
        assert Lead.objects.get_queryset().count() == 2
    key = first.post("/api/keys", {"name": "CRM", "scopes": ["leads:read"], "expires_in_days": None})[1]["key"]
    [naming] = names(partial(Browser().get, "/api/leads", Authorization=f"Bearer {key}"))
    assert "identity_apikey" in naming
    assert Lead.objects.get_queryset().count() == 2
