"""Room for sealed e-mail addresses and second factors beside those of before; the next two migrations fill it and empty those."""

from django.db import migrations, models

from processors.sealed_fields import SealedField


class Migration(migrations.Migration):
    dependencies = [("staff", "0002_look_append_only")]

    operations = [
        migrations.RenameField("staffmember", "email", "email_plain"),
        migrations.AlterField("staffmember", "email_plain", models.CharField(max_length=254, null=True)),
        migrations.AddField("staffmember", "email", SealedField(default="", lookup=True), preserve_default=False),
        migrations.RenameField("staffmember", "totp_secret", "totp_token"),
        migrations.AlterField("staffmember", "totp_token", models.TextField(null=True)),
        migrations.AddField(
            "staffmember", "totp_secret", SealedField(default="", keys="STAFF_SECRET_KEYS"), preserve_default=False
        ),
    ]
