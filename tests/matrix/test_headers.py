"""What every answer tells the browser: what it may load, that nobody may frame it, that nothing personal is kept.

Planted once to see this fail: no-store only for GET (121 tests turned red).
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Final

import httpx
import pytest
from django.test import Client
from picows import ws_create_server
from uuid_utils.compat import uuid7

from config.live_server import LiveServer
from config.media_server import MediaServer
from tests.matrix.asker import Asker, Reply
from tests.matrix.doors import PLAIN_URLS
from tests.matrix.expectations import EXPECTATIONS
from tests.matrix.routes import Operation
from tests.matrix.test_routes import OPERATIONS, filled
from tests.matrix.world import World
from voice.media_socket import Sockets

pytestmark = pytest.mark.django_db
YEAR_S: Final = 365 * 24 * 3600
# The one page that loads what is not ours.
CHECKOUT: Final = "/credits/checkout"


@pytest.fixture(autouse=True)
def _reached_by_tls(settings: Any) -> None:
    settings.PUBLIC_URL = "https://sales.example"


def directives(headers: Mapping[str, str]) -> dict[str, str]:
    parts = [part.strip().partition(" ") for part in headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


def keeps_the_promises(headers: Mapping[str, str], *, own_scripts_alone: bool = True) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"] == f"max-age={YEAR_S}; includeSubDomains"
    policy = directives(headers)
    assert policy["frame-ancestors"] == "'none'"
    assert policy["default-src"] in ("'self'", "'none'")
    if policy["default-src"] == "'self'":
        assert (policy["object-src"], policy["base-uri"], policy["form-action"]) == ("'none'", "'none'", "'self'")
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert (policy["script-src"] == "'self'") is own_scripts_alone
    # Nobody else's page may read an answer.
    assert [name for name in headers if name.lower().startswith("access-control-")] == []
    kind = headers.get("Content-Type", "")
    assert not kind.startswith("text/") or "charset=utf-8" in kind


@pytest.mark.policy("C9.1-4")
@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.operation_id)
def test_every_answer_of_the_api_is_kept_by_nobody_and_shown_nowhere_else(world: World, operation: Operation) -> None:
    owner, expected = world.people["owner"], EXPECTATIONS[operation.operation_id]
    address = operation.url({name: owner.things[thing] for name, thing in expected.names.items()})
    body = None if expected.body is None else filled(world, expected.body, "owner")
    browser = world.browser_of("owner")
    answers = [
        browser.ask(operation.method, address, body, with_csrf=False),
        browser.ask(operation.method, address, body),
        Asker().ask(operation.method, address, body),
        Asker().ask("PROPFIND", address),
    ]
    for answer in answers:
        keeps_the_promises(answer.headers)
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.policy("C9.1-4")
@pytest.mark.parametrize("path", PLAIN_URLS)
def test_every_other_address_keeps_the_same_promises(world: World, path: str) -> None:
    address = _address(path)
    for method in ("GET", "POST"):
        keeps_the_promises(Asker().ask(method, address).headers)


def test_only_the_page_that_sells_loads_what_is_not_ours() -> None:
    keeps_the_promises(Asker().ask("GET", CHECKOUT).headers, own_scripts_alone=False)
    keeps_the_promises(Asker().ask("GET", "/credits").headers)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/", "/calls/1", "/healthz", "/readyz"])
def test_pages_are_only_read(path: str, method: str) -> None:
    assert Asker().ask(method, path).status == 405


def test_the_servers_of_sockets_keep_them_too() -> None:
    async def answers() -> list[Reply]:
        found = []
        for server in (LiveServer(), MediaServer(Sockets())):
            served = await ws_create_server(server.answer, "127.0.0.1", 0)
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.sockets[0].getsockname()[1]}") as client:
                for path in ("/healthz", "/readyz", "/nothing", "/ws/", "/twilio/media/"):
                    answer = await client.get(path)
                    found.append(Reply(answer.status_code, answer.text, answer.headers))
            served.close()
        return found

    replies = asyncio.run(answers())
    assert [reply.status for reply in replies] == [200, 503, 404, 403, 404, 200, 503, 404, 404, 403]
    for reply in replies:
        keeps_the_promises(reply.headers)
        assert reply.headers["Cache-Control"] == "no-store"


def _address(path: str) -> str:
    """A place that a path of the URL configuration matches; of the two that are expressions, any."""
    if path.startswith("^"):
        return "/api/nothing" if "api/" in path[:6] else "/calls"
    return "/" + path.replace("<uuid:call_id>", str(uuid7())).replace("<uuid:stream_id>", str(uuid7()))


def test_only_where_browsers_call_may_pages_speak_with_twilio(settings: Any) -> None:
    signalling = "wss://*.twilio.com"
    for address in ("/call", CHECKOUT):
        assert signalling in directives(Asker().ask("GET", address).headers)["connect-src"].split()
    settings.TWILIO_TWIML_APP_SID = ""
    assert "twilio" not in Asker().ask("GET", "/call").headers["Content-Security-Policy"]


def test_what_is_missing_is_told_on_this_machine_alone(settings: Any) -> None:
    settings.REDIS_URLS = ["unix:///nowhere.sock"]
    here, elsewhere = (Client(REMOTE_ADDR=address).get("/readyz") for address in ("127.0.0.1", "203.0.113.9"))
    assert (here.status_code, here.json()) == (503, {"status": "waiting", "missing": ["channels"]})
    assert (elsewhere.status_code, elsewhere.json()) == (503, {"status": "waiting"})
    passed_on = Client(REMOTE_ADDR="127.0.0.1").get("/readyz", headers={"X-Forwarded-For": "127.0.0.1"})
    assert passed_on.json() == {"status": "waiting"}
    # Whoever asks again and again makes it look no more often than once a second.
    settings.REDIS_URLS = [settings.REDIS_URL]
    assert Client(REMOTE_ADDR="203.0.113.10").get("/readyz").status_code == 503
    assert Client().get("/readyz").status_code == 200


def test_what_the_build_names_by_its_content_is_sent_compressed_and_kept_for_good() -> None:
    page = Client().get("/sign-in", secure=True).content.decode()
    script, style = (re.findall(f'"(/assets/index-[^"]+{ending})"', page)[0] for ending in ("js", "css"))
    for address in (script, style):
        for encoding in ("br", "gzip"):
            answer = Client().get(address, secure=True, headers={"Accept-Encoding": encoding})
            assert (answer.status_code, answer["Content-Encoding"]) == (200, encoding)
            assert (answer["Vary"], "immutable" in answer["Cache-Control"]) == ("Accept-Encoding", True)
            assert "Access-Control-Allow-Origin" not in answer
