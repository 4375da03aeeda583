"""The plain columns go. A column that the database computes is added to each table after that, which writes the table anew:
no page of it holds a plain value any more."""

from django.db import migrations, models

from processors.sealed_fields import index_column


class Migration(migrations.Migration):
    dependencies = [("identity", "0010_seal_rows")]

    operations = [
        migrations.RemoveField("user", "email_plain"),
        migrations.RemoveField("user", "mobile_e164_plain"),
        migrations.RemoveField("accountmail", "email_plain"),
        migrations.RemoveField("invitation", "email_plain"),
        migrations.RemoveField("numberkey", "phone_e164_plain"),
        migrations.AddField("user", "email_key", index_column("email")),
        migrations.AddField("user", "mobile_e164_key", index_column("mobile_e164")),
        migrations.AddField("accountmail", "email_key", index_column("email")),
        migrations.AddField("invitation", "email_key", index_column("email")),
        migrations.AddField("numberkey", "phone_e164_key", index_column("phone_e164")),
        migrations.AddIndex("user", models.Index(fields=["email_key"], name="user_email")),
        migrations.AddIndex("user", models.Index(fields=["mobile_e164_key"], name="user_mobile")),
        migrations.AddIndex("accountmail", models.Index(fields=["email_key"], name="account_mail_of_email")),
        migrations.AddIndex("invitation", models.Index(fields=["email_key"], name="invitation_of_email")),
        migrations.AddIndex("numberkey", models.Index(fields=["phone_e164_key"], name="number_key_of_number")),
        migrations.AddConstraint(
            "user",
            models.UniqueConstraint(
                fields=["email_key"],
                condition=models.Q(mobile_verified_at__isnull=False),
                name="user_email_of_one_account",
            ),
        ),
        migrations.AddConstraint(
            "invitation",
            models.UniqueConstraint(
                fields=["workspace", "email_key"],
                condition=models.Q(ended_at__isnull=True),
                name="invitation_open_once_per_email",
            ),
        ),
        migrations.AddConstraint(
            "numberkey",
            models.UniqueConstraint(
                fields=["phone_e164_key"], condition=models.Q(kind="link"), name="number_key_one_link"
            ),
        ),
    ]
