"""Triggers: a look is written once. It may be ended once, lose what is personal in it, and go when its term is over."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION staff_look_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.began_at <= now() - interval '1826 days' THEN
            RETURN OLD;
        END IF;
    ELSIF (NEW.id, NEW.workspace_id, NEW.member_id, NEW.staff_role, NEW.session_id, NEW.began_sequence, NEW.began_at, NEW.ends_at)
        = (OLD.id, OLD.workspace_id, OLD.member_id, OLD.staff_role, OLD.session_id, OLD.began_sequence, OLD.began_at, OLD.ends_at)
        AND (OLD.ended_at IS NULL OR NEW.ended_at = OLD.ended_at)
        AND (NEW.user_id IS NULL OR NEW.user_id = OLD.user_id)
        AND NEW.reason IN (OLD.reason, '') AND NEW.case_reference IN (OLD.case_reference, '') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a look is only ended, or unlinked from whom it concerned' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER staff_look_append_only BEFORE UPDATE OR DELETE ON staff_look
    FOR EACH ROW EXECUTE FUNCTION staff_look_stays();
"""

BACKWARD = """
DROP TRIGGER staff_look_append_only ON staff_look;
DROP FUNCTION staff_look_stays();
"""


class Migration(migrations.Migration):
    dependencies = [("staff", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
