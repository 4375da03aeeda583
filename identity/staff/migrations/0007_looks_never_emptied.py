"""Nobody empties the looks at once, which no trigger of a row would see."""

from django.db import migrations

FORWARD = """
CREATE TRIGGER staff_look_never_emptied BEFORE TRUNCATE ON staff_look
    FOR EACH STATEMENT EXECUTE FUNCTION compliance_refuse_change();
"""

BACKWARD = "DROP TRIGGER staff_look_never_emptied ON staff_look;"


class Migration(migrations.Migration):
    dependencies = [("staff", "0006_known_browsers"), ("compliance", "0020_record_never_emptied")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
