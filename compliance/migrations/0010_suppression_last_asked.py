from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("compliance", "0009_sealed_only")]

    operations = [
        migrations.AddField("suppression", "last_asked_at", models.DateTimeField(null=True)),
        migrations.RunSQL(
            "UPDATE compliance_suppression SET last_asked_at = created_at", migrations.RunSQL.noop
        ),
        migrations.AlterField("suppression", "last_asked_at", models.DateTimeField(db_default=Now())),
        migrations.RemoveIndex("suppression", "suppression_created"),
        migrations.AddIndex("suppression", models.Index(fields=["last_asked_at"], name="suppression_last_asked")),
        migrations.AddIndex(
            "suppression",
            models.Index(
                condition=models.Q(("lifted_at__isnull", False)), fields=["number_key"], name="suppression_lifted"
            ),
        ),
    ]
