"""The statement's export: 1,000 and 100,000 entries as CSV through the product's own web process.

Beside it the usual export in Django, which reads all rows and answers with one string, in a web process of its own; the
limit is PostgreSQL's COPY of the same columns. Ours also names the lead and the member of each row. Memory is the process'
peak (VmHWM) less what it held before, so that what was imported does not count. Rates are rows per second of the clock.
"""

import http.client
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import psycopg
from uuid_utils.compat import uuid7

from bench import services
from bench.machine import SERVER_CORES, Started, forget_peak, free_port, listens, memory_mib, start
from bench.report import Report, environment, say

ROWS: Final = (1_000, 100_000)
TURNS: Final = 3
CALLS: Final = 1_000
PAGES: Final = 15


def run() -> Report:
    say("statement: starting PostgreSQL and Valkey")
    with services.running() as folder, ExitStack() as undo:
        workspaces = {rows: _workspace(rows) for rows in ROWS}
        ours = _serve("ours", "config.asgi:application", folder, undo)
        peer = _serve("list", "bench.peers.statement_list:application", folder, undo)
        figures: dict[str, dict[int, dict[str, float]]] = {"ours": {}, "list": {}, "copy": {}}
        for rows, (workspace_id, cookie) in workspaces.items():
            say(f"statement: {rows} entries, {TURNS} turns")
            figures["ours"][rows] = _measure(ours, "/api/credits/statement.csv", cookie, rows)
            figures["ours"][rows] |= _pages(ours[1], cookie, rows)
            figures["list"][rows] = _measure(peer, f"/{workspace_id}", cookie, rows)
            figures["copy"][rows] = _copied(workspace_id, rows)
        few, many = ROWS

        def ratio(figure: str, other: str) -> float:
            return round(figures["ours"][many][figure] / figures[other][many][figure], 3)

        return Report(
            name="statement",
            ours=_named(figures["ours"]),
            peers={"list": _named(figures["list"])},
            limit={"program": "COPY TO STDOUT", **_named(figures["copy"])},
            ratios={
                "memory_100k_vs_1k": round(figures["ours"][many]["peak_mib"] / figures["ours"][few]["peak_mib"], 3),
                "memory_vs_list": round(figures["ours"][many]["grown_mib"] / figures["list"][many]["grown_mib"], 3),
                "first_byte_vs_list": ratio("first_byte_ms", "list"),
                "rate_vs_list": ratio("rows_per_s", "list"),
                "rate_vs_copy": ratio("rows_per_s", "copy"),
            },
            environment=environment("django", "django-ninja", "daphne", "psycopg"),
        )


def _named(figures: dict[int, dict[str, float]]) -> dict[str, Any]:
    return {str(rows): {name: round(value, 2) for name, value in each.items()} for rows, each in figures.items()}


def _serve(name: str, application: str, folder: Path, undo: ExitStack) -> tuple[Started, int]:
    port = free_port()
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0", application]
    server = start(command, log=folder / f"{name}.log", ready=lambda: listens(port), cores=SERVER_CORES)
    undo.callback(server.stop)
    return server, port


def _measure(served: tuple[Started, int], path: str, cookie: str, rows: int) -> dict[str, float]:
    """The best turn's rate and first byte, and the memory of the worst."""
    server, port = served
    _fetch(port, path, cookie)
    before, peak, best_s, first_ms = memory_mib(server.process.pid, "VmRSS"), 0.0, float("inf"), float("inf")
    for _ in range(TURNS):
        forget_peak(server.process.pid)
        lines, taken_s, first_s = _fetch(port, path, cookie)
        assert abs(lines - rows) <= 1, f"{lines} lines for {rows} entries"
        best_s, first_ms = min(best_s, taken_s), min(first_ms, first_s * 1_000)
        peak = max(peak, memory_mib(server.process.pid, "VmHWM"))
    grown = max(0.1, peak - before)
    return {"rows_per_s": rows / best_s, "first_byte_ms": first_ms, "peak_mib": peak, "grown_mib": grown}


