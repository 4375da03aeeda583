import django.db.models.deletion
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0006_session_policy'),
    ]

    operations = [
        migrations.CreateModel(
            name='SocialIdentity',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('provider', models.CharField(choices=[('google', 'Google'), ('facebook', 'Facebook')], max_length=16)),
                ('subject', models.CharField(max_length=255)),
                ('created_at', models.DateTimeField()),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='social_identities', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('provider', 'subject'), name='social_identity_of_one_person'), models.UniqueConstraint(fields=('user', 'provider'), name='social_identity_one_per_provider'), models.CheckConstraint(condition=models.Q(('provider__in', ['google', 'facebook'])), name='social_provider_known')],
            },
        ),
        migrations.AlterField(
            model_name='accessevent',
            name='kind',
            field=models.CharField(choices=[('sign_up', 'Signed up'), ('sign_in_failed', 'Wrong password or unknown account'), ('sign_in_refused', 'Refused after too many attempts'), ('sign_in', 'Right password'), ('social_sign_in', 'Confirmed by Google or Facebook'), ('phone_verified', 'Passcode accepted'), ('sign_out', 'Signed out'), ('session_revoked', 'Another session signed out'), ('reset_asked', 'Asked for a link to a new password'), ('password_changed', 'Password changed'), ('texts_stopped', 'Text messages stopped'), ('texts_allowed', 'Text messages allowed again'), ('mobile_changed', 'Mobile number changed'), ('way_linked', 'Google or Facebook linked'), ('way_unlinked', 'Google or Facebook unlinked')], max_length=24),
        ),
        migrations.AlterField(
            model_name='accountmail',
            name='kind',
            field=models.CharField(choices=[('reset_link', 'Link to a new password'), ('password_changed', 'The password was changed'), ('key_made', 'An API key was made'), ('mobile_changed', 'The mobile number was changed'), ('way_linked', 'Google or Facebook was linked'), ('way_unlinked', 'Google or Facebook was unlinked')], max_length=20),
        ),
    ]
