"""People with a thousand calls: leads, legs, a hundred segments a call and the passages that search finds, made in sets.

Each person's calls bear a word and a beginning of every vector that stand nowhere else, so that they can be looked for in files. The
leads do not: they are the workspace's and stay.
"""

import random
import struct
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from bench.calling_rows import Seat

SEGMENTS_PER_CALL: Final = 100
_SENTENCES: Final = 500
_TAILS: Final = 500
_MARK_DIMENSIONS: Final = 4


@dataclass(frozen=True, slots=True)
class Marked:
    """A member and what marks everything of theirs. mark: the first numbers of their vectors."""

    seat: Seat
    word: str
    mark: tuple[float, ...]

    @property
    def canaries(self) -> tuple[bytes, ...]:
        """As they stand in files."""
        return self.word.encode(), struct.pack(f"<{_MARK_DIMENSIONS}f", *self.mark)


def marked(seat: Seat, word: str) -> Marked:
    chance = random.Random(word)
    return Marked(seat, word, tuple(chance.uniform(-1, 1) for _ in range(_MARK_DIMENSIONS)))


def fill(people: list[tuple[Marked, int]]) -> None:
    """Gives each of the people so many calls, all over."""
    from ai.embedding import DIMENSIONS

    chance = random.Random(6)
    vocabulary = ["".join(chance.choices("abcdefghijklmnoprstuvy", k=chance.randint(3, 9))) for _ in range(3_000)]
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE sentence (n int PRIMARY KEY, said text)")
        cursor.execute(f"CREATE TEMP TABLE tail (n int PRIMARY KEY, numbers vector({DIMENSIONS - _MARK_DIMENSIONS}))")
        for number in range(_SENTENCES):
            said = " ".join(chance.choices(vocabulary, k=chance.randint(6, 18)))
            cursor.execute("INSERT INTO sentence VALUES (%s, %s)", [number, said])
        for number in range(_TAILS):
            numbers = [round(chance.gauss(0, 0.05), 5) for _ in range(DIMENSIONS - _MARK_DIMENSIONS)]
            cursor.execute("INSERT INTO tail VALUES (%s, %s)", [number, str(numbers)])
        for person, calls in people:
            values = _values(person, calls)
            for statement in _FILL:
                cursor.execute(statement, values)
        cursor.execute("DROP TABLE sentence, tail")
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")


def _values(person: Marked, calls: int) -> dict[str, Any]:
    from ledger.models import RateCard

    return {
        "workspace": person.seat.workspace_id,
        "person": person.seat.user_id,
        "word": person.word,
        "mark": str(list(person.mark)),
        "now": datetime.now(UTC),
        "card": RateCard.objects.get(version=1).id,
        "calls": calls,
        "segments": SEGMENTS_PER_CALL,
        "sentences": _SENTENCES,
        "tails": _TAILS,
        "phone": f"+4930{random.randint(10**4, 10**5 - 1)}",
    }


def plainly_erased(user_id: UUID) -> dict[str, float]:
    """Seconds of a plain DELETE and of VACUUM FULL of the same rows in copies of their tables, which then go.

    shut_out_s: for so long whoever writes a segment of any call would wait.
    """
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA peer")
        for table, columns in _COPIED.items():
            cursor.execute(f"CREATE TABLE peer.{table} (LIKE public.{table} INCLUDING ALL)")
            cursor.execute(f"INSERT INTO peer.{table} ({columns}) SELECT {columns} FROM public.{table}")  # noqa: S608
        began = time.perf_counter()
        mine = "(SELECT id FROM peer.voice_call WHERE user_id = %s)"
        indexed = f"(SELECT id FROM peer.ai_indexedcall WHERE call_id IN {mine})"  # noqa: S608
        cursor.execute(f"DELETE FROM peer.ai_passage WHERE indexed_call_id IN {indexed}", [user_id])  # noqa: S608
        cursor.execute(f"DELETE FROM peer.ai_indexedcall WHERE call_id IN {mine}", [user_id])  # noqa: S608
        cursor.execute(f"DELETE FROM peer.voice_transcriptsegment WHERE call_id IN {mine}", [user_id])  # noqa: S608
        cursor.execute("DELETE FROM peer.voice_call WHERE user_id = %s", [user_id])
        deleted = time.perf_counter()
        shut_out_s = 0.0
        for table in _COPIED:
            before = time.perf_counter()
            cursor.execute(f"VACUUM FULL peer.{table}")
            if table == "voice_transcriptsegment":
                shut_out_s = time.perf_counter() - before
        ended = time.perf_counter()
        cursor.execute("DROP SCHEMA peer CASCADE")
    return {"delete_s": deleted - began, "vacuum_full_s": ended - deleted, "shut_out_s": shut_out_s}


