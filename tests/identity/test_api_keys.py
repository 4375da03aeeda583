"""Keys for programs: made and shown once, used, revoked, and what ends them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from compliance import policy, retention
from config.management.commands.clock import LANES
from identity import api_keys
from identity.api_keys import KEYS_MAX, PREFIX
from identity.models import ApiKey, Membership, Session
from identity.step_up import RECENT
from tests.identity.browser import PASSWORD, Browser, code_of
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, mails, owner, page
from tests.identity.test_passwords import Mails, choose, forgot, token_in
from tests.identity.test_passwords import mails as read
from tests.sandbox_fixture import Sandbox

__all__ = ["colleague", "mails", "owner", "page", "read"]


def make(browser: Browser, *scopes: str, days: int | None = 30, name: str = "Our CRM") -> tuple[int, Any]:
    return browser.post("/api/keys", {"name": name, "scopes": scopes or ("leads:read",), "expires_in_days": days})


def ask(key: str, method: str = "GET", path: str = "/api/leads", body: object = None) -> tuple[int, Any]:
    """A program's request: no cookie, no CSRF token."""
    answer: Any = Client().generic(
        method,
        path,
        b"" if body is None else json.dumps(body),
        content_type="application/json",
        secure=True,
        headers={"Authorization": f"Bearer {key}"},
    )
    return answer.status_code, answer.json() if answer.content else None


def test_a_key_is_shown_once_and_kept_as_a_digest(page: Browser) -> None:
    status, made = make(page)
    assert status == 201
    assert made["key"].startswith(PREFIX) and made["key"].endswith(made["hint"])
    [listed] = page.get("/api/keys")[1]["items"]
    assert "key" not in listed and (listed["name"], listed["made_by"]) == ("Our CRM", "Ada Okafor")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM identity_apikey row WHERE row::text LIKE %s", [f"%{made['key'][6:]}%"])
        assert cursor.fetchone() == (0,)


def test_a_program_reads_and_writes_without_cookie_and_csrf(page: Browser) -> None:
    key = make(page, "leads:read", "leads:write")[1]["key"]
    assert ask(key, "POST", body={"first_name": "Nia", "phone": "+1 202 555 0188"})[0] == 201
    status, leads = ask(key)
    assert (status, [lead["first_name"] for lead in leads["items"]]) == (200, ["Nia"])
    assert page.get("/api/keys")[1]["items"][0]["last_used_at"] is not None


def test_a_key_reaches_no_other_workspace(
    page: Browser, make_account: Callable[..., Membership], sign_in: SignIn
) -> None:
    stranger = sign_in(make_account(email="eve@example.com", mobile="+1 202 555 0177"))
    lead = stranger.post("/api/leads", {"first_name": "Theirs", "phone": "+1 202 555 0188"})[1]
    key = make(page, "leads:read")[1]["key"]
    assert ask(key)[1]["items"] == []
    assert ask(key, path=f"/api/leads/{lead['id']}")[0] == 404


@pytest.mark.parametrize("presented", ["", "klose_", "klose_" + "x" * 43, "\x00", "é", "x" * 5_000])
def test_what_is_no_key_opens_nothing(presented: str, page: Browser) -> None:
    status, answer = ask(presented)
    assert (status, code_of(answer)) == (401, "api_key_invalid")


def test_another_kind_of_credential_is_none_of_ours(page: Browser) -> None:
    """Such as those of a proxy in front of a trial, which a browser sends with every request."""
    basic = {"Authorization": "Basic YWRhOnB3"}
    assert page.client.get("/api/leads", secure=True, headers=basic).status_code == 200
    answer: Any = Client().get("/api/leads", secure=True, headers=basic)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


def test_a_revoked_key_and_one_that_has_expired_open_nothing(page: Browser) -> None:
    revoked, expired = make(page)[1], make(page, days=1)[1]
    assert page.delete(f"/api/keys/{revoked['id']}")[0] == 204
    ApiKey.objects.filter(id=expired["id"]).update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert [code_of(ask(each["key"])[1]) for each in (revoked, expired)] == ["api_key_invalid"] * 2
    assert code_of(page.delete(f"/api/keys/{revoked['id']}")[1]) == "api_key_not_found"


def test_a_key_ends_with_the_membership(page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn) -> None:
    manager = colleague("manager")
    key = make(sign_in(manager), "credits:read")[1]["key"]
    assert len(ask(key, path="/api/credits/spenders")[1]) == 2
    page.delete(f"/api/team/members/{manager.user_id}")
    assert code_of(ask(key, path="/api/credits")[1]) == "api_key_invalid"


def test_a_key_of_who_has_stopped_text_messages_rests_until_the_phone_is_proved_again(
    page: Browser, owner: Membership, sandbox: Sandbox
) -> None:
    key = make(page)[1]["key"]
    page.delete("/api/privacy/consents/sms")
    assert code_of(ask(key)[1]) == "api_key_invalid"
    waiting = Browser()
    waiting.post("/api/signin", {"email": "ada@example.com", "password": PASSWORD})
    waiting.post("/api/otp/consent", {"sms_consent": True, "policy_version": policy.current_version()})
    # Whoever knows the password alone has nothing of it.
    assert code_of(ask(key)[1]) == "api_key_invalid"
    waiting.post("/api/otp/send")
    waiting.post("/api/otp/check", {"code": sandbox.code_at(owner.user.mobile_e164)})
    assert ask(key)[0] == 200


