"""How much one caller and one address may ask: of whatever web process, whoever they say they are."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from api.app import api
from config import limits
from config.limits import CALLERS_AT_AN_ADDRESS, Buckets, Limited
from identity.models import AccessEvent

A_MINUTE = 30
Answer = tuple[int, dict[str, str], Any]


class Web:
    """The limits in front of an application that answers everything, and a clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._limited = Limited(self._everything, clock=lambda: self.now)

    async def _everything(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    def ask(
        self, path: str = "/api/leads", *, method: str = "GET", peer: str = "203.0.113.9", **headers: str
    ) -> Answer:
        told: list[Mapping[str, Any]] = []

        async def send(message: Mapping[str, Any]) -> None:
            told.append(message)

        async def story() -> None:
            raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
            scope = {"type": "http", "method": method, "path": path, "headers": raw, "client": (peer, 1)}
            await self._limited(scope, None, send)
            await asyncio.gather(*self._limited._noting)

        asyncio.run(story())
        said = {name.decode(): value.decode() for name, value in told[0]["headers"]}
        return told[0]["status"], said, json.loads(told[1]["body"])

    def statuses(self, count: int, **asked: Any) -> list[int]:
        return [self.ask(**asked)[0] for _ in range(count)]


@pytest.fixture
def web(settings: Any, transactional_db: None) -> Web:
    settings.REQUESTS_PER_MINUTE_MAX = A_MINUTE
    return Web()


def session(mark: str) -> str:
    return f"__Host-csrf=x; __Host-session={mark * 43}"


def test_whoever_takes_everything_is_told_when_to_go_on(web: Web) -> None:
    assert web.statuses(A_MINUTE, cookie=session("a")) == [200] * A_MINUTE
    status, headers, problem = web.ask(cookie=session("a"))
    assert (status, problem["code"], headers["retry-after"]) == (429, "requests_throttled", "2")
    assert headers["content-type"] == "application/problem+json" and headers["cache-control"] == "no-store"
    web.now += 2
    assert web.statuses(2, cookie=session("a")) == [200, 429]


def test_another_person_at_the_same_address_goes_on(web: Web) -> None:
    web.statuses(A_MINUTE + 1, cookie=session("a"))
    assert web.ask(cookie=session("b"))[0] == 200
    assert web.ask(authorization="Bearer klose_" + "k" * 43)[0] == 200


def test_who_makes_up_sessions_is_stopped_by_the_address(web: Web) -> None:
    whole = A_MINUTE * CALLERS_AT_AN_ADDRESS
    answers = [web.ask(cookie=f"__Host-session={n:043d}")[0] for n in range(whole + 5)]
    assert answers == [200] * whole + [429] * 5
    assert web.ask(peer="203.0.113.10")[0] == 200


def test_a_key_is_counted_wherever_it_is_used_from(web: Web) -> None:
    key = "Bearer klose_" + "k" * 43
    answers = [web.ask(peer=f"203.0.113.{n}", authorization=key)[0] for n in range(A_MINUTE + 1)]
    assert answers[-2:] == [200, 429]


@pytest.mark.parametrize(
    "shown",
    [{"authorization": "x{n}"}, {"cookie": "not__Host-session={n:043d}"}, {"cookie": "__Host-session={n:043d}"}],
    ids=["no key", "a cookie of another name", "the same name once more"],
)
def test_nothing_made_up_beside_a_session_counts_for_another(web: Web, shown: dict[str, str]) -> None:
    def asked(number: int) -> dict[str, str]:
        made_up = {name: value.format(n=number) for name, value in shown.items()}
        return {**made_up, "cookie": "; ".join([*filter(None, [made_up.get("cookie")]), session("a")])}

    answers = [web.ask(**asked(number))[0] for number in range(A_MINUTE + 1)]
    assert answers[-2:] == [200, 429]


@pytest.mark.parametrize(
    "written", ['"' + "\\141" * 43 + '"', "\xa0" + "a" * 43 + "\xa0"], ids=["in quotes", "in spaces"]
)
def test_a_session_that_is_written_otherwise_counts_as_the_same(web: Web, written: str) -> None:
    web.statuses(A_MINUTE, cookie=session("a"))
    assert web.ask(cookie=f"__Host-session={written}")[0] == 429


def test_no_made_up_key_or_session_uses_up_what_an_address_has(web: Web) -> None:
    for shown in ({"authorization": "Bearer 203.0.113.10"}, {"cookie": "__Host-session=203.0.113.10"}):
        web.statuses(A_MINUTE + 1, **shown)
    assert set(web.statuses(A_MINUTE * CALLERS_AT_AN_ADDRESS, peer="203.0.113.10")) == {200}


def test_an_export_counts_as_many_reads(web: Web, settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE_MAX = 150
    assert web.statuses(3, path="/api/privacy/export", cookie=session("a")) == [200, 200, 429]


def test_a_question_counts_as_ten_reads_and_their_list_as_one(web: Web) -> None:
    asked = {"path": "/api/questions", "cookie": session("a")}
    assert web.statuses(4, method="POST", **asked) == [200, 200, 200, 429]
    web.now += 60
    assert set(web.statuses(A_MINUTE, **asked)) == {200}


def test_what_counts_as_many_is_there() -> None:
    described = api.get_openapi_schema()["paths"]
    assert [key for key in limits.COSTS if key[0].lower() not in described.get(key[1], ())] == []


def test_where_little_is_allowed_an_export_takes_all_of_it(web: Web) -> None:
    assert web.statuses(2, path="/api/privacy/export", cookie=session("a")) == [200, 429]
    web.now += 60
    assert web.ask(path="/api/privacy/export", cookie=session("a"))[0] == 200


def test_a_proxys_word_is_taken_and_a_strangers_is_not(web: Web, settings: Any) -> None:
    settings.NUM_PROXIES = 1
    whole = A_MINUTE * CALLERS_AT_AN_ADDRESS
    forged = [web.ask(peer="127.0.0.1", x_forwarded_for=f"192.0.2.{n}, 198.51.100.9")[0] for n in range(whole + 1)]
    assert forged[-2:] == [200, 429]
    assert web.ask(peer="127.0.0.1", x_forwarded_for="198.51.100.10")[0] == 200


@pytest.mark.parametrize(
    "forwarded",
    ["127.0.0.1", "::1", "unknown", ""],
    ids=["this machine", "this machine by IPv6", "no address", "nothing"],
)
def test_whomever_a_proxy_names_is_not_this_machine(web: Web, settings: Any, forwarded: str) -> None:
    settings.NUM_PROXIES = 1
    whole = A_MINUTE * CALLERS_AT_AN_ADDRESS
    assert web.statuses(whole + 1, peer="127.0.0.1", x_forwarded_for=forwarded)[-2:] == [200, 429]


@pytest.mark.parametrize(
    "asked",
    [{"peer": "127.0.0.1"}, {"peer": "::1"}, {"path": "/twilio/voice/x/status"}, {"path": "/paddle/webhook"}],
    ids=["this machine", "this machine by IPv6", "the carrier", "the seller"],
)
def test_this_machine_and_signed_messages_are_not_limited(web: Web, asked: dict[str, str]) -> None:
    assert set(web.statuses(A_MINUTE * CALLERS_AT_AN_ADDRESS + 5, **asked)) == {200}


def test_the_refusal_is_noted_once_a_minute_with_the_address(web: Web) -> None:
    web.statuses(A_MINUTE + 10, cookie=session("a"))
    assert list(AccessEvent.objects.values_list("kind", "address")) == [("throttled", "203.0.113.9")]


def test_strangers_who_make_up_sessions_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BUCKETS_MAX", 100)
    buckets = Buckets()
    steady = buckets.of(b"steady", full=5, now=0)
    steady.left = 0
    for number in range(1_000):
        buckets.of(b"%d" % number, full=5, now=0)
        assert buckets.of(b"steady", full=5, now=0) is steady
    assert len(buckets) <= 200


def test_without_a_limit_nothing_is_counted(web: Web, settings: Any) -> None:
    settings.REQUESTS_PER_MINUTE_MAX = 0
    assert set(web.statuses(A_MINUTE * CALLERS_AT_AN_ADDRESS + 5, cookie=session("a"))) == {200}
