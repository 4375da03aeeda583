"""What searches look through, of each lead, written by the database beside the names, the company and the number that it is made of."""

from django.db import migrations, models

FORWARD = r"""
-- How texts are compared: without case and accents, and letters that are no accented ones as their neighbours write them.
CREATE FUNCTION voice_folded(said text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF octet_length(said) = length(said) THEN
        RETURN lower(said);
    END IF;
    said := lower(regexp_replace(normalize(said, NFKD), '[\u0300-\u036f]', '', 'g'));
    RETURN replace(replace(replace(translate(said, 'øłđı', 'oldi'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe');
END $$;

CREATE FUNCTION voice_lead_search_text() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.search_text := voice_folded(concat_ws(
        E'\n', nullif(NEW.first_name, ''), nullif(NEW.last_name, ''), nullif(NEW.company, ''), NEW.phone_e164
    ));
    RETURN NEW;
END $$;

CREATE TRIGGER lead_search_text BEFORE INSERT OR UPDATE OF first_name, last_name, company, phone_e164, search_text ON voice_lead
FOR EACH ROW EXECUTE FUNCTION voice_lead_search_text();
"""
BACKWARD = """
DROP TRIGGER lead_search_text ON voice_lead;
DROP FUNCTION voice_lead_search_text();
DROP FUNCTION voice_folded(text);
"""


class Migration(migrations.Migration):
    dependencies = [("voice", "0018_dials_of_a_person")]
    operations = [
        migrations.AddField("lead", "search_text", models.TextField(blank=True, editable=False, default=""), preserve_default=False),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
