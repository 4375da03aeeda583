from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("compliance", "0018_where_the_ledger_was_asked"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='casemail',
            name='case_mail_in_the_register',
        ),
        migrations.AddConstraint(
            model_name='casemail',
            constraint=models.CheckConstraint(condition=models.Q(('template__in', ('received', 'received_unproved', 'reply', 'answered', 'alert_7', 'alert_20', 'alert_25', 'deletion_answered', 'deletion_asked', 'deletion_taken_back', 'nominee_asks', 'nominee_access', 'nominee_granted', 'holder_answered'))), name='case_mail_in_the_register'),
        ),
    ]
