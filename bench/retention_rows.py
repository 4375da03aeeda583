"""Ten million segments of the last 180 days, made in sets, and the same rows where whole partitions could be dropped."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from django.db import connection

from bench.calling_rows import Seat

WORKSPACES: Final = 10
CALLS: Final = 100_000
SEGMENTS_PER_CALL: Final = 100
DAYS: Final = 180
CALLS_PER_DAY: Final = CALLS // DAYS
# Besides the days that end, so many calls are found by search; to fill that for all would take an hour.
FOUND_CALLS: Final = 3_000
_LOT: Final = 5_000
_SENTENCES: Final = 500


def fill(url: str, seats: Sequence[Seat], found_days: int) -> None:
    """All calls, the oldest first, with their segments; passages of the oldest days and of some others.

    url: of a role that may leave out the checks of foreign keys, which all hold.
    """
    from ai.embedding import DIMENSIONS
    from ledger.models import RateCard

    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "workspaces": [seat.workspace_id for seat in seats],
        "people": [seat.user_id for seat in seats],
        "card": RateCard.objects.get(version=1).id,
        "segments": SEGMENTS_PER_CALL,
        "sentences": _SENTENCES,
        "calls": CALLS,
        "dimensions": DIMENSIONS,
        "found": found_days * CALLS_PER_DAY + FOUND_CALLS,
        "days": DAYS,
        # The oldest is kept for another hour.
        "oldest": now - timedelta(days=DAYS) + timedelta(hours=1),
    }
    with psycopg.connect(url, autocommit=True) as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("SET synchronous_commit = off")
        cursor.execute("SET maintenance_work_mem = '512MB'")
        for statement in _PREPARE:
            cursor.execute(statement, values if "%(" in statement else None)
        for first in range(1, CALLS + 1, _LOT):
            for statement in _FILL:
                cursor.execute(statement, {**values, "first": first, "last": min(CALLS, first + _LOT - 1)})
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")


def end_days(days: int) -> int:
    """So many of the oldest days are over their term from now on; returns how many calls."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE voice_call SET ended_at = ended_at - interval '200 days' WHERE id IN (SELECT id FROM voice_call"
            " WHERE status = 'completed' AND transcript_state <> 'expired' ORDER BY ended_at LIMIT %s)",
            [days * CALLS_PER_DAY],
        )
        return int(cursor.rowcount)


def left(since: datetime) -> int:
    """Segments of calls that ended before then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM voice_transcriptsegment WHERE call_id IN (SELECT id FROM voice_call WHERE ended_at < %s)",
            [since],
        )
        return int(cursor.fetchone()[0])


def row_by_row(calls: int) -> dict[str, float]:
    """Segments and passages of so many of the oldest calls, each with a statement and a commit of its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM voice_call WHERE transcript_state <> 'expired' AND status = 'completed' ORDER BY ended_at LIMIT %s",
            [calls],
        )
        ids = [row[0] for row in cursor.fetchall()]
        passages = _ids(
            cursor,
            "SELECT p.id FROM ai_passage p JOIN ai_indexedcall i ON i.id = p.indexed_call_id WHERE i.call_id = ANY(%s)",
            ids,
        )
        segments = _ids(cursor, "SELECT id FROM voice_transcriptsegment WHERE call_id = ANY(%s)", ids)
        began = time.perf_counter()
        for passage in passages:
            cursor.execute("DELETE FROM ai_passage WHERE id = %s", [passage])
        for segment in segments:
            cursor.execute("DELETE FROM voice_transcriptsegment WHERE id = %s", [segment])
        seconds = time.perf_counter() - began
    return {"segments": len(segments), "passages": len(passages), "seconds": seconds}


