"""Wrong passwords in a browser in which the account came in before are counted apart from those of strangers."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("staff", "0005_sealed_only")]

    operations = [
        migrations.AddField(
            "staffevent", "device_key", models.CharField(blank=True, db_default="", max_length=64)
        ),
    ]
