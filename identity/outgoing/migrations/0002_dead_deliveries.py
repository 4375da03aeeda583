"""The deliveries that were given up, found without looking at all others."""

from django.db import migrations, models

INDEX = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS delivery_dead",
    "CREATE INDEX CONCURRENTLY delivery_dead ON outgoing_delivery (gives_up_at) WHERE state = 'dead'",
)


class Migration(migrations.Migration):
    # Calls are told of while the index is made. It may run again.
    atomic = False
    dependencies = [("outgoing", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS delivery_dead")],
            state_operations=[migrations.AddIndex("delivery", models.Index(fields=["gives_up_at"], condition=models.Q(state="dead"), name="delivery_dead"))],
        ),
    ]
