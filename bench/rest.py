"""What authentication costs a request: a page of 50 leads and one lead, through the web process as the stack starts it.

ours: who asks is found by the session's cookie or by an API key, within which workspace, with which role, and nothing is read
without that workspace; open: the same routes of the same application, which takes everybody for the owner and looks at no
workspace. Beside it Ninja as its documentation has it, with Django's own sessions and users, with and without. Processor time
is the web process' alone; a difference is taken between neighbours of one turn, of which the median counts. The limit is the
one look-up by psycopg, without Django.
"""

import http.client
import os
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from bench import services
from bench.machine import SERVER_CORES, Started, free_port, listens, start
from bench.report import Report, environment, say
from config.embedded.processes import daphne

LEADS: Final = 500
TURNS: Final = 5
REQUESTS: Final = 150
WARM_UP: Final = 60
LOOK_UPS: Final = 5_000


@dataclass(slots=True)
class Asked:
    """One way of asking: a server, and what is presented to it."""

    server: Started
    connection: http.client.HTTPConnection
    headers: Mapping[str, str]
    paths: Mapping[str, str]

    def cpu_ms(self, route: str, requests: int) -> float:
        """The server's, for each of so many requests one after another."""
        before = self.server.cpu_s()
        for _ in range(requests):
            self.connection.request("GET", self.paths[route], headers=dict(self.headers))
            response = self.connection.getresponse()
            body = response.read()
            assert response.status == 200, body[:300]
        return (self.server.cpu_s() - before) * 1_000 / requests


@dataclass(frozen=True, slots=True)
class Member:
    """The owner of the workspace, with what proves it."""

    user_id: UUID
    workspace_id: UUID
    lead_id: UUID
    cookie: str
    key: str


def run() -> Report:
    say("rest: starting PostgreSQL and Valkey")
    with services.running() as folder, ExitStack() as undo:
        member = _member()
        os.environ["BENCH_USER_ID"], os.environ["BENCH_WORKSPACE_ID"] = str(member.user_id), str(member.workspace_id)
        asked = _asked(member, folder, undo)
        for one in asked.values():
            for route in one.paths:
                one.cpu_ms(route, WARM_UP)
        figures: dict[str, dict[str, list[float]]] = {name: {route: [] for route in ROUTES} for name in asked}
        for turn in range(TURNS):
            say(f"rest: turn {turn + 1} of {TURNS}")
            for route in ROUTES:
                for name, one in asked.items():
                    figures[name][route].append(one.cpu_ms(route, REQUESTS))
        return _report(figures, _look_up_ms(member))


ROUTES: Final = ("list", "one")


def _report(figures: dict[str, dict[str, list[float]]], look_up_ms: float) -> Report:
    def added(name: str, without: str) -> dict[str, float]:
        return {
            route: median(more - less for more, less in zip(figures[name][route], figures[without][route], strict=True))
            for route in ROUTES
        }

    def cpu(name: str) -> dict[str, float]:
        return {f"{route}_cpu_ms": round(median(figures[name][route]), 3) for route in ROUTES}

    def named(figures: dict[str, float]) -> dict[str, float]:
        return {f"{route}_auth_cpu_ms": round(value, 3) for route, value in figures.items()}

    session, key, stock = added("session", "open"), added("key", "open"), added("stock", "stock_open")
    return Report(
        name="rest",
        ours={
            "session": {**cpu("session"), **named(session)},
            "key": {**cpu("key"), **named(key)},
            "open": cpu("open"),
        },
        peers={"stock_ninja": {**cpu("stock"), **named(stock)}, "stock_ninja_open": cpu("stock_open")},
        limit={"program": "psycopg, the look-up of a session alone", "cpu_ms": round(look_up_ms, 3)},
        ratios={
            "auth_cpu_ms": round(max(session.values()), 3),
            "auth_cpu_ms_key": round(max(key.values()), 3),
            "auth_vs_stock_ninja": round(sum(session.values()) / sum(stock.values()), 3),
            "auth_vs_look_up_alone": round(max(session.values()) / look_up_ms, 2),
        },
        environment=environment("django", "django-ninja", "daphne", "psycopg"),
    )


