"""Calls that were given up after their notice had been heard, which then said that nothing is written down: as a replay finds them,
so that what was said in them ends with its term, and what was refused stays refused."""

from django.db import migrations

AS_REPLAYED = """
UPDATE voice_call SET transcript_state = CASE
    WHEN EXISTS (
        SELECT FROM voice_callback told WHERE told.call_id = voice_call.id AND told.applied_order IS NOT NULL
            AND (told.kind = 'refused' OR (told.kind = 'played' AND coalesce(told.params ->> 'Digits', '') <> ''))
    ) THEN 'refused' ELSE 'on' END
WHERE transcript_state = 'off'
    AND EXISTS (
        SELECT FROM voice_callback told
        WHERE told.call_id = voice_call.id AND told.applied_order IS NOT NULL AND told.kind = 'given_up'
    )
    AND EXISTS (
        SELECT FROM voice_callback told
        WHERE told.call_id = voice_call.id AND told.applied_order IS NOT NULL AND told.kind IN ('played', 'refused')
    )
"""


class Migration(migrations.Migration):
    dependencies = [("voice", "0031_found_without_the_past")]
    operations = [migrations.RunSQL(AS_REPLAYED, migrations.RunSQL.noop)]
