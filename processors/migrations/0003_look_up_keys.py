from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("processors", "0002_blocked_told")]

    operations = [
        migrations.CreateModel(
            name="LookUpKey",
            fields=[("key_id", models.CharField(max_length=8, primary_key=True, serialize=False))],
        )
    ]