def test_a_new_password_by_mail_ends_every_key_and_making_one_is_told_by_mail(page: Browser, read: Mails) -> None:
    key = make(page)[1]["key"]
    assert [mail["subject"] for mail in read()] == ["A new API key was made"]
    forgot()
    assert choose(token_in(read()[-1]))[0] == 204
    assert code_of(ask(key)[1]) == "api_key_invalid"


def test_whoever_may_make_no_keys_any_more_has_none(
    page: Browser, colleague: Callable[[str], Membership], sign_in: SignIn
) -> None:
    manager = colleague("manager")
    key = make(sign_in(manager))[1]["key"]
    page.patch(f"/api/team/members/{manager.user_id}", {"role": "rep"})
    assert code_of(ask(key)[1]) == "api_key_invalid"


def test_ended_keys_make_room_and_are_forgotten_after_a_month(page: Browser) -> None:
    for number in range(KEYS_MAX):
        make(page, name=f"Program {number}")
    now = datetime.now(UTC)
    ApiKey.objects.get_queryset().update(expires_at=now)
    assert make(page)[0] == 201
    retention.expire(now=now)
    assert len(page.get("/api/keys")[1]["items"]) == KEYS_MAX + 1
    ApiKey.objects.filter(expires_at__lte=now).update(expires_at=now - timedelta(days=30))
    retention.expire(now=now)
    assert len(page.get("/api/keys")[1]["items"]) == 1


def test_a_persons_export_names_the_keys_but_opens_nothing(page: Browser) -> None:
    key = make(page)[1]["key"]
    bundle = page.get("/api/privacy/export")[1]
    [item] = bundle["data"]["api_key"]["items"]
    assert (item["name"], item["hint"]) == ("Our CRM", key[-4:])
    assert key not in json.dumps(bundle)


def test_a_rep_makes_none_and_sees_none(colleague: Callable[[str], Membership], sign_in: SignIn) -> None:
    rep = sign_in(colleague("rep"))
    assert code_of(make(rep)[1]) == "not_permitted"
    assert code_of(rep.get("/api/keys")[1]) == "not_permitted"


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["everything"]},
        {"name": ""},
        {"name": "x" * 61},
        {"expires_in_days": 0},
        {"expires_in_days": 10_000},
        {"admin": True},
    ],
)
def test_a_key_that_says_too_little_or_too_much_is_not_made(wrong: dict[str, Any], page: Browser) -> None:
    form = {"name": "Our CRM", "scopes": ["leads:read"], "expires_in_days": None} | wrong
    status, answer = page.post("/api/keys", form)
    assert (status, code_of(answer)) == (422, "invalid_fields")
    assert page.get("/api/keys")[1]["items"] == []


def test_a_workspace_has_so_many_and_no_more(page: Browser) -> None:
    for number in range(KEYS_MAX):
        assert make(page, name=f"Program {number}")[0] == 201
    status, answer = make(page)
    assert (status, code_of(answer)) == (409, "api_keys_too_many")


def test_making_and_revoking_is_told_in_the_activity(page: Browser) -> None:
    key = make(page)[1]
    page.delete(f"/api/keys/{key['id']}")
    assert [each["action"] for each in page.get("/api/team/activity")[1]["items"]] == ["key.revoked", "key.made"]


def test_a_key_beside_a_session_is_what_counts(page: Browser) -> None:
    answer: Any = page.client.get("/api/leads", secure=True, headers={"Authorization": "Bearer klose_wrong"})
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_invalid")


def test_every_key_ends_after_a_year_if_nobody_says_otherwise(page: Browser) -> None:
    made = make(page, days=None)[1]
    lasts = datetime.fromisoformat(made["expires_at"]) - datetime.fromisoformat(made["created_at"])
    assert lasts == timedelta(days=365)


def test_whoever_made_a_key_is_told_once_that_it_ends_in_two_weeks(page: Browser, read: Mails) -> None:
    make(page, days=30)
    make(page, days=10, name="A trial")
    assert api_keys.tell_of_ends in [work for lane in LANES.values() for _, work in lane]
    now = datetime.now(UTC)
    assert [api_keys.tell_of_ends(now=now + timedelta(days=days)) for days in (15, 17, 18)] == [0, 1, 0]
    subjects = [mail["subject"] for mail in read(minutes=18 * 24 * 60)]
    assert subjects.count("An API key of yours ends soon") == 1


def test_whoever_finds_an_open_browser_makes_no_key_and_ends_no_session(page: Browser, sign_in: SignIn) -> None:
    Session.objects.update(phone_verified_at=datetime.now(UTC) - RECENT)
    [this] = page.get("/api/sessions")[1]["items"]
    for status, answer in (make(page), page.delete(f"/api/sessions/{this['id']}")):
        assert (status, code_of(answer)) == (403, "proof_not_recent")
    assert code_of(page.post("/api/session/proof", {})[1]) == "proof_missing"
    assert code_of(page.post("/api/session/proof", {"present": "wrong password"})[1]) == "password_wrong"
    assert make(page)[0] == 403
    assert page.post("/api/session/proof", {"present": PASSWORD})[0] == 204
    assert make(page)[0] == 201
    Session.objects.update(proved_at=datetime.now(UTC) - RECENT)
    assert make(page)[0] == 403
