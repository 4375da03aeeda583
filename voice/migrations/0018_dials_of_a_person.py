"""How often a person has dialled in all of their workspaces, and the index for it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

FORWARD = """
-- When the person dialled for the last time but (most - 1) since then, in whichever workspace; null if they did so less often. The
-- policies of identity/tenancy.py show a request one workspace's calls, and the caps of voice/guard.py are of the person: while this
-- looks, no workspace is named, and nothing but a time leaves it.
CREATE FUNCTION voice_dialled_at(person uuid, most int, since timestamptz) RETURNS timestamptz
LANGUAGE plpgsql AS $$
DECLARE
    named text := coalesce(current_setting('klose.workspace', true), '');
    found timestamptz;
BEGIN
    PERFORM set_config('klose.workspace', '', true);
    SELECT created_at INTO found FROM voice_call
    WHERE user_id = person AND created_at > since ORDER BY created_at DESC OFFSET most - 1 LIMIT 1;
    PERFORM set_config('klose.workspace', named, true);
    RETURN found;
END $$;
"""
BACKWARD = "DROP FUNCTION voice_dialled_at(uuid, int, timestamptz)"


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("voice", "0017_live_calls_by_workspace"),
    ]
    operations = [
        migrations.AddIndex("call", models.Index(fields=["user", "-created_at"], name="call_of_person")),
        migrations.AlterField(
            "call",
            "user",
            models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
