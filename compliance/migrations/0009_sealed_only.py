"""The plain columns go, and each table is written anew, so that no page of it holds a plain value any more."""

from django.db import migrations, models

from processors.sealed_fields import index_column

# Written anew without what was dropped; CLUSTER may stand in a transaction, as VACUUM FULL may not.
_ANEW = "CLUSTER {0} USING {0}_pkey; ALTER TABLE {0} SET WITHOUT CLUSTER"


class Migration(migrations.Migration):
    dependencies = [("compliance", "0008_seal_rows")]

    operations = [
        migrations.RemoveField("case", "contact_plain"),
        migrations.RemoveField("casemail", "to_plain"),
        migrations.RemoveField("request", "subject_plain"),
        migrations.AddField("case", "contact_key", index_column("contact")),
        migrations.AddConstraint(
            "request",
            models.CheckConstraint(
                condition=models.Q(("state__in", ["done", "cancelled"]), ("subject__isnull", False), _connector="OR"),
                name="request_open_has_subject",
            ),
        ),
        *(
            migrations.RunSQL(_ANEW.format(table), migrations.RunSQL.noop)
            for table in ("compliance_casemail", "compliance_request")
        ),
    ]
