"""Triggers: entries, postings, rate cards and Paddle's events are added and never changed; every entry is balanced."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER ledger_entry_append_only BEFORE UPDATE OR DELETE ON ledger_entry
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_posting_append_only BEFORE UPDATE OR DELETE ON ledger_posting
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_ratecard_append_only BEFORE UPDATE OR DELETE ON ledger_ratecard
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
CREATE TRIGGER ledger_paddleevent_kept BEFORE DELETE ON ledger_paddleevent
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change();
-- How an event was handled may change, what came may not.
CREATE TRIGGER ledger_paddleevent_as_it_came BEFORE UPDATE ON ledger_paddleevent
    FOR EACH ROW WHEN (
        (OLD.id, OLD.event_id, OLD.event_type, OLD.occurred_at, OLD.received_at, OLD.transaction_id, OLD.payload)
        IS DISTINCT FROM
        (NEW.id, NEW.event_id, NEW.event_type, NEW.occurred_at, NEW.received_at, NEW.transaction_id, NEW.payload)
    )
    EXECUTE FUNCTION ledger_refuse_change();

-- An entry's postings are written by one statement, so they can be checked together and at once.
CREATE FUNCTION ledger_postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT posting.entry_id INTO wrong
    FROM ledger_posting AS posting
    WHERE posting.entry_id IN (SELECT entry_id FROM written)
    GROUP BY posting.entry_id
    HAVING sum(CASE posting.side WHEN 'debit' THEN posting.amount_mcredits ELSE -posting.amount_mcredits END) <> 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % does not sum to zero', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_posting_balanced AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_postings_balance();

-- At commit every new entry has its postings, on both sides, summing to zero.
CREATE FUNCTION ledger_entry_balances() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    debits numeric;
    credits numeric;
BEGIN
    SELECT coalesce(sum(amount_mcredits) FILTER (WHERE side = 'debit'), 0),
           coalesce(sum(amount_mcredits) FILTER (WHERE side = 'credit'), 0)
    INTO debits, credits
    FROM ledger_posting WHERE entry_id = NEW.id;
    IF debits = 0 OR debits <> credits THEN
        RAISE EXCEPTION 'entry % has debits of % and credits of %', NEW.id, debits, credits
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER ledger_entry_balanced AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_entry_balances();
"""

BACKWARD = """
DROP TRIGGER ledger_entry_balanced ON ledger_entry;
DROP TRIGGER ledger_posting_balanced ON ledger_posting;
DROP TRIGGER ledger_paddleevent_as_it_came ON ledger_paddleevent;
DROP TRIGGER ledger_paddleevent_kept ON ledger_paddleevent;
DROP TRIGGER ledger_ratecard_append_only ON ledger_ratecard;
DROP TRIGGER ledger_posting_append_only ON ledger_posting;
DROP TRIGGER ledger_entry_append_only ON ledger_entry;
DROP FUNCTION ledger_entry_balances();
DROP FUNCTION ledger_postings_balance();
DROP FUNCTION ledger_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