def _asked(member: Member, folder: Path, undo: ExitStack) -> dict[str, Asked]:
    from django.conf import settings

    def serve(name: str, application: str) -> tuple[Started, int]:
        port = free_port()
        command = daphne("127.0.0.1", port, application)
        server = start(command, log=folder / f"{name}.log", ready=lambda: listens(port), cores=SERVER_CORES)
        undo.callback(server.stop)
        return server, port

    def asking(served: tuple[Started, int], headers: Mapping[str, str], paths: Mapping[str, str]) -> Asked:
        server, port = served
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        undo.callback(connection.close)
        return Asked(server, connection, {"Host": urlsplit(settings.PUBLIC_URL).netloc, **headers}, paths)

    ours = {"list": "/api/leads", "one": f"/api/leads/{member.lead_id}"}
    theirs = {"list": "/leads", "one": f"/leads/{member.lead_id}"}
    web = serve("web", "config.asgi:application")
    stock = serve("stock", "bench.peers.rest_stock_ninja:application")
    cookie = _sign_in(stock[1])
    # Neighbours are compared, so each stands beside what it is compared with.
    return {
        "session": asking(web, {"Cookie": member.cookie}, ours),
        "open": asking(serve("open", "bench.peers.rest_open:application"), {}, ours),
        "key": asking(web, {"Authorization": f"Bearer {member.key}"}, ours),
        "stock": asking(stock, {"Cookie": cookie}, theirs),
        "stock_open": asking(stock, {}, {route: f"/open{path}" for route, path in theirs.items()}),
    }


def _sign_in(port: int) -> str:
    """At the peer; gives the cookie of Django's own session."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/sign-in")
    response = connection.getresponse()
    assert response.status == 200, response.read()[:300]
    cookies = [cookie.partition(";")[0] for cookie in response.headers.get_all("Set-Cookie") or ()]
    connection.close()
    return next(cookie for cookie in cookies if cookie.startswith("sessionid="))


def _look_up_ms(member: Member) -> float:
    from django.conf import settings

    from identity.sessions import digest

    query = (
        "SELECT session.id, session.user_id, member.workspace_id, member.role FROM identity_session AS session"
        " JOIN identity_membership AS member ON member.id = session.membership_id"
        " JOIN identity_user AS person ON person.id = session.user_id"
        " WHERE session.key_digest = %s AND session.expires_at > %s AND person.is_active"
    )
    key = digest(member.cookie.partition("=")[2])
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        return _cpu_ms(lambda: connection.execute(query, [key, datetime.now(UTC)]).fetchone(), LOOK_UPS)


def _cpu_ms(act: Callable[[], Any], times: int) -> float:
    assert act()
    before = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - before) * 1_000 / times


def _member() -> Member:
    """An owner who has signed in and has a key, in a workspace with some pages of leads."""
    from django.conf import settings

    from identity import api_keys
    from identity.access import Client
    from identity.auth import actor_of_session
    from identity.models import Membership, User, Workspace
    from identity.schemas import ApiKeyIn
    from identity.sessions import SessionStore
    from voice.models import Lead

    now = datetime.now(UTC)
    workspace = Workspace.objects.create(name="Bench", created_at=now)
    user = User.objects.create(
        email="bea@example.com",
        first_name="Bea",
        last_name="Bench",
        mobile_e164="+12025550100",
        mobile_verified_at=now,
        created_at=now,
    )
    member = Membership.objects.get_queryset().create(workspace=workspace, user=user, role="owner", created_at=now)
    session = SessionStore()
    session.begin(user=user, membership=member, client=Client(address="127.0.0.1", agent="bench"), now=now)
    assert session.phone_verified(now=now)
    actor = actor_of_session(session)
    assert actor is not None
    wanted = ApiKeyIn(name="Bench", scopes=["leads:read"], expires_in_days=None)
    leads = Lead.objects.bulk_create(
        Lead(
            workspace=workspace,
            first_name="Lee",
            last_name=f"Lead {number}",
            company="Harbour Sales",
            phone_e164=f"+1202555{number:04d}",
            notes="asked for the price list",
            created_at=now,
        )
        for number in range(LEADS)
    )
    return Member(
        user_id=user.id,
        workspace_id=workspace.id,
        lead_id=leads[LEADS // 2].id,
        cookie=f"{settings.SESSION_COOKIE_NAME}={session.session_key}",
        key=api_keys.make(actor=actor, form=wanted, now=now).key,
    )
