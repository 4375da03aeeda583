"""What is refused leaves a trace with the caller's address, and no more of them than are of use."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from api import refusals
from config.management.commands.clock import LANES
from identity.access import REFUSALS_NOTED_MAX
from identity.models import AccessEvent, Membership
from processors import alerts, guessing
from processors.guessing import KINDS
from processors.models import Guesses
from tests.identity.browser import Browser
from tests.identity.conftest import SignIn
from tests.identity.teams import colleague, owner, page
from tests.sandbox_fixture import Sandbox

__all__ = ["colleague", "owner", "page"]

ADDRESS = "203.0.113.44"
GUESS = {"token": "a-guess"}
# What a stranger may try, of each kind that is counted when it is refused; forged mails have a test beside those of mails.
GUESSES: Final[dict[guessing.Kind, Callable[[Browser], tuple[int, Any]]]] = {
    "receipt": lambda browser: browser.get("/api/erasure-receipts/a-guess"),
    "nominee_link": lambda browser: browser.post("/api/nominee/press", GUESS),
    "case_link": lambda browser: browser.post("/api/request/copy", GUESS),
    "mailed_link": lambda browser: browser.post("/api/password/reset", {**GUESS, "password": "quiet lantern river"}),
    "copy_link": lambda browser: browser.get("/api/my-data/download?token=a-guess"),
    "number_code": lambda browser: browser.post("/api/my-data/session", {"number": "+37060012345", "code": "123456"}),
    "confirmation": lambda browser: browser.post(
        "/api/privacy/erasure", {"confirm": "somebody@else.example", "when": "now"}
    ),
}


def noted() -> list[tuple[str, str | None]]:
    return list(AccessEvent.objects.filter(address=ADDRESS).order_by("at").values_list("kind", "address"))


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


@pytest.mark.policy("C9.1-4")
@pytest.mark.parametrize("kind", GUESSES)
def test_who_goes_on_guessing_is_counted_and_the_operator_told_once_and_of_nobody(
    kind: guessing.Kind, page: Browser, sandbox: Sandbox, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.OPERATOR_EMAIL = f"{kind}@operator.example"
    limit, now = KINDS[kind].told_from, datetime.now(UTC)
    for _ in range(limit - 1):
        assert 400 <= GUESSES[kind](page)[0] < 500
    assert alerts.tell_of_guessing(now=now) == 0
    GUESSES[kind](page)
    row = Guesses.objects.get(kind=kind)
    assert (row.count, Guesses.objects.count()) == (limit, 1)
    assert [alerts.tell_of_guessing(now=now + timedelta(minutes=minutes)) for minutes in (0, 30, 61)] == [1, 0, 0]
    [mail] = sandbox.ask("GET", "/mails", to=settings.OPERATOR_EMAIL)
    assert f"{limit} x {KINDS[kind].what}" in mail["text"]
    assert not any(
        word in mail["text"] for word in ("198.51.100", "a-guess", "37060012345", "somebody@else", row.network_key)
    )
    assert alerts.tell_of_guessing in {work for rounds in LANES.values() for _, work in rounds}


def test_every_kind_of_guess_is_tried_here() -> None:
    assert {*GUESSES, "forged_mail"} == set(KINDS)


@pytest.mark.policy("C9.1-4")
def test_every_link_that_is_refused_counts_as_a_guess() -> None:
    links = {error for error, kind in refusals.KINDS.items() if kind == AccessEvent.LINK_REFUSED}
    assert links <= set(refusals.GUESSES)