def dropped_partition(calls: int) -> dict[str, float]:
    """The segments of so many calls in a partition of their own, which is dropped; another holds as many."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA peer")
        cursor.execute(
            "CREATE TABLE peer.segment (LIKE voice_transcriptsegment INCLUDING DEFAULTS) PARTITION BY RANGE (created_at)"
        )
        cursor.execute(
            "SELECT ended_at FROM voice_call WHERE transcript_state <> 'expired' ORDER BY ended_at OFFSET %s LIMIT 1",
            [calls],
        )
        (until,) = cursor.fetchone()
        cursor.execute("CREATE TABLE peer.old PARTITION OF peer.segment FOR VALUES FROM (MINVALUE) TO (%s)", [until])
        cursor.execute("CREATE TABLE peer.new PARTITION OF peer.segment FOR VALUES FROM (%s) TO (MAXVALUE)", [until])
        cursor.execute("CREATE INDEX ON peer.segment (call_id, sequence)")
        cursor.execute("CREATE INDEX ON peer.segment (id)")
        cursor.execute(
            "INSERT INTO peer.segment SELECT s.* FROM voice_transcriptsegment s WHERE s.call_id IN"
            " (SELECT id FROM voice_call WHERE transcript_state <> 'expired' ORDER BY ended_at LIMIT %s)",
            [2 * calls],
        )
        cursor.execute("SELECT count(*) FROM peer.old")
        held = cursor.fetchone()[0]
        began = time.perf_counter()
        cursor.execute("DROP TABLE peer.old")
        seconds = time.perf_counter() - began
        cursor.execute("DROP SCHEMA peer CASCADE")
    return {"segments": held, "seconds": seconds}


def _ids(cursor: Any, query: str, calls: list[UUID]) -> list[UUID]:
    cursor.execute(query, [calls])
    return [row[0] for row in cursor.fetchall()]


_PREPARE: Final = (
    """
    CREATE TEMP TABLE sentence AS
    SELECT n, string_agg(substr(md5(n::text || word::text), 1, 3 + word %% 6), ' ') AS said
    FROM generate_series(0, %(sentences)s - 1) AS n CROSS JOIN generate_series(1, 14) AS word
    WHERE word <= 6 + n %% 9 GROUP BY n
    """,
    "CREATE UNIQUE INDEX ON sentence (n)",
    """
    CREATE TEMP TABLE vector_of AS
    SELECT n, (SELECT array_agg(round((sin(n * place) * 0.07)::numeric, 5)::real ORDER BY place)::vector AS numbers
               FROM generate_series(1, %(dimensions)s) AS place)
    FROM generate_series(0, %(sentences)s - 1) AS n
    """,
    "CREATE UNIQUE INDEX ON vector_of (n)",
    """
    CREATE TEMP TABLE made AS
    SELECT n, uuidv7() AS lead, uuidv7() AS call, uuidv7() AS indexed,
           (%(workspaces)s::uuid[])[1 + n %% cardinality(%(workspaces)s::uuid[])] AS workspace,
           (%(people)s::uuid[])[1 + n %% cardinality(%(people)s::uuid[])] AS person,
           %(oldest)s + (n - 1) * (interval '1 day' * %(days)s / %(calls)s) AS at
    FROM generate_series(1, %(calls)s) AS n
    """,
    "CREATE UNIQUE INDEX ON made (n)",
    "ANALYZE made",
)
_FILL: Final = (
    """
    INSERT INTO voice_lead (id, workspace_id, first_name, last_name, company, phone_e164, country, time_zone, notes, created_at,
                            tags, attempts)
    SELECT lead, workspace, 'Lee', 'Lead ' || n, 'Company ' || n, '+4930' || lpad(n::text, 8, '0'), 'DE', 'Europe/Berlin', '', at,
           '{}', 0
    FROM made WHERE n BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO voice_call (id, workspace_id, lead_id, user_id, idempotency_key, way, status, transcript_state, rate_card_id,
                            created_at, answered_at, ended_at, duration_s, max_duration_s, minutes_charged, charged_mcredits,
                            settled_at, analysis_state, sequence, callbacks_applied, notes)
    SELECT call, workspace, lead, person, call::text, 'phone', 'completed', 'on', %(card)s, at, at, at, 600, 14400, 0, 0, at, 'done',
           %(segments)s, 0, ''
    FROM made WHERE n BETWEEN %(first)s AND %(last)s
    """,
    """
    INSERT INTO voice_transcriptsegment (id, workspace_id, call_id, sequence, kind, speaker, start_ms, end_ms, text, confidence,
                                         words, replaces, created_at)
    SELECT uuidv7(), workspace, call, turn, 'speech', CASE turn %% 2 WHEN 0 THEN 'agent' ELSE 'callee' END, turn * 5000,
           turn * 5000 + 4500, said, 0.9, '[]', '{}', at
    FROM (SELECT * FROM made WHERE n BETWEEN %(first)s AND %(last)s ORDER BY n) AS made CROSS JOIN generate_series(1, %(segments)s) AS turn
    JOIN sentence ON sentence.n = (made.n * 31 + turn * 17) %% %(sentences)s
    """,
    """
    INSERT INTO ai_indexedcall (id, workspace_id, call_id, user_id, lead_id, lead_name, company, started_at, turns, turns_digest,
                                embedding_model, passages_digest, insights_digest, updated_at)
    SELECT indexed, workspace, call, person, lead, 'Lee Lead ' || n, '', at,
           (SELECT jsonb_agg(jsonb_build_object('segment_id', segment.id, 'speaker', speaker, 'start_ms', start_ms,
                                                'end_ms', end_ms, 'text', text) ORDER BY sequence)
            FROM voice_transcriptsegment segment WHERE segment.call_id = made.call), 'bench', 'bench', 'bench', 'bench', at
    FROM made WHERE n BETWEEN %(first)s AND %(last)s AND n <= %(found)s
    """,
    """
    INSERT INTO ai_passage (id, workspace_id, indexed_call_id, user_id, lead_id, started_at, first_turn, last_turn, segment_ids,
                            text, embedding)
    SELECT uuidv7(), workspace, indexed, person, lead, at, sequence - 1, sequence - 1, ARRAY[segment.id], text, numbers
    FROM made JOIN voice_transcriptsegment segment ON segment.call_id = made.call
    JOIN vector_of ON vector_of.n = (made.n * 13 + sequence * 7) %% %(sentences)s
    WHERE made.n BETWEEN %(first)s AND %(last)s AND made.n <= %(found)s
    """,
)
