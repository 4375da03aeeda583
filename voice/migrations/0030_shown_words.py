from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('voice', '0029_limit_marks'),
    ]

    operations = [
        migrations.AddField(
            model_name='mediastream',
            name='shown',
            field=models.JSONField(db_default={}, default=dict),
        ),
    ]
