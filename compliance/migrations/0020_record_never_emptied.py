"""A trigger: TRUNCATE deletes no row as far as triggers for rows can see, and would empty the record of acts at once."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER audit_never_emptied BEFORE TRUNCATE ON compliance_auditevent
    FOR EACH STATEMENT EXECUTE FUNCTION compliance_refuse_change();
"""
BACKWARD = "DROP TRIGGER audit_never_emptied ON compliance_auditevent;"


class Migration(migrations.Migration):
    dependencies = [("compliance", "0019_mails_of_a_deletion")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
