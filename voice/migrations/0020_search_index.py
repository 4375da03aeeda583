"""The text of the leads that are there already, and the index of trigrams that searches use: beside everybody's work."""

import django.contrib.postgres.indexes
from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

# So many that nobody who changes one of them waits for long.
AT_ONCE = 1_000
INDEX = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS lead_search",
    "CREATE INDEX CONCURRENTLY lead_search ON voice_lead USING gin (search_text gin_trgm_ops)",
)


def write_texts(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Those that have none yet, so that it may be stopped and run again. Who is erased has none."""
    leads = apps.get_model("voice", "Lead").objects.filter(search_text="", phone_e164__isnull=False)
    last = None
    while True:
        rows = (leads if last is None else leads.filter(id__gt=last)).order_by("id")
        ids = list(rows.values_list("id", flat=True)[:AT_ONCE])
        if not ids:
            return
        # The trigger writes what belongs there.
        leads.filter(id__in=ids).update(search_text="")
        last = ids[-1]


class Migration(migrations.Migration):
    # Each batch is a transaction of its own, and the index is made while others write. All of it may run again.
    atomic = False
    dependencies = [("voice", "0019_search_text")]
    operations = [
        # Trusted, so that a database's owner may make it. A superuser may have made it before, and other tables may use it: it stays.
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS pg_trgm", migrations.RunSQL.noop),
        migrations.RunPython(write_texts, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS lead_search")],
            state_operations=[
                migrations.AddIndex(
                    "lead",
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["search_text"], opclasses=["gin_trgm_ops"], name="lead_search"
                    ),
                ),
            ],
        ),
    ]
