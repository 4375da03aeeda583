"""Room for sealed addresses and subjects beside the plain ones; the next two migrations fill it and empty those."""

from django.db import migrations, models

from processors.sealed_fields import SealedField, SealedJSONField


class Migration(migrations.Migration):
    dependencies = [("compliance", "0006_breaches")]

    operations = [
        migrations.RemoveConstraint("request", "request_open_has_subject"),
        migrations.RenameField("case", "contact", "contact_plain"),
        migrations.AlterField("case", "contact_plain", models.CharField(max_length=254, null=True)),
        migrations.AddField("case", "contact", SealedField(blank=True, default="", lookup=True), preserve_default=False),
        migrations.RenameField("casemail", "to", "to_plain"),
        migrations.AlterField("casemail", "to_plain", models.CharField(max_length=254, null=True)),
        migrations.AddField("casemail", "to", SealedField(blank=True, default=""), preserve_default=False),
        migrations.RenameField("request", "subject", "subject_plain"),
        migrations.AddField("request", "subject", SealedJSONField(null=True)),
    ]
