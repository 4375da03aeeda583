"""The meter's minute tick over many live calls, beside a bare insert of the rows that it wrote.

`python -m bench.ticks speed TURNS | memory` on calls that are there already; the result is one line of JSON.
"""

import json
import os
import resource
import sys
import time
from datetime import timedelta
from statistics import median
from typing import Any

import django
import psycopg

# As the meter commits, so does the insert.
ROWS_AT_ONCE = 500
_COPIES = """
DROP TABLE IF EXISTS bench_entry, bench_posting;
CREATE TABLE bench_entry (LIKE ledger_entry INCLUDING ALL);
CREATE TABLE bench_posting (LIKE ledger_posting INCLUDING ALL);
"""
_ENTRIES = """
INSERT INTO bench_entry (id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits, balance_after_mcredits,
                         occurred_at)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::text[], %s::text[], %s::int[], %s::text[], %s::bigint[],
                     %s::bigint[], %s::timestamptz[])
"""
_POSTINGS = """
INSERT INTO bench_posting (entry_id, account_id, side, amount_mcredits)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::bigint[])
"""
_WRITTEN_ENTRIES = """
SELECT id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits, balance_after_mcredits, occurred_at
FROM ledger_entry WHERE kind = 'charge' AND ordinal = %s ORDER BY id
"""
_WRITTEN_POSTINGS = """
SELECT entry_id, account_id, side, amount_mcredits
FROM ledger_posting AS posting JOIN ledger_entry AS entry ON entry.id = entry_id
WHERE kind = 'charge' AND ordinal = %s ORDER BY entry_id, account_id
"""


def speed(turns: int) -> dict[str, Any]:
    """Seconds of one tick and of the bare insert, by turns; the fastest plan of each is known before the first counts."""
    from bench.live_calls import ANSWERED
    from voice import metering

    ticks, inserts, charged = [], [], 0
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(_COPIES)
        for minute in range(turns + 1):
            began = time.perf_counter()
            charged = metering.charge_due_minutes(now=ANSWERED + timedelta(minutes=minute))
            ticks.append(time.perf_counter() - began)
            entries = connection.execute(_WRITTEN_ENTRIES, [minute]).fetchall()
            postings = connection.execute(_WRITTEN_POSTINGS, [minute]).fetchall()
            assert charged == len(entries) > 0, "the tick charged each call once"
            inserts.append(_insert(connection, entries, postings))
    return {
        "calls": charged,
        "tick_s": round(median(ticks[1:]), 4),
        "insert_s": round(median(inserts[1:]), 4),
        "ticks_s": [round(each, 4) for each in ticks],
        "inserts_s": [round(each, 4) for each in inserts],
    }


def _insert(connection: psycopg.Connection, entries: list[Any], postings: list[Any]) -> float:
    """In as many transactions as the meter needs, each with all of its rows in two prepared statements."""
    pieces = -(-len(entries) // ROWS_AT_ONCE)
    per_piece = -(-len(postings) // pieces)
    began = time.perf_counter()
    for piece in range(pieces):
        with connection.transaction():
            some = entries[piece * ROWS_AT_ONCE : (piece + 1) * ROWS_AT_ONCE]
            connection.execute(_ENTRIES, [list(column) for column in zip(*some, strict=True)], prepare=True)
            some = postings[piece * per_piece : (piece + 1) * per_piece]
            connection.execute(_POSTINGS, [list(column) for column in zip(*some, strict=True)], prepare=True)
    return time.perf_counter() - began


def memory() -> dict[str, Any]:
    """Peak memory of this process in MB: before the first tick, and after ticks that charge every call twice."""
    from bench.live_calls import ANSWERED
    from voice import metering

    metering.charge_due_minutes(now=ANSWERED - timedelta(seconds=1))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    charged = 0
    for minute in range(2):
        now = ANSWERED + timedelta(minutes=minute)
        charged += metering.charge_due_minutes(now=now)
        metering.keep_holds(now=now)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"charged": charged, "before_mb": round(before / 1024, 1), "peak_mb": round(after / 1024, 1)}


if __name__ == "__main__":
    django.setup()
    print(json.dumps(speed(int(sys.argv[2])) if sys.argv[1] == "speed" else memory()), flush=True)
