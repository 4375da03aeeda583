"""The columns of before go; what the database computes is added after that, which writes the table anew without them."""

from django.db import migrations, models

from processors.sealed_fields import index_column


class Migration(migrations.Migration):
    dependencies = [("staff", "0004_seal_rows")]

    operations = [
        migrations.RemoveField("staffmember", "email_plain"),
        migrations.RemoveField("staffmember", "totp_token"),
        migrations.AddField("staffmember", "email_key", index_column("email")),
        migrations.AddConstraint(
            "staffmember", models.UniqueConstraint(fields=["email_key"], name="staff_email_once")
        ),
    ]
