from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0005_mobile_change")]

    operations = [
        migrations.AddField(
            model_name="session",
            name="policy_version",
            field=models.CharField(blank=True, db_default="", default="", max_length=40),
        ),
    ]
