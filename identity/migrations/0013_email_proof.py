from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("identity", "0012_forget_plain")]

    operations = [
        migrations.AddField("user", "email_verified_at", models.DateTimeField(null=True)),
        migrations.AddField("user", "email_first_proved_at", models.DateTimeField(null=True)),
        migrations.AlterField(
            "accessevent",
            "kind",
            models.CharField(
                choices=[
                    ("sign_up", "Signed up"),
                    ("sign_in_failed", "Wrong password or unknown account"),
                    ("sign_in_refused", "Refused after too many attempts"),
                    ("sign_in", "Right password"),
                    ("social_sign_in", "Confirmed by Google or Facebook"),
                    ("phone_verified", "Passcode accepted"),
                    ("sign_out", "Signed out"),
                    ("session_revoked", "Another session signed out"),
                    ("reset_asked", "Asked for a link to a new password"),
                    ("password_changed", "Password changed"),
                    ("texts_stopped", "Text messages stopped"),
                    ("texts_allowed", "Text messages allowed again"),
                    ("mobile_changed", "Mobile number changed"),
                    ("email_verified", "E-mail address confirmed"),
                    ("email_change_asked", "Another e-mail address asked for"),
                    ("email_changed", "E-mail address changed"),
                    ("email_taken_back", "E-mail address taken back"),
                    ("way_linked", "Google or Facebook linked"),
                    ("way_unlinked", "Google or Facebook unlinked"),
                    ("link_unknown", "A link to a copy that is none"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            "accountmail",
            "kind",
            models.CharField(
                choices=[
                    ("reset_link", "Link to a new password"),
                    ("password_changed", "The password was changed"),
                    ("key_made", "An API key was made"),
                    ("mobile_changed", "The mobile number was changed"),
                    ("verify_email", "Link that confirms the address"),
                    ("new_email", "Link that makes this the account's address"),
                    ("email_changed", "The address was changed, with a link that takes it back"),
                    ("way_linked", "Google or Facebook was linked"),
                    ("way_unlinked", "Google or Facebook was unlinked"),
                ],
                max_length=20,
            ),
        ),
    ]
