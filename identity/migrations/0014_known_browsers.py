from django.db import migrations, models

# A key that was made without an end gets the one that others have by themselves; its maker is told two weeks before.
GIVE_EVERY_KEY_AN_END = "UPDATE identity_apikey SET expires_at = now() + interval '365 days' WHERE expires_at IS NULL"


class Migration(migrations.Migration):
    dependencies = [("identity", "0013_email_proof")]

    operations = [
        migrations.AddField("session", "proved_at", models.DateTimeField(null=True)),
        migrations.AddField("apikey", "end_told_at", models.DateTimeField(null=True)),
        migrations.RunSQL(GIVE_EVERY_KEY_AN_END, migrations.RunSQL.noop),
        migrations.AlterField("apikey", "expires_at", models.DateTimeField()),
        migrations.AddField(
            "accessevent", "device_key", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
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
                    ("key_refused", "An API key that is none"),
                    ("right_refused", "Asked for what the role or key does not allow"),
                    ("not_there", "Asked for what is not there, or not theirs"),
                    ("page_forged", "A request that no page of ours sent"),
                    ("link_refused", "A mailed link that is none, or is over"),
                    ("throttled", "Refused after too many requests"),
                    ("webhook_forged", "A callback that its sender did not sign"),
                ],
                max_length=24,
            ),
        ),
        migrations.AlterField(
            "otpattempt",
            "purpose",
            models.CharField(
                choices=[
                    ("send", "Sent"),
                    ("check", "Checked"),
                    ("clm_send", "Sent to a number that is claimed"),
                    ("clm_chck", "Checked of a number that is claimed"),
                    ("num_send", "Sent to somebody without an account"),
                    ("num_chck", "Checked of somebody without an account"),
                ],
                max_length=8,
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
                    ("key_ends", "An API key ends soon"),
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
