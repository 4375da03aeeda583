"""Live calls in the order in which the meter goes through them, all of a workspace together, and how it takes the next that are due."""

from django.db import migrations, models

FORWARD = """
-- One plan per session, which follows the index over live calls however many there are: whoever reads them all and sorts them does
-- so for each batch of a tick. voice/metering.py says what it is for.
CREATE OR REPLACE FUNCTION voice_lock_due(
    asked_at timestamptz, cards uuid[], increments_s int[], after_workspace_id uuid, after_created_at timestamptz, after_id uuid,
    calls int, increments int
) RETURNS TABLE (
    workspace_id uuid, created_at timestamptz, id uuid, rate_card_id uuid, first int, until int
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT call.workspace_id, call.created_at, call.id, call.rate_card_id, call.minutes_charged,
           least(floor(extract(epoch FROM asked_at - call.answered_at)::float8 / card.increment_s)::int + 1,
                 (call.max_duration_s + card.increment_s - 1) / card.increment_s,
                 call.minutes_charged + increments)
    FROM voice_call AS call
    JOIN unnest(cards, increments_s) AS card (id, increment_s) ON card.id = call.rate_card_id
    -- The statuses that are no live ones stand here for the sake of the index, which says the same.
    WHERE call.status = 'in_progress' AND NOT (call.status IN ('completed', 'busy', 'no_answer', 'failed', 'cancelled'))
      AND call.hangup_requested_at IS NULL
      AND call.answered_at + call.minutes_charged * card.increment_s * interval '1 second' <= asked_at
      AND call.minutes_charged * card.increment_s < call.max_duration_s
      AND (call.workspace_id, call.created_at, call.id) > (after_workspace_id, after_created_at, after_id)
    ORDER BY call.workspace_id, call.created_at, call.id LIMIT calls
    FOR NO KEY UPDATE OF call SKIP LOCKED;
END $$;
"""
BACKWARD = "DROP FUNCTION voice_lock_due(timestamptz, uuid[], int[], uuid, timestamptz, uuid, int, int)"


# The other name, so that there is an index over live calls all the time, and the meter never waits for one that is being made.
INDEX = (
    "DROP INDEX CONCURRENTLY IF EXISTS call_live_by_workspace",
    """
    CREATE INDEX CONCURRENTLY call_live_by_workspace ON voice_call (workspace_id, created_at, id)
    WHERE NOT (status IN ('completed', 'busy', 'no_answer', 'failed', 'cancelled'))
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS call_live",
    "ALTER INDEX call_live_by_workspace RENAME TO call_live",
)
FORMER_INDEX = (
    "DROP INDEX CONCURRENTLY IF EXISTS call_live_by_begin",
    """
    CREATE INDEX CONCURRENTLY call_live_by_begin ON voice_call (created_at)
    WHERE NOT (status IN ('completed', 'busy', 'no_answer', 'failed', 'cancelled'))
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS call_live",
    "ALTER INDEX call_live_by_begin RENAME TO call_live",
)


class Migration(migrations.Migration):
    # Calls go on while the index is made. Each statement may run again, so that it can be stopped anywhere.
    atomic = False
    dependencies = [("voice", "0016_room_for_updates")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, FORMER_INDEX)],
            state_operations=[
                migrations.RemoveIndex("call", "call_live"),
                migrations.AddIndex(
                    "call",
                    models.Index(
                        fields=["workspace", "created_at", "id"],
                        condition=~models.Q(status__in=("completed", "busy", "no_answer", "failed", "cancelled")),
                        name="call_live",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
