"""Whatever the API refuses, it refuses in one form: RFC 9457 problem details with a stable code."""

import json
import logging
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path as at

from config.logs import JsonLines
from tests.matrix.routes import operations

CALL = "01a21120-cca3-7342-b553-9b182624e9c9"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "PROPFIND")


def problem_of(response: Any, status: int) -> str:
    assert (response.status_code, response.headers["Content-Type"]) == (status, "application/problem+json")
    body = json.loads(response.content)
    assert body["status"] == status
    assert body["title"] != "The request failed"
    assert body["detail"]
    return str(body["code"])


def paths() -> dict[str, set[str]]:
    """Every path of the API, an identifier in each of its places, and the methods that it has."""
    found: dict[str, set[str]] = {}
    for operation in operations():
        path = "/api" + operation.path.removeprefix("/api")
        while "{" in path:
            before, _, rest = path.partition("{")
            path = before + CALL + rest.partition("}")[2]
        found.setdefault(path, set()).add(operation.method)
    return found


@pytest.mark.django_db
def test_a_method_that_an_address_does_not_have_is_a_problem_that_names_those_it_has() -> None:
    # One for all: each new one looks through the built pages.
    known, client = paths(), Client()
    assert len(known) > 20
    for path, methods in known.items():
        for method in sorted(set(METHODS) - methods - {"HEAD"}):
            response = client.generic(method, path)
            assert problem_of(response, 405) == "method_not_allowed", (method, path)
            assert {one.strip() for one in response.headers["Allow"].split(",")} == methods


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/nothing", "/api/", "/api/calls/not-an-id", "/api/../etc", "/api/leads%00"])
def test_an_address_that_is_nowhere_is_a_problem(path: str) -> None:
    response = Client().get(path)
    assert response.status_code in (401, 404, 422)
    problem_of(response, response.status_code)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[]", "application/json"),
        (b"a=1", "application/x-www-form-urlencoded"),
        (b"--", "multipart/form-data; boundary=x"),
        (b"--", "multipart/form-data"),
        (b"", "text/plain"),
        ("a=1".encode("utf-16"), "application/x-www-form-urlencoded; charset=utf-16"),
        (b"[" * 100_000, "application/json"),
        (b'"' + b"x" * 2_000_000 + b'"', "application/json"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(body: bytes, content_type: str) -> None:
    response = Client().generic("POST", "/api/signin", body, content_type=content_type)
    assert 400 <= response.status_code < 500
    problem_of(response, response.status_code)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/paddle/webhook", 405, "method_not_allowed"),
        ("POST", "/paddle/elsewhere", 404, "not_found"),
        ("POST", "/twilio/voice/not-a-call/agent", 404, "not_found"),
        ("POST", "/twilio/media/", 404, "not_found"),
    ],
)
def test_a_carrier_or_seller_that_errs_is_told_as_a_problem_too(method: str, path: str, status: int, code: str) -> None:
    assert problem_of(Client().generic(method, path), status) == code


@pytest.mark.parametrize("host", ["evil.example", "a b", "evil.example:80@localhost", "[evil"])
@pytest.mark.parametrize("path", ["/api/session", "/healthz", "/", "/twilio/voice/x/status"])
def test_a_host_that_is_not_ours_is_refused_without_an_error_and_without_its_name_in_the_log(
    path: str, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = Client().get(path, headers={"Host": host})
    assert problem_of(response, 400) == "host_unknown"
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == ["WARNING"]
    assert "evil" not in caplog.text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status", "named"),
    [
        ("POST", "/api/password/reset", 422, {"route": "api/password/reset", "method": "POST"}),
        ("GET", f"/api/calls/{CALL}/receipt", 401, {"route": "api/calls/<call_id>/receipt", "method": "GET"}),
        ("ADA", f"/api/calls/{CALL}/receipt", 405, {"route": "api/calls/<call_id>/receipt", "method": "OTHER"}),
    ],
)
def test_a_refusal_is_logged_with_its_route_and_never_with_what_was_asked_for_in_it(
    method: str, path: str, status: int, named: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    problem_of(Client().generic(method, path + "?name=brobdingnag", b"{}", content_type="application/json"), status)
    (line,) = (JsonLines().format(record) for record in caplog.records if record.name == "django.request")
    assert json.loads(line).items() >= {"status_code": status, **named}.items()
    assert not any(word in line for word in (CALL, "brobdingnag", "ADA"))


@pytest.mark.django_db
def test_what_is_wrong_with_a_field_and_a_page_that_is_shut_are_said_in_plain_words() -> None:
    def refused(body: object) -> dict[str, str]:
        answer = Client().post("/api/my-data/session", body, content_type="application/json")
        return {error["field"]: error["message"] for error in answer.json()["errors"]}

    assert refused({"number": "+1", "code": "12"}) == {"code": "This is too short: at least 6 characters."}
    assert refused({"number": "+1", "a": 1}) == {"code": "This is missing.", "a": "There is no such field here."}
    assert Client().get("/api/my-data").json()["title"] == "Prove your number first"


def fails(request: HttpRequest) -> HttpResponse:
    raise ValueError("brobdingnag")


urlpatterns = [at("api/fails", fails), at("paddle/fails", fails)]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("address", ["/api/fails", "/paddle/fails"])
def test_what_fails_unexpectedly_tells_no_more_than_that_it_did(address: str) -> None:
    answer = Client(raise_request_exception=False).get(address)
    assert answer.json() == {
        "type": "/problems/internal_error",
        "title": "The request failed",
        "status": 500,
        "code": "internal_error",
        "detail": "Something failed on our side. Nothing was changed; try again.",
    }


def test_no_address_leaves_the_built_pages_or_lists_what_is_in_them() -> None:
    client = Client()
    page = client.get("/").content
    for address in (
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/..%2fpyproject.toml",
        "/pyproject.toml",
        "/assets",
        "/index.html/..",
    ):
        assert client.get(address).content == page, address
    for address in ("/assets/", "/assets/../../pyproject.toml", "/assets/%2e%2e/%2e%2e/pyproject.toml"):
        assert client.get(address).status_code == 404, address


@pytest.mark.django_db
def test_a_program_that_comes_without_tls_is_answered_and_not_sent_elsewhere(settings: Any) -> None:
    settings.PUBLIC_URL = "https://sales.example"
    client = Client()
    for address in ("/api/session", "/api/nothing", "/twilio/messages", "/paddle/webhook", "/healthz"):
        assert not 300 <= client.get(address, secure=False).status_code < 400, address