_COPIED: Final = {
    "voice_call": "id, workspace_id, lead_id, user_id, idempotency_key, way, status, transcript_state, rate_card_id,"
    " created_at, ended_at, duration_s, max_duration_s, minutes_charged, charged_mcredits, analysis_state, sequence,"
    " callbacks_applied, notes",
    "voice_transcriptsegment": "id, workspace_id, call_id, sequence, kind, speaker, start_ms, end_ms, text, words,"
    " replaces, created_at",
    "ai_indexedcall": "id, workspace_id, call_id, user_id, lead_id, lead_name, company, started_at, turns,"
    " turns_digest, embedding_model, passages_digest, insights_digest, updated_at",
    "ai_passage": "id, workspace_id, indexed_call_id, user_id, lead_id, started_at, first_turn, last_turn, segment_ids,"
    " text, embedding",
}
_FILL: Final = (
    "CREATE TEMP TABLE made AS SELECT n, uuidv7() AS lead, uuidv7() AS call, uuidv7() AS indexed,"
    " %(now)s - n * interval '1 hour' AS at FROM generate_series(1, %(calls)s) AS n",
    """
    INSERT INTO voice_lead (id, workspace_id, first_name, last_name, company, phone_e164, country, time_zone, notes, created_at,
                            tags, attempts)
    SELECT lead, %(workspace)s, 'Lee', 'Lead ' || n, 'Company ' || n, %(phone)s || lpad(n::text, 5, '0'), 'DE',
           'Europe/Berlin', 'Met at the fair.', at, '{}', 0
    FROM made
    """,
    """
    INSERT INTO voice_call (id, workspace_id, lead_id, user_id, idempotency_key, way, status, transcript_state, rate_card_id,
                            created_at, answered_at, ended_at, duration_s, max_duration_s, minutes_charged, charged_mcredits,
                            settled_at, analysis_state, sequence, callbacks_applied, notes)
    SELECT call, %(workspace)s, lead, %(person)s, call::text, 'phone', 'completed', 'on', %(card)s, at, at,
           at + interval '10 minutes', 600, 14400, 0, 0, at + interval '10 minutes', 'done', %(segments)s, 0, %(word)s
    FROM made
    """,
    """
    INSERT INTO voice_callleg (id, workspace_id, call_id, role, sid, status, answered_source, ended_source)
    SELECT uuidv7(), %(workspace)s, call, role, 'CA' || replace(gen_random_uuid()::text, '-', ''), 'completed', 0, 0
    FROM made CROSS JOIN (VALUES ('agent'), ('callee')) AS leg (role)
    """,
    """
    INSERT INTO voice_transcriptsegment (id, workspace_id, call_id, sequence, kind, speaker, start_ms, end_ms, text, confidence,
                                         words, replaces, created_at)
    SELECT uuidv7(), %(workspace)s, call, turn, 'speech', CASE turn %% 2 WHEN 0 THEN 'agent' ELSE 'callee' END, turn * 5000,
           turn * 5000 + 4500, %(word)s || ' ' || said,  0.9,
           (SELECT jsonb_agg(jsonb_build_array(word, turn * 5000 + place * 300, turn * 5000 + place * 300 + 250, 0.9))
            FROM unnest(string_to_array(%(word)s || ' ' || said, ' ')) WITH ORDINALITY AS heard (word, place)), '{}', at
    FROM made CROSS JOIN generate_series(1, %(segments)s) AS turn
    JOIN sentence ON sentence.n = (made.n * 31 + turn * 17) %% %(sentences)s
    """,
    """
    INSERT INTO ai_indexedcall (id, workspace_id, call_id, user_id, lead_id, lead_name, company, started_at, turns, turns_digest,
                                embedding_model, passages_digest, insights_digest, updated_at)
    SELECT indexed, %(workspace)s, call, %(person)s, lead, 'Lee Lead ' || n, %(word)s, at,
           (SELECT jsonb_agg(jsonb_build_object('segment_id', segment.id, 'speaker', speaker, 'start_ms', start_ms,
                                                'end_ms', end_ms, 'text', text) ORDER BY sequence)
            FROM voice_transcriptsegment segment WHERE segment.call_id = made.call), 'bench', 'bench', 'bench', 'bench', at
    FROM made
    """,
    """
    INSERT INTO ai_passage (id, workspace_id, indexed_call_id, user_id, lead_id, started_at, first_turn, last_turn, segment_ids,
                            text, embedding)
    SELECT uuidv7(), %(workspace)s, indexed, %(person)s, lead, at, sequence - 1, sequence - 1, ARRAY[segment.id], text,
           %(mark)s::vector || numbers
    FROM made JOIN voice_transcriptsegment segment ON segment.call_id = made.call
    JOIN tail ON tail.n = (made.n * 13 + sequence * 7) %% %(tails)s
    """,
    "DROP TABLE made",
)