def _pages(port: int, cookie: str, rows: int) -> dict[str, float]:
    """Milliseconds of a page of 50, the median of some: the newest, an hour from the middle, one member's newest."""
    middle = datetime.now(UTC) - timedelta(seconds=rows / 2)
    an_hour = urlencode({"since": middle.isoformat(), "until": (middle + timedelta(hours=1)).isoformat()})
    asked = {"newest": "", "an_hour": an_hour, "a_member": urlencode({"user_id": _member(cookie)})}
    found = {}
    for name, query in asked.items():
        taken = sorted(_fetch(port, f"/api/credits/statement?{query}", cookie)[1] for _ in range(PAGES))
        found[f"page_{name}_ms"] = taken[PAGES // 2] * 1_000
    return found


def _member(cookie: str) -> str:
    from identity.sessions import SessionStore

    row = SessionStore(cookie.partition("=")[2]).row
    assert row is not None
    return str(row.user_id)


def _fetch(port: int, path: str, cookie: str) -> tuple[int, float, float]:
    """Lines, seconds to the last and to the first byte."""
    from django.conf import settings

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    began = time.perf_counter()
    headers = {"Cookie": cookie, "Host": urlsplit(settings.PUBLIC_URL).netloc}
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert response.status == 200, response.read()[:300]
    lines, first_s = 0, 0.0
    while part := response.read1(65_536):
        first_s = first_s or time.perf_counter() - began
        lines += part.count(b"\n")
    connection.close()
    return lines, time.perf_counter() - began, first_s


def _copied(workspace_id: UUID, rows: int) -> dict[str, float]:
    from django.conf import settings

    query = (
        "COPY (SELECT occurred_at, kind, effect_mcredits, balance_after_mcredits, reference FROM ledger_entry"
        " WHERE workspace_id = %s ORDER BY sequence DESC) TO STDOUT CSV"
    )
    best_s = float("inf")
    with psycopg.connect(settings.DATABASE_URL) as connection:
        for _ in range(TURNS):
            began = time.perf_counter()
            with connection.cursor().copy(query, [workspace_id]) as copy:
                for _ in copy:
                    pass
            best_s = min(best_s, time.perf_counter() - began)
    return {"rows_per_s": rows / best_s}


def _workspace(entries: int) -> tuple[UUID, str]:
    """A workspace that bought once and spent the rest on some calls, and the cookie of its owner."""
    from django.conf import settings
    from django.db import connection

    from identity.access import Client
    from identity.models import Membership, User, Workspace
    from identity.sessions import SessionStore
    from ledger import operations
    from ledger.models import Account
    from voice.models import Call, Lead

    now = datetime.now(UTC)
    workspace = Workspace.objects.create(name="Bench", created_at=now)
    user = User.objects.create(
        email=f"{uuid7().hex}@example.com",
        first_name="Bea",
        last_name="Bench",
        mobile_e164="+12025550100",
        created_at=now,
    )
    member = Membership.objects.get_queryset().create(workspace=workspace, user=user, role="owner", created_at=now)
    session = SessionStore()
    session.begin(user=user, membership=member, client=Client(address="127.0.0.1", agent="bench"), now=now)
    assert session.phone_verified(now=now)
    lead = Lead.objects.get_queryset().create(
        workspace=workspace, first_name="Lee", last_name="Lead", phone_e164="+12025550199", created_at=now
    )
    Call.objects.bulk_create(
        Call(
            workspace=workspace,
            lead=lead,
            user=user,
            idempotency_key=str(number),
            status="completed",
            rate_card_id=uuid7(),
            created_at=now,
            ended_at=now,
            max_duration_s=60,
        )
        for number in range(CALLS)
    )
    operations.open_workspace(workspace_id=workspace.id, now=now)
    accounts = dict(Account.objects.filter(workspace=workspace).values_list("kind", "id"))
    sales = Account.objects.get(workspace=None, kind="sales").id
    with connection.cursor() as cursor:
        cursor.execute(_FILL, [workspace.id, workspace.id, now, entries, entries, accounts["held"], sales])
    return workspace.id, f"{settings.SESSION_COOKIE_NAME}={session.session_key}"


# Balanced entries with their postings in one statement, as the triggers want them. The accounts' balances are not kept:
# nothing here asks for them.
_FILL = """
WITH call AS (
    SELECT id, row_number() OVER () - 1 AS number FROM voice_call WHERE workspace_id = %s
), entry AS (
    INSERT INTO ledger_entry (id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits,
                              balance_after_mcredits, occurred_at)
    SELECT gen_random_uuid(), %s, n, 'charge', 'call:' || call.id, n / 1000, NULL, -1000, 1000000000 - n * 1000,
           %s - (%s - n) * interval '1 second'
    FROM generate_series(1, %s) AS n JOIN call ON call.number = n %% 1000
    RETURNING id
)
INSERT INTO ledger_posting (entry_id, account_id, side, amount_mcredits)
SELECT entry.id, side.account, side.name, 1000
FROM entry CROSS JOIN (VALUES (%s::uuid, 'debit'), (%s::uuid, 'credit')) AS side (account, name)
"""
