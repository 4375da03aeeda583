import django.db.models.deletion
import uuid_utils.compat
from django.db import migrations, models

FORWARD = """
CREATE TRIGGER policy_version_never_changed BEFORE UPDATE OR DELETE ON compliance_policyversion
    FOR EACH ROW EXECUTE FUNCTION compliance_refuse_change();

-- What was unlinked before this migration begins its term now.
UPDATE compliance_consentevent SET unlinked_at = now() WHERE user_id IS NULL;

-- A proof is unlinked once, and goes when its term after that is over.
CREATE OR REPLACE FUNCTION compliance_only_unlink() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.user_id IS NULL AND NEW.ip IS NULL AND (OLD.unlinked_at IS NULL OR NEW.unlinked_at = OLD.unlinked_at)
       AND (NEW.id, NEW.person, NEW.purpose, NEW.given, NEW.policy_version, NEW.text_hash, NEW.at)
         = (OLD.id, OLD.person, OLD.purpose, OLD.given, OLD.policy_version, OLD.text_hash, OLD.at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a consent is never changed, only unlinked from its person';
END $$;
CREATE FUNCTION compliance_receipt_only_unlink() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.user_id IS NULL AND (OLD.unlinked_at IS NULL OR NEW.unlinked_at = OLD.unlinked_at)
       AND (NEW.id, NEW.version, NEW.person, NEW.channel, NEW.text_hash, NEW.at)
         = (OLD.id, OLD.version, OLD.person, OLD.channel, OLD.text_hash, OLD.at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a receipt is never changed, only unlinked from its person';
END $$;
CREATE FUNCTION compliance_keep_proof() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.user_id IS NULL AND OLD.unlinked_at <= now() - interval '1096 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME;
END $$;
-- A link of the record of acts goes when its term is over, and never changes.
CREATE FUNCTION compliance_keep_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.at <= now() - interval '1826 days' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME;
END $$;
DROP TRIGGER audit_append_only ON compliance_auditevent;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON compliance_auditevent
    FOR EACH ROW EXECUTE FUNCTION compliance_keep_link();
DROP TRIGGER consent_append_only ON compliance_consentevent;
CREATE TRIGGER consent_append_only BEFORE DELETE ON compliance_consentevent
    FOR EACH ROW EXECUTE FUNCTION compliance_keep_proof();
CREATE TRIGGER policy_receipt_append_only BEFORE DELETE ON compliance_policyreceipt
    FOR EACH ROW EXECUTE FUNCTION compliance_keep_proof();
CREATE TRIGGER policy_receipt_only_unlink BEFORE UPDATE ON compliance_policyreceipt
    FOR EACH ROW EXECUTE FUNCTION compliance_receipt_only_unlink();
"""
BACKWARD = """
DROP TRIGGER policy_version_never_changed ON compliance_policyversion;
DROP TRIGGER audit_append_only ON compliance_auditevent;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON compliance_auditevent
    FOR EACH ROW EXECUTE FUNCTION compliance_refuse_change();
DROP FUNCTION compliance_keep_link();
DROP TRIGGER policy_receipt_append_only ON compliance_policyreceipt;
DROP TRIGGER policy_receipt_only_unlink ON compliance_policyreceipt;
DROP TRIGGER consent_append_only ON compliance_consentevent;
CREATE TRIGGER consent_append_only BEFORE DELETE ON compliance_consentevent
    FOR EACH ROW EXECUTE FUNCTION compliance_refuse_change();
CREATE OR REPLACE FUNCTION compliance_only_unlink() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.user_id IS NULL AND NEW.ip IS NULL
       AND (NEW.id, NEW.person, NEW.purpose, NEW.given, NEW.policy_version, NEW.text_hash, NEW.at)
         = (OLD.id, OLD.person, OLD.purpose, OLD.given, OLD.policy_version, OLD.text_hash, OLD.at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'a consent is never changed, only unlinked from its person';
END $$;
DROP FUNCTION compliance_keep_proof();
DROP FUNCTION compliance_receipt_only_unlink();
"""


def _id() -> models.Field:  # type: ignore[type-arg]
    return models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [("compliance", "0002_top_up_consent")]

    operations = [
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", _id()),
                ("name", models.CharField(max_length=32, unique=True)),
                ("effective_at", models.DateTimeField(db_index=True)),
                ("published_at", models.DateTimeField()),
                ("summary", models.TextField()),
                ("clauses", models.JSONField()),
                ("purposes", models.JSONField()),
                ("where_twilio_writes", models.JSONField()),
                ("receives", models.JSONField()),
                ("text_hash", models.CharField(max_length=64)),
            ],
        ),
        migrations.CreateModel(
            name="PolicyReceipt",
            fields=[
                ("id", _id()),
                ("version", models.CharField(max_length=40)),
                ("user_id", models.UUIDField(db_index=True, null=True)),
                ("person", models.CharField(max_length=64)),
                ("channel", models.CharField(max_length=4)),
                ("text_hash", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                ("unlinked_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("unlinked_at__isnull", False)),
                        fields=["unlinked_at"],
                        name="policy_receipt_unlinked",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("person", "version", "channel"), name="policy_receipt_once_per_channel"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["mail", "app"])), name="policy_receipt_channel_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PolicyMail",
            fields=[
                ("id", _id()),
                ("user_id", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("next_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="compliance.policyversion"
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("sent_at__isnull", True)), fields=["next_at"], name="policy_mail_due"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("version", "user_id"), name="policy_mail_once_per_person")
                ],
            },
        ),
        migrations.AddField("audithead", "ended_sequence", models.BigIntegerField(db_default=0, default=0)),
        migrations.AddField(
            "audithead", "ended_hash", models.CharField(blank=True, db_default="", default="", max_length=64)
        ),
        migrations.AddField("consentevent", "unlinked_at", models.DateTimeField(null=True)),
        migrations.RemoveConstraint(model_name="consentevent", name="consent_purpose_known"),
        migrations.AddConstraint(
            model_name="consentevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__regex", "^[a-z_]{2,16}$")), name="consent_purpose_is_a_key"
            ),
        ),
        migrations.AddConstraint(
            model_name="consentevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("given", True), ("purpose", "policy")),
                fields=("person", "policy_version"),
                name="consent_policy_accepted_once",
            ),
        ),
        migrations.AddIndex("auditevent", models.Index(fields=["at"], name="audit_at")),
        migrations.AddIndex("suppression", models.Index(fields=["created_at"], name="suppression_created")),
        migrations.AddIndex("tombstone", models.Index(fields=["erased_at"], name="tombstone_erased")),
        migrations.AddIndex(
            "consentevent",
            models.Index(
                condition=models.Q(("unlinked_at__isnull", False)), fields=["unlinked_at"], name="consent_unlinked"
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
