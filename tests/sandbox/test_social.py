"""The pretended Google and Facebook: who is sent where, and what a code and a token are good for."""

import os
from typing import Any

import httpx
import pytest

from tests.sandbox_fixture import Sandbox, sandbox, sandbox_process

__all__ = ["sandbox", "sandbox_process"]

GOOGLE = {
    "client_id": os.environ["SANDBOX_GOOGLE_CLIENT_ID"],
    "redirect_uri": os.environ["SANDBOX_GOOGLE_REDIRECT_URI"],
}
SECRET = os.environ["SANDBOX_GOOGLE_CLIENT_SECRET"]
GWEN = "104729000000000000001"


def agreed(sandbox: Sandbox, **changes: str) -> httpx.Response:
    return httpx.get(f"{sandbox.url}/o/oauth2/auth", params={**GOOGLE, "state": "s", "person": GWEN, **changes})


def exchanged(sandbox: Sandbox, code: str, **changes: str) -> tuple[int, Any]:
    body = {"grant_type": "authorization_code", "code": code, "client_secret": SECRET, **GOOGLE, **changes}
    answer = httpx.post(f"{sandbox.url}/o/oauth2/token", data=body)
    return answer.status_code, answer.json()


def code_of(answer: httpx.Response) -> str:
    return httpx.URL(answer.headers["location"]).params["code"]


def test_a_browser_is_sent_back_only_to_where_the_client_is_registered(sandbox: Sandbox) -> None:
    assert agreed(sandbox).headers["location"].startswith(GOOGLE["redirect_uri"] + "?code=")
    for wrong in ({"redirect_uri": "https://evil.example/"}, {"client_id": "another"}):
        answer = agreed(sandbox, **wrong)
        assert answer.status_code == 400 and "location" not in answer.headers


def test_a_code_is_good_once_and_for_its_client_alone(sandbox: Sandbox) -> None:
    code = code_of(agreed(sandbox))
    assert exchanged(sandbox, code, client_secret="another")[1]["error"] == "invalid_client"
    status, told = exchanged(sandbox, code)
    assert (status, told["token_type"]) == (200, "Bearer")
    assert exchanged(sandbox, code) == (400, {"error": "invalid_grant", "error_description": "Malformed auth code."})
    who = httpx.get(
        f"{sandbox.url}/oauth2/v3/userinfo", headers={"Authorization": f"Bearer {told['access_token']}"}
    ).json()
    assert (who["sub"], who["email"], who["email_verified"]) == (GWEN, "gwen.gray@example.com", True)
    assert httpx.get(f"{sandbox.url}/oauth2/v3/userinfo").status_code == 401


def test_a_provider_lies_on_demand(sandbox: Sandbox) -> None:
    sandbox.ask("POST", "/social/people", {"id": GWEN, "email_verified": False, "extra_fields": 20})
    _, told = exchanged(sandbox, code_of(agreed(sandbox)))
    bearer = {"Authorization": f"Bearer {told['access_token']}"}
    who = httpx.get(f"{sandbox.url}/oauth2/v3/userinfo", headers=bearer).json()
    assert who["email_verified"] is False and len([name for name in who if name.startswith("extra_")]) == 20
    assert 'aria-pressed="true"' in httpx.get(f"{sandbox.url}/").text
    with pytest.raises(httpx.HTTPStatusError):
        sandbox.ask("POST", "/social/people", {"id": GWEN, "extra_fields": "many"})


def test_a_person_typed_on_the_page_gets_an_account_there(sandbox: Sandbox) -> None:
    typed = {"first_name": "<b>Nia</b>", "last_name": "New", "email": "nia@example.com"}
    answer = httpx.get(f"{sandbox.url}/o/oauth2/auth", params={**GOOGLE, "state": "s", **typed})
    assert answer.status_code == 302
    page = httpx.get(f"{sandbox.url}/o/oauth2/auth", params={**GOOGLE, "state": "s"}).text
    assert "&lt;b&gt;Nia&lt;/b&gt; New" in page and "<b>Nia" not in page
