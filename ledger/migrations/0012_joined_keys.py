"""Later clicks that led to a purchase lead to it for good."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ledger", "0011_checked_by_the_statement"),
    ]

    operations = [
        migrations.AddField(
            model_name="checkout",
            name="joined_keys",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=100), db_default=[], default=list, size=None
            ),
        ),
    ]
