"""Whatever the API refuses, it refuses in one form: RFC 9457 problem details with a stable code."""

import json
import logging
from typing import Any

import pytest
from django.test import Client

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
