"""What the API's own description promises of each answer, and requests that Schemathesis makes from it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from schemathesis import BaseSchema, Case, GenerationMode, Response, engine, openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events
from schemathesis.specs.openapi import checks

from api.app import api
from api.errors import PROBLEM_TYPE, Problem
from tests.matrix.asker import Asker
from tests.matrix.routes import Operation

ORIGIN: Final = "https://localhost"
_CONFORMS: Final = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
# How Pydantic's own sentences begin.
_FOR_PROGRAMMERS: Final = re.compile(
    r"(Input|Value|String|List|Tuple|Set|Data|Date|Datetime|Time|Field|Object|Extra|Unable|Invalid|UUID) "
)
# Who asks is not made up: everybody here is signed in.
_CONFIG: Final[dict[str, Any]] = {"generation": {"with-security-parameters": False}}


@cache
def document() -> dict[str, Any]:
    """The description as programs get it."""
    return cast(dict[str, Any], json.loads(json.dumps(api.get_openapi_schema(), default=str)))


@cache
def described() -> BaseSchema:
    return openapi.from_dict(document(), config=SchemathesisConfig.from_dict(_CONFIG))


@cache
def application() -> WSGIHandler:
    return WSGIHandler()


def details(operation: Operation) -> dict[str, Any]:
    return cast(dict[str, Any], document()["paths"][operation.path][operation.method.lower()])


def takes_something(operation: Operation) -> bool:
    return bool(details(operation)["parameters"]) or "requestBody" in details(operation)


def cases(operation: Operation) -> SearchStrategy[Case[Any]]:
    """Requests that the description allows, and requests that it forbids."""
    found = described()[operation.path][operation.method]
    allowed = found.as_strategy(generation_mode=GenerationMode.POSITIVE)
    if not takes_something(operation):
        return allowed
    return st.one_of(allowed, found.as_strategy(generation_mode=GenerationMode.NEGATIVE))


def allowed_cases(operation: Operation) -> SearchStrategy[Case[Any]]:
    return described()[operation.path][operation.method].as_strategy(generation_mode=GenerationMode.POSITIVE)


def send(case: Case[Any], browser: Asker) -> Response:
    """One request of a signed-in browser, as our own page would send it."""
    cookies = {name: morsel.value for name, morsel in browser.client.cookies.items()}
    with _one_transaction():
        return case.call(
            app=application(),
            base_url=ORIGIN,
            cookies=cookies,
            headers={"Origin": ORIGIN, "X-CSRFToken": cookies[settings.CSRF_COOKIE_NAME]},
        )


@contextmanager
def _one_transaction() -> Iterator[None]:
    """The end of a request closes no connection whose transaction the test undoes, as with Django's own client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


class Peers:
    """The application to a run of Schemathesis that asks as several: X-Who names one, whose cookies the request then has.

    asked: who asked for which path.
    """

    WHO: Final = "X-Who"

    def __init__(self, browsers: Mapping[str, Asker]) -> None:
        self._cookies = {
            who: "; ".join(f"{name}={morsel.value}" for name, morsel in browser.client.cookies.items())
            for who, browser in browsers.items()
        }
        self._application = ASGIHandler()
        self.asked: set[tuple[str, str]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        who = next((value.decode() for name, value in scope["headers"] if name == b"x-who"), "")
        self.asked.add((who, scope["path"]))
        cookies = (b"cookie", self._cookies.get(who, "").encode())
        await self._application({**scope, "headers": [*scope["headers"], cookies]}, receive, send)


def leaks_between(peers: Peers, names: list[str], folder: Path, *, examples: int) -> list[str]:
    """Runs Schemathesis' own check of object-level authorization over all that is read: what one of the peers was shown in a
    list or a page of their own, each other peer asks for too. Gives the addresses that one showed whole to another.
    """
    signed_in = folder / "peers.json"
    who = [{"name": name, "fixedHeaders": [{"name": Peers.WHO, "value": name}]} for name in names]
    signed_in.write_text(json.dumps({"auth": who}))
    config = SchemathesisConfig.from_dict(
        {
            **_CONFIG,
            "base-url": ORIGIN,
            "seed": 1,
            "workers": 1,
            "auth": {"wfc": {"path": str(signed_in), "peers": names}},
            "checks": {"enabled": False, "object_level_authorization": {"enabled": True}},
            "phases": {
                "examples": {"enabled": False},
                "coverage": {"enabled": False},
                "stateful": {"enabled": False},
                "fuzzing": {"generation": {"mode": "positive", "max-examples": examples, "deterministic": True}},
            },
        }
    )
    schema = openapi.from_dict(document(), config=config)
    schema.app = peers
    found = []
    for event in engine.from_schema(schema.include(method="GET")).execute():
        if isinstance(event, events.FatalError | events.NonFatalError):
            raise AssertionError(str(event))
        if isinstance(event, events.ScenarioFinished):
            for checked in event.recorder.checks.values():
                found += [str(one.failure_info.failure) for one in checked if one.failure_info is not None]
    return found


def text_of(answer: Response) -> str:
    return answer.content.decode()


def assess_case(case: Case[Any], operation: Operation, answer: Response, *, hidden: Iterable[str]) -> None:
    """The answer is one that is promised, in every detail that is described."""
    content_type = (answer.headers.get("content-type") or [""])[0]
    assess(operation, answer.status_code, content_type, text_of(answer), hidden=hidden)
    case.validate_response(answer, checks=_CONFORMS)


def assess(operation: Operation, status: int, content_type: str, text: str, *, hidden: Iterable[str]) -> None:
    """No failure of ours, no status or code that is not promised, every refusal a problem in plain words, no hidden word in it."""
    assert status < 500, text
    codes = _codes(operation, status)
    assert codes is not None, f"{status} is not described: {text}"
    if status >= 400:
        assert content_type == PROBLEM_TYPE
        problem = Problem.model_validate_json(text)
        assert problem.status == status
        assert problem.code in codes, f"{problem.code} is not described with {status}"
        assert problem.detail
        assert [error for error in problem.errors if _FOR_PROGRAMMERS.match(error.message)] == []
    assert [word for word in hidden if word in text] == []


def _codes(operation: Operation, status: int) -> frozenset[str] | None:
    """The codes that are described with a status of an operation; None where the status is not."""
    response = details(operation)["responses"].get(str(status))
    if response is None:
        return None
    if "$ref" in response:
        response = document()["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    return frozenset(re.findall(r"`([a-z0-9_]+)`", response["description"]))
