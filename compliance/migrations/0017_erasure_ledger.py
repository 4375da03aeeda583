import uuid_utils.compat
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0016_nominee"),
    ]

    operations = [
        migrations.CreateModel(
            name="LedgerMark",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("ledger", models.UUIDField()),
                ("sequence", models.BigIntegerField(default=0)),
                ("told_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="ledger_mark_is_one_row"),
                ],
            },
        ),
        migrations.CreateModel(
            name="LedgerNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("entry_id", models.UUIDField(unique=True)),
                ("kind", models.CharField(max_length=16)),
                ("key", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("detail", models.JSONField(default=dict)),
                ("noted_at", models.DateTimeField()),
            ],
        ),
    ]
