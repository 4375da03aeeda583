"""Sessions: listed and ended by their person alone, gone at once when the right to them is gone."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from identity import tenancy
from identity.models import AccessEvent, Membership, Session
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import MakeAccount, SignIn
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


def test_nobody_ends_the_session_of_another(make_account: MakeAccount, sign_in: SignIn) -> None:
    victim = sign_in(make_account(mobile="+12025550164"))
    attacker = sign_in(make_account(mobile="+12025550165", email="eve@example.com"))
    target = victim.get("/api/sessions")[1]["items"][0]["id"]

    foreign, missing = attacker.delete(f"/api/sessions/{target}"), attacker.delete(f"/api/sessions/{uuid4()}")
    assert foreign == missing
    assert (foreign[0], code_of(foreign[1])) == (404, "session_not_found")
    assert victim.get("/api/sessions")[0] == 200


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
