"""What is refused leaves a trace with the caller's address, and no more of them than are of use."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from identity.access import REFUSALS_NOTED_MAX
from identity.models import AccessEvent, Membership
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, owner, page

__all__ = ["colleague", "owner", "page"]

ADDRESS = "203.0.113.44"


def noted() -> list[tuple[str, str | None]]:
    return list(AccessEvent.objects.filter(address=ADDRESS).values_list("kind", "address"))


def program(path: str, body: object = None, **headers: str) -> Any:
    return Client(enforce_csrf_checks=True, REMOTE_ADDR=ADDRESS).generic(
        "GET" if body is None else "POST",
        path,
        b"" if body is None else json.dumps(body),
        content_type="application/json",
        secure=True,
        headers=headers,
    )


def test_a_key_that_is_none_is_noted(transactional_db: None) -> None:
    assert program("/api/leads", Authorization="Bearer klose_nothing").status_code == 401
    assert noted() == [("key_refused", ADDRESS)]


@pytest.mark.parametrize("path", ["/twilio/messages", "/twilio/browser", "/paddle/webhook"])
def test_a_forged_webhook_is_noted(path: str, transactional_db: None) -> None:
    assert program(path, {}).status_code == 403
    assert noted() == [("webhook_forged", ADDRESS)]


def test_a_forged_page_and_a_forged_link_are_noted(transactional_db: None) -> None:
    assert program("/api/signout", {}).status_code == 403
    assert Browser(ADDRESS).post("/api/password/reset", {"token": "x:y", "password": "quiet lantern river"})[0] == 410
    assert noted() == [("page_forged", ADDRESS), ("link_refused", ADDRESS)]


def test_a_right_that_is_missing_and_what_is_not_theirs_are_noted_with_the_person(
    page: Browser, colleague: Any, sign_in: SignIn
) -> None:
    rep: Membership = colleague("rep")
    browser = sign_in(rep, ADDRESS)
    AccessEvent.objects.all().delete()
    assert browser.get("/api/keys")[0] == 403
    assert browser.get(f"/api/leads/{uuid4()}")[0] == 404
    kinds = AccessEvent.objects.order_by("at").values_list("kind", "user_id", "address")
    assert list(kinds) == [("right_refused", rep.user_id, ADDRESS), ("not_there", rep.user_id, ADDRESS)]


def test_too_many_links_are_noted_as_throttled(transactional_db: None) -> None:
    for _ in range(4):
        Browser(ADDRESS).post("/api/password/forgot", {"email": "ada@example.com"})
    assert noted()[-1] == ("throttled", ADDRESS)


def test_whoever_goes_on_is_not_noted_for_ever(transactional_db: None) -> None:
    for _ in range(REFUSALS_NOTED_MAX + 5):
        program("/api/leads", Authorization="Bearer klose_nothing")
    assert len(noted()) == REFUSALS_NOTED_MAX
