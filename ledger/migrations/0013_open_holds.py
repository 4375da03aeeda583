"""What can still be charged, found without looking at every hold that ever was."""

from django.db import migrations, models

INDEX = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS ledger_hold_open",
    "CREATE INDEX CONCURRENTLY ledger_hold_open ON ledger_hold (workspace_id) WHERE state IN ('active', 'expired')",
    # It serves whoever looks for the active ones too.
    "DROP INDEX CONCURRENTLY IF EXISTS ledger_hold_active",
)
FORMER_INDEX = (
    "DROP INDEX CONCURRENTLY IF EXISTS ledger_hold_active",
    "CREATE INDEX CONCURRENTLY ledger_hold_active ON ledger_hold (workspace_id) WHERE state = 'active'",
    "DROP INDEX CONCURRENTLY IF EXISTS ledger_hold_open",
)


class Migration(migrations.Migration):
    # Calls go on while the index is made. Each statement may run again, so that it can be stopped anywhere.
    atomic = False
    dependencies = [("ledger", "0012_joined_keys")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, FORMER_INDEX)],
            state_operations=[
                migrations.RemoveIndex("hold", "ledger_hold_active"),
                migrations.AddIndex(
                    "hold",
                    models.Index(
                        fields=["workspace"],
                        condition=models.Q(state__in=("active", "expired")),
                        name="ledger_hold_open",
                    ),
                ),
            ],
        ),
    ]
