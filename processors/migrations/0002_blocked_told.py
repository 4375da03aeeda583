from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("processors", "0001_initial")]

    operations = [
        migrations.AddIndex(
            model_name="disclosure", index=models.Index(fields=["day"], name="disclosure_day")
        ),
        migrations.AddField(
            model_name="blockedegress", name="told_at", field=models.DateTimeField(null=True)
        ),
        migrations.AddIndex(
            model_name="blockedegress",
            index=models.Index(
                condition=models.Q(("told_at__isnull", True)), fields=["at"], name="blocked_egress_untold"
            ),
        ),
    ]
