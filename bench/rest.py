"""What authentication costs a request, through the web process as the stack starts it.

A page of 50 leads and one lead are answered before Django's handler (decision 0015), the tags of a workspace and a lead's changed
notes by it. ours: who asks is found by the session's cookie or by an API key, within which workspace, with which role, and
nothing is read or written without that workspace; open: the same routes of the same application, which takes everybody for the
owner and looks at no workspace. Beside it Ninja as its documentation has it, with Django's own sessions and users, with and
without. Writes by cookie prove that our own page sent them. Processor time is the web process' alone; a difference is taken
between neighbours of one turn, of which the median counts. The limit is the one look-up by psycopg, without Django.
"""

import http.client
import json
import os
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
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
TURNS: Final = 7
REQUESTS: Final = 150
WARM_UP: Final = 60
LOOK_UPS: Final = 5_000


@dataclass(slots=True)
class Asked:
    """One way of asking: a server, and what is presented to it, with writes also `proof`. paths: where each route is."""

    server: Started
    connection: http.client.HTTPConnection
    headers: Mapping[str, str]
    proof: Mapping[str, str]
    paths: Mapping[str, str]

    def cpu_ms(self, route: str, requests: int) -> float:
        """The server's, for each of so many requests one after another."""
        before = self.server.cpu_s()
        for _ in range(requests):
            self._ask(route)
            response = self.connection.getresponse()
            body = response.read()
            assert response.status == 200, body[:300]
        return (self.server.cpu_s() - before) * 1_000 / requests

    def _ask(self, route: str) -> None:
        if route == WRITE:
            # What stands there already would not be written.
            body = json.dumps({"notes": f"asked for the price list, {next(_NUMBER)} times"})
            headers = {**self.headers, **self.proof, "Content-Type": "application/json"}
            self.connection.request("PATCH", self.paths[route], body=body, headers=headers)
        else:
            self.connection.request("GET", self.paths[route], headers=dict(self.headers))


@dataclass(frozen=True, slots=True)
class Member:
    """The owner of the workspace, with what proves it. csrf: what our own page repeats with each write."""

    user_id: UUID
    workspace_id: UUID
    lead_id: UUID
    cookie: str
    csrf: str
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
        figures: dict[str, dict[str, list[float]]] = {
            name: {route: [] for route in one.paths} for name, one in asked.items()
        }
        for turn in range(TURNS):
            say(f"rest: turn {turn + 1} of {TURNS}")
            for route in ROUTES:
                for name, one in asked.items():
                    if route in one.paths:
                        figures[name][route].append(one.cpu_ms(route, REQUESTS))
        return _report(figures, _look_up_ms(member))


LEAN: Final = ("list", "one")
ORDINARY: Final = "tags"
WRITE: Final = "write"
ROUTES: Final = (*LEAN, ORDINARY, WRITE)
_NUMBER: Final = count()


def _report(figures: dict[str, dict[str, list[float]]], look_up_ms: float) -> Report:
    def added(name: str, without: str) -> dict[str, float]:
        return {
            route: median(more - less for more, less in zip(turns, figures[without][route], strict=True))
            for route, turns in figures[name].items()
        }

    def cpu(name: str) -> dict[str, float]:
        return {f"{route}_cpu_ms": round(median(turns), 3) for route, turns in figures[name].items()}

    def lean(added: dict[str, float]) -> list[float]:
        return [added[route] for route in LEAN]

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
            "auth_cpu_ms": round(max(lean(session)), 3),
            "auth_cpu_ms_key": round(max(lean(key)), 3),
            "auth_cpu_ms_ordinary": round(session[ORDINARY], 3),
            "auth_cpu_ms_ordinary_key": round(key[ORDINARY], 3),
            "auth_cpu_ms_write": round(session[WRITE], 3),
            "auth_cpu_ms_write_key": round(key[WRITE], 3),
            "auth_vs_stock_ninja": round(sum(lean(session)) / sum(lean(stock)), 3),
            "auth_write_vs_stock_ninja": round(session[WRITE] / stock[WRITE], 3),
            "auth_vs_look_up_alone": round(max(lean(session)) / look_up_ms, 2),
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
        # As a browser sends them; a program sends neither.
        proof = {"Origin": settings.PUBLIC_URL, "X-CSRFToken": member.csrf} if "Cookie" in headers else {}
        return Asked(server, connection, {"Host": urlsplit(settings.PUBLIC_URL).netloc, **headers}, proof, paths)

    one = f"/leads/{member.lead_id}"
    theirs = {"list": "/leads", "one": one, WRITE: one}
    ours = {**{route: f"/api{path}" for route, path in theirs.items()}, ORDINARY: "/api/tags"}
    csrf = f"{settings.CSRF_COOKIE_NAME}={member.csrf}"
    web = serve("web", "config.asgi:application")
    stock = serve("stock", "bench.peers.rest_stock_ninja:application")
    cookie = _sign_in(stock[1])
    # Neighbours are compared, so each stands beside what it is compared with.
    return {
        "session": asking(web, {"Cookie": f"{member.cookie}; {csrf}"}, ours),
        "open": asking(serve("open", "bench.peers.rest_open:application"), {}, ours),
        "key": asking(web, {"Authorization": f"Bearer {member.key}"}, ours),
        "stock": asking(stock, {"Cookie": f"{cookie}; {csrf}"}, theirs),
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
    from django.middleware.csrf import CSRF_SECRET_LENGTH

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
    wanted = ApiKeyIn(name="Bench", scopes=["leads:read", "leads:write"], expires_in_days=None)
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
        csrf=secrets.token_hex(CSRF_SECRET_LENGTH // 2),
        key=api_keys.make(actor=actor, form=wanted, now=now).key,
    )
