"""Room on a call's own page for what each of its minutes changes, so that no index has to be told."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("voice", "0015_browser_calls")]
    operations = [
        # Pages that are there already get it as they are written anew. All calls of a page may go on at once.
        migrations.RunSQL("ALTER TABLE voice_call SET (fillfactor = 50)", "ALTER TABLE voice_call RESET (fillfactor)")
    ]
