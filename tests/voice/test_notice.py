"""The notice, as the carrier plays it: only who heard it to its end and pressed nothing has a transcript.

Planted bugs that this catches: "#" left to the carrier as the key that finishes, which cuts the words and is told as no key; an address
that the carrier asks once only, so that a moment without the database drops the lead.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.signals import connection_created
from pytest_django.live_server_helper import LiveServer

from identity.models import Membership
from tests.sandbox_fixture import Sandbox
from tests.voice.carrier import give_credit
from tests.voice.test_outage import dialled, fresh, until
from voice.models import Call

pytestmark = pytest.mark.django_db(transaction=True)
LEAD = "+12025550189"


@pytest.fixture
def member(make_account: Callable[..., Membership], live_server: LiveServer, settings: Any) -> Membership:
    settings.PUBLIC_URL = live_server.url
    member = make_account()
    give_credit(member, 100_000)
    return member


def called(member: Membership, sandbox: Sandbox, *, keys: str = "") -> Call:
    """A call whose lead has gone through the notice. keys: pressed in it, before the words have ended."""
    if keys:
        sandbox.ask("POST", f"/phones/{LEAD}", {"behaviour": "press", "digits": keys})
    call = dialled(member, LEAD)
    until(lambda: fresh(call).transcript_state != "waiting_for_notice")
    return fresh(call)


@pytest.mark.parametrize(("keys", "becomes"), [("", "on"), ("#", "refused"), ("*", "refused")])
def test_any_key_in_the_notice_refuses_the_transcript(
    member: Membership, sandbox: Sandbox, keys: str, becomes: str
) -> None:
    assert called(member, sandbox, keys=keys).transcript_state == becomes


@contextmanager
def away_when_stored(kind: str) -> Iterator[list[str]]:
    """The database is away for the first callback of this kind, on whatever connection it is stored; yields which were met."""
    met: list[str] = []
    made: list[Any] = []

    def away(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        if "INSERT" in sql and "voice_callback" in sql and kind in str(params) and not met:
            met.append(kind)
            raise OperationalError("the connection is lost")
        return execute(sql, params, many, context)

    def watch(connection: Any, **_: object) -> None:
        connection.execute_wrappers.append(away)
        made.append(connection)

    connection_created.connect(watch)
    try:
        yield met
    finally:
        connection_created.disconnect(watch)
        for each in made:
            each.execute_wrappers.remove(away)


@pytest.mark.parametrize(("keys", "becomes"), [("", "on"), ("1", "refused")])
def test_a_moment_without_the_database_drops_no_lead_at_the_end_of_the_notice(
    member: Membership, sandbox: Sandbox, keys: str, becomes: str
) -> None:
    with away_when_stored("played") as met:
        call = called(member, sandbox, keys=keys)
    assert (met, call.transcript_state) == (["played"], becomes)
    (lead,) = sandbox.ask("GET", "/calls", to=LEAD)

    def told() -> list[str]:
        """How each delivery of the callback ended; the carrier writes it down after our answer."""
        deliveries = sandbox.ask("GET", "/deliveries", subject=lead["sid"])
        return [each["outcome"] for each in deliveries if "played" in each["event"]]

    until(lambda: len(told()) > 1)
    assert sorted(told()) == ["200", "503"]
    # The dialogue that is spoken once the two are joined.
    until(lambda: bool(sandbox.ask("GET", f"/calls/{lead['sid']}")["note"]))
