from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identity', '0016_passcode_alert'),
    ]

    operations = [
        migrations.AddField(
            model_name='workspace',
            name='live_calls_max',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='workspace',
            name='monthly_cap_mcredits',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddConstraint(
            model_name='workspace',
            constraint=models.CheckConstraint(condition=models.Q(('live_calls_max__gte', 1)), name='workspace_live_calls_at_least_one'),
        ),
        migrations.AddConstraint(
            model_name='workspace',
            constraint=models.CheckConstraint(condition=models.Q(('monthly_cap_mcredits__gte', 0)), name='workspace_cap_not_negative'),
        ),
    ]
