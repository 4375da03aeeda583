"""The lead's company beside its name, so that a question may name it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ai", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="indexedcall",
            name="company",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
    ]
