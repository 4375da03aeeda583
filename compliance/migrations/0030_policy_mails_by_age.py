"""The mails of a version whose term is over, found without looking at all others."""

from django.db import migrations, models

INDEX = (
    # One that was not finished is of no use, and in the way.
    "DROP INDEX CONCURRENTLY IF EXISTS policy_mail_age",
    "CREATE INDEX CONCURRENTLY policy_mail_age ON compliance_policymail (created_at)",
)


class Migration(migrations.Migration):
    # Mails are sent while the index is made. It may run again.
    atomic = False
    dependencies = [("compliance", "0029_held_as_it_was")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS policy_mail_age")],
            state_operations=[migrations.AddIndex("policymail", models.Index(fields=["created_at"], name="policy_mail_age"))],
        ),
    ]
