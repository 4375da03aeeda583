"""The questions whose term is over, found without looking at all others."""

from django.db import migrations, models

INDEX = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS ai_query_age",
    "CREATE INDEX CONCURRENTLY ai_query_age ON ai_aiquery (asked_at)",
)


class Migration(migrations.Migration):
    # People ask while the index is made. It may run again.
    atomic = False
    dependencies = [("ai", "0003_questions_about_a_lead")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS ai_query_age")],
            state_operations=[migrations.AddIndex("aiquery", models.Index(fields=["asked_at"], name="ai_query_age"))],
        ),
    ]
