"""Spending in sets: one function books many charges and debits at once, and triggers check whole statements, not rows."""

from django.db import migrations

FORWARD = """
-- Ids in the order of time where the server can make them (PostgreSQL 18), random ones where it cannot.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE FUNCTION ledger_new_id() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT uuidv7()';
    ELSE
        CREATE FUNCTION ledger_new_id() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()';
    END IF;
END $$;

-- Entries and their postings are written by one statement, so both can be checked at its end, for all rows together.
DROP TRIGGER ledger_entry_balanced ON ledger_entry;
DROP FUNCTION ledger_entry_balances();

CREATE FUNCTION ledger_entries_are_posted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT entry.id INTO wrong
    FROM written AS entry
    WHERE NOT EXISTS (SELECT FROM ledger_posting AS posting WHERE posting.entry_id = entry.id)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has no postings', wrong USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_entry_posted AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_entries_are_posted();

-- One round of spending; ledger/operations/spending.py says what it promises.
CREATE FUNCTION ledger_spend(
    workspaces uuid[], kinds text[], refs text[], ordinals int[], keys text[], amounts bigint[],
    booked_at timestamptz[], held_until timestamptz, sales uuid, lock_patience_ms int
) RETURNS TABLE (
    place bigint, outcome text, entry_id uuid, amount bigint, hold_left bigint,
    available bigint, held bigint, debt bigint, sequence bigint
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    IF lock_patience_ms > 0 THEN
        PERFORM set_config('lock_timeout', lock_patience_ms || 'ms', true);
    END IF;
    -- A workspace's available account is the lock of all its books: every writer takes it first, in this order.
    -- The statement after this one sees all that was committed before the lock was given.
    PERFORM FROM ledger_account WHERE kind = 'available' AND workspace_id = ANY (workspaces)
    ORDER BY workspace_id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH known AS (
        SELECT asked.*, free.id AS free_id, coalesce(free.balance_mcredits, 0) AS free, free.sequence AS last,
               aside.id AS aside_id, coalesce(aside.balance_mcredits, 0) AS aside,
               coalesce(owed.balance_mcredits, 0) AS owed,
               hold.id AS hold_id, coalesce(hold.remaining_mcredits, 0) AS on_hold,
               coalesce(charged.id, keyed.id) AS earlier_id,
               -coalesce(charged.effect_mcredits, keyed.effect_mcredits) AS earlier_amount,
               CASE
                   WHEN asked.kind = 'charge' AND hold.workspace_id IS DISTINCT FROM asked.workspace_id THEN 'closed'
                   WHEN charged.id IS NOT NULL OR keyed.id IS NOT NULL THEN 'already'
                   -- An expired hold is not the end: the carrier may have been silent about a call that goes on.
                   WHEN asked.kind = 'charge' AND hold.state NOT IN ('active', 'expired') THEN 'closed'
                   ELSE 'due'
               END AS verdict
        FROM unnest(workspaces, kinds, refs, ordinals, keys, amounts, booked_at) WITH ORDINALITY
             AS asked (workspace_id, kind, reference, ordinal, key, amount, booked_at, place)
        LEFT JOIN ledger_account AS free ON free.workspace_id = asked.workspace_id AND free.kind = 'available'
        LEFT JOIN ledger_account AS aside ON aside.workspace_id = asked.workspace_id AND aside.kind = 'held'
        LEFT JOIN ledger_account AS owed ON owed.workspace_id = asked.workspace_id AND owed.kind = 'debt'
        LEFT JOIN ledger_hold AS hold ON asked.kind = 'charge' AND hold.reference = asked.reference
        LEFT JOIN ledger_entry AS charged ON asked.kind = 'charge' AND charged.kind = 'charge'
            AND charged.reference = asked.reference AND charged.ordinal = asked.ordinal
        LEFT JOIN ledger_entry AS keyed ON keyed.workspace_id = asked.workspace_id AND keyed.key = asked.key
    ),
    drawn AS (
        SELECT known.*,
               CASE WHEN verdict = 'due' THEN greatest(0, least(amount, on_hold - coalesce(
                   sum(amount) FILTER (WHERE verdict = 'due') OVER (
                       PARTITION BY hold_id ORDER BY place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                   ), 0)::bigint)) ELSE 0 END AS from_hold
        FROM known
    ),
    -- In the order of the asking, as far as what is available reaches.
    weighed AS (
        SELECT drawn.*, verdict = 'due' AND sum(amount - from_hold) FILTER (WHERE verdict = 'due') OVER (
            PARTITION BY workspace_id ORDER BY place ROWS UNBOUNDED PRECEDING
        ) <= free AS paid
        FROM drawn
    ),
    judged AS MATERIALIZED (
        SELECT weighed.*, ledger_new_id() AS new_id,
               count(*) FILTER (WHERE paid AND amount > 0) OVER so_far AS step,
               (sum(amount) FILTER (WHERE paid) OVER so_far)::bigint AS spent,
               count(*) FILTER (WHERE paid AND amount > 0) OVER in_all AS steps,
               coalesce(sum(amount - from_hold) FILTER (WHERE paid) OVER in_all, 0)::bigint AS taken,
               coalesce(sum(from_hold) FILTER (WHERE paid) OVER in_all, 0)::bigint AS freed,
               on_hold - coalesce(sum(from_hold) FILTER (WHERE paid) OVER (PARTITION BY hold_id), 0)::bigint AS rest
        FROM weighed
        WINDOW so_far AS (PARTITION BY workspace_id ORDER BY place ROWS UNBOUNDED PRECEDING),
               in_all AS (PARTITION BY workspace_id)
    ),
    entries AS (
        INSERT INTO ledger_entry (id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits,
                                  balance_after_mcredits, occurred_at)
        SELECT new_id, workspace_id, last + step, kind, reference, ordinal, key, -amount,
               free + aside - owed - spent, booked_at
        FROM judged WHERE paid AND amount > 0
    ),
    postings AS (
        INSERT INTO ledger_posting (id, entry_id, account_id, side, amount_mcredits)
        SELECT ledger_new_id(), new_id, line.account_id, line.side, line.amount
        FROM judged CROSS JOIN LATERAL (
            VALUES (aside_id, 'debit', from_hold), (free_id, 'debit', amount - from_hold), (sales, 'credit', amount)
        ) AS line (account_id, side, amount)
        WHERE paid AND line.amount > 0
    ),
    accounts AS (
        UPDATE ledger_account AS account
        SET balance_mcredits = account.balance_mcredits - changed.spent, sequence = account.sequence + changed.steps
        FROM (
            SELECT free_id AS id, max(taken) AS spent, max(steps) AS steps
            FROM judged WHERE paid AND amount > 0 GROUP BY free_id
            UNION ALL
            SELECT aside_id, max(freed), 0 FROM judged WHERE paid AND from_hold > 0 GROUP BY aside_id
        ) AS changed
        WHERE account.id = changed.id
    ),
    holds AS (
        UPDATE ledger_hold AS hold
        SET remaining_mcredits = changed.rest, charged_mcredits = hold.charged_mcredits + changed.spent,
            expires_at = CASE WHEN hold.state = 'active' THEN greatest(hold.expires_at, held_until)
                              ELSE hold.expires_at END
        FROM (
            SELECT hold_id AS id, max(rest) AS rest, sum(amount)::bigint AS spent
            FROM judged WHERE paid AND hold_id IS NOT NULL GROUP BY hold_id
        ) AS changed
        WHERE hold.id = changed.id
    )
    SELECT place,
           CASE WHEN verdict <> 'due' THEN verdict
                WHEN paid THEN 'paid'
                -- What is left only shrinks, so this is final; the rest may be tried in another round.
                WHEN amount - greatest(rest, 0) > free - taken THEN 'insufficient'
                ELSE 'again' END,
           CASE WHEN paid AND amount > 0 THEN new_id ELSE earlier_id END,
           coalesce(earlier_amount, amount), rest, free - taken, aside - freed, owed, last + steps
    FROM judged ORDER BY place;
END $$;
"""

BACKWARD = """
DROP FUNCTION ledger_spend(uuid[], text[], text[], int[], text[], bigint[], timestamptz[], timestamptz, uuid, int);
DROP TRIGGER ledger_entry_posted ON ledger_entry;
DROP FUNCTION ledger_entries_are_posted();
DROP FUNCTION ledger_new_id();
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


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
