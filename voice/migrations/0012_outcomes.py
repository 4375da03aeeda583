from django.db import migrations

# What came of calls that ended before this was stored, as voice/outcomes.py says it. Nobody is tried again because of a call
# that may be long ago.
_CALLS = """
UPDATE voice_call
SET outcome = CASE
    WHEN status = 'completed' THEN 'connected'
    WHEN end_reason = 'lead_busy' THEN 'busy'
    WHEN end_reason = 'lead_no_answer' THEN 'no_answer'
    ELSE 'failed'
END
WHERE status IN ('completed', 'busy', 'no_answer', 'failed')
"""
_LEADS = """
UPDATE voice_lead AS lead
SET disposition = newest.result
FROM (
    SELECT DISTINCT ON (lead_id) lead_id, coalesce(disposition, outcome) AS result
    FROM voice_call
    WHERE disposition IS NOT NULL
       OR status = 'completed'
       OR end_reason IN ('lead_busy', 'lead_no_answer', 'lead_unreachable')
    ORDER BY lead_id, created_at DESC
) AS newest
WHERE newest.lead_id = lead.id AND lead.erased_at IS NULL
"""


class Migration(migrations.Migration):
    dependencies = [("voice", "0011_queue")]

    operations = [
        migrations.RunSQL(_CALLS, migrations.RunSQL.noop),
        migrations.RunSQL(_LEADS, migrations.RunSQL.noop),
    ]
