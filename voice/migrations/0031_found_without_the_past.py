"""What a round of the clock looks for, found however many calls there were: calls that ended lately, those whose text ends with
its term, and streams that go on."""

from django.db import migrations, models

_OVER = "status IN ('completed', 'busy', 'no_answer', 'failed', 'cancelled')"
INDEXES = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS call_ended",
    f"CREATE INDEX CONCURRENTLY call_ended ON voice_call (ended_at) WHERE {_OVER}",
    "DROP INDEX CONCURRENTLY IF EXISTS stream_connected",
    "CREATE INDEX CONCURRENTLY stream_connected ON voice_mediastream (call_id) WHERE state = 'connected'",
    # Under another name first, so that there is one all the time.
    "DROP INDEX CONCURRENTLY IF EXISTS call_with_text",
    f"""
    CREATE INDEX CONCURRENTLY call_with_text ON voice_call (ended_at)
    WHERE {_OVER} AND NOT (transcript_state IN ('off', 'expired'))
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS call_text_kept",
    "ALTER INDEX call_with_text RENAME TO call_text_kept",
)
FORMER_INDEXES = (
    "DROP INDEX CONCURRENTLY IF EXISTS call_not_expired",
    f"""
    CREATE INDEX CONCURRENTLY call_not_expired ON voice_call (ended_at)
    WHERE {_OVER} AND NOT (transcript_state = 'expired')
    """,
    "DROP INDEX CONCURRENTLY IF EXISTS call_text_kept",
    "ALTER INDEX call_not_expired RENAME TO call_text_kept",
    "DROP INDEX CONCURRENTLY IF EXISTS stream_connected",
    "DROP INDEX CONCURRENTLY IF EXISTS call_ended",
)
OVER = models.Q(status__in=("completed", "busy", "no_answer", "failed", "cancelled"))


class Migration(migrations.Migration):
    # Calls go on while the indexes are made. Each statement may run again, so that it can be stopped anywhere.
    atomic = False
    dependencies = [("voice", "0030_shown_words")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEXES, FORMER_INDEXES)],
            state_operations=[
                migrations.AddIndex("call", models.Index(fields=["ended_at"], condition=OVER, name="call_ended")),
                migrations.RemoveIndex("call", "call_text_kept"),
                migrations.AddIndex(
                    "call",
                    models.Index(
                        fields=["ended_at"],
                        condition=OVER & ~models.Q(transcript_state__in=("off", "expired")),
                        name="call_text_kept",
                    ),
                ),
                migrations.AddIndex(
                    "mediastream",
                    models.Index(
                        fields=["call"], condition=models.Q(state="connected"), name="stream_connected"
                    ),
                ),
            ],
        ),
    ]
