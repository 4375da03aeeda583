"""Going to a provider and back as a browser does."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from compliance import policy
from tests.identity.browser import Browser
from tests.sandbox_fixture import Sandbox


def meet(sandbox: Sandbox, provider: str, **said: object) -> str:
    """Somebody with an account at the provider, and what that says of the person. Returns the id."""
    person = {"provider": provider, "first_name": "Ada", "last_name": "Okafor", "email": "ada@example.com", **said}
    return str(sandbox.ask("POST", "/social/people", person)["id"])


def begin(browser: Browser, provider: str, intent: str = "sign_in", path: str | None = None) -> str:
    """The provider's address to which the page is sent."""
    status, answer = browser.post("/api/social/begin", {"provider": provider, "intent": intent, "next": path})
    assert status == 200, answer
    return str(answer["url"])


def agree(address: str, person: str) -> str:
    """Where the provider sends the browser to once the person has agreed."""
    answer = httpx.get(address, params={**dict(parse_qsl(urlsplit(address).query)), "person": person})
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def come_back(browser: Browser, address: str, **changes: str) -> tuple[str, dict[str, str]]:
    """The page that the product leads to, and what stands in its address. changes: of what the provider told."""
    parts = urlsplit(address)
    told = {**dict(parse_qsl(parts.query)), **changes}
    answer = browser.client.get(f"{parts.path}?{urlencode(told)}", secure=True)
    assert answer.status_code == 302
    page = urlsplit(answer.headers["Location"])
    assert not page.netloc
    return page.path, dict(parse_qsl(page.query))


def go_through(browser: Browser, provider: str, person: str, intent: str = "sign_in") -> tuple[str, dict[str, str]]:
    """Picks a provider, agrees there, comes back."""
    return come_back(browser, agree(begin(browser, provider, intent), person))


def rest(**changes: object) -> Mapping[str, Any]:
    """What the page asks of whoever a provider has confirmed; the e-mail counts of whom Facebook has."""
    return {
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Okafor",
        "mobile": "+1 202 555 0110",
        "sms_consent": True,
        "policy_version": policy.current_version(),
        "policy_accepted": True,
        "transfer_consent": True,
        **changes,
    }


def sign_up(browser: Browser, sandbox: Sandbox, provider: str, person: str, **changes: object) -> None:
    """All the way to a finished account and a session that is open."""
    assert go_through(browser, provider, person, "sign_up")[0] == "/sign-up/finish"
    assert browser.post("/api/social/sign-up", rest(**changes))[0] == 200
    prove_phone(browser, sandbox, str(changes.get("mobile", "+12025550110")))


def prove_phone(browser: Browser, sandbox: Sandbox, mobile: str = "+12025550110") -> None:
    assert browser.post("/api/otp/send")[0] == 200
    status, session = browser.post("/api/otp/check", {"code": sandbox.code_at(mobile)})
    assert (status, session["state"]) == (200, "signed_in"), session
