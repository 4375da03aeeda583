"""What PostgreSQL keeps beside the rows forgets the plain values too: its statistics quoted them, and sessions that were changed
left their old rows behind. The way back has nothing to undo."""

from django.db import migrations


class Migration(migrations.Migration):
    # VACUUM runs in no transaction.
    atomic = False
    dependencies = [
        ("identity", "0011_sealed_only"),
        ("staff", "0005_sealed_only"),
        ("compliance", "0009_sealed_only"),
    ]

    operations = [
        migrations.RunSQL(
            ["VACUUM (FULL, ANALYZE) identity_session", "VACUUM (FULL) pg_catalog.pg_statistic"], migrations.RunSQL.noop
        )
    ]
