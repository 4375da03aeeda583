"""A set of debits or charges costs less before its first row: what holds of each new entry and posting is looked at by the two triggers
that look at all rows of a statement anyway, and a posting has one index instead of two.

PostgreSQL reads a check constraint's text anew for every statement that writes, which cost a set more than its rows.
"""

from importlib import import_module

from django.db import migrations, models

KEY_FORWARD = """
ALTER TABLE ledger_posting
    DROP CONSTRAINT ledger_posting_pkey, DROP CONSTRAINT ledger_posting_once_per_account, DROP COLUMN id,
    ADD CONSTRAINT ledger_posting_pkey PRIMARY KEY (entry_id, account_id);
"""
KEY_BACKWARD = """
ALTER TABLE ledger_posting
    DROP CONSTRAINT ledger_posting_pkey, ADD COLUMN id uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD CONSTRAINT ledger_posting_once_per_account UNIQUE (entry_id, account_id);
ALTER TABLE ledger_posting ALTER COLUMN id DROP DEFAULT, ADD CONSTRAINT ledger_posting_pkey PRIMARY KEY (id);
"""
FORWARD = """
CREATE OR REPLACE FUNCTION ledger_entries_are_posted() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_memoize = off SET enable_material = off
AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT entry.id INTO wrong
    FROM written AS entry
    -- Not EXISTS, which PostgreSQL would turn into a join.
    WHERE (SELECT posting.entry_id FROM ledger_posting AS posting WHERE posting.entry_id = entry.id LIMIT 1) IS NULL
       OR entry.kind <> ALL ('{purchase,hold,release,charge,settlement,ai_query,refund,chargeback,chargeback_reverse}')
       OR (entry.kind = 'charge') <> (entry.key IS NULL) OR entry.ordinal < 0
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % has no postings, or a kind, key or ordinal that no entry has', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION ledger_postings_balance() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_memoize = off SET enable_material = off
AS $$
DECLARE
    wrong uuid;
BEGIN
    -- What each statement adds to an entry sums to zero, so all of it does.
    SELECT posted.entry_id INTO wrong
    FROM written AS posted
    LEFT JOIN ledger_entry AS head ON head.id = posted.entry_id
    LEFT JOIN ledger_account AS account ON account.id = posted.account_id
    GROUP BY posted.entry_id
    HAVING sum(CASE posted.side WHEN 'debit' THEN posted.amount_mcredits WHEN 'credit' THEN -posted.amount_mcredits END) <> 0
           OR count(account.workspace_id) = 0
           OR bool_and(account.id IS NOT NULL AND coalesce(account.workspace_id, head.workspace_id) = head.workspace_id
                       AND posted.side IN ('debit', 'credit') AND posted.amount_mcredits BETWEEN 1 AND 1000000000000)
              IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'entry % is not there, does not sum to zero or has a posting that cannot be', wrong
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

-- As in 0010, but for the postings, which need no ids.
CREATE OR REPLACE FUNCTION ledger_charge(
    workspaces uuid[], refs text[], ordinals int[], amounts bigint[], booked_at timestamptz, held_until timestamptz,
    sales uuid
) RETURNS TABLE (
    place bigint, outcome text, entry_id uuid, amount bigint, hold_left bigint,
    available bigint, held bigint, debt bigint, sequence bigint
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_memoize = off SET enable_material = off
AS $$
#variable_conflict use_column
DECLARE
    ids_begin text := left(ledger_new_id()::text, 28);
BEGIN
    PERFORM FROM ledger_account WHERE kind = 'available' AND workspace_id = ANY (workspaces)
    ORDER BY workspace_id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH known AS (
        SELECT asked.*, free.id AS free_id, free.balance_mcredits AS free, free.sequence AS last,
               aside.id AS aside_id, aside.balance_mcredits AS aside, owed.balance_mcredits AS owed,
               hold.id AS hold_id, coalesce(hold.remaining_mcredits, 0) AS on_hold,
               earlier.id AS earlier_id, -earlier.effect_mcredits AS earlier_amount,
               CASE
                   WHEN hold.workspace_id IS DISTINCT FROM asked.workspace_id THEN 'closed'
                   WHEN earlier.id IS NOT NULL THEN 'already'
                   -- An expired hold is not the end: the carrier may have been silent about a call that goes on.
                   WHEN hold.state NOT IN ('active', 'expired') THEN 'closed'
                   ELSE 'due'
               END AS verdict
        FROM unnest(workspaces, refs, ordinals, amounts) WITH ORDINALITY
             AS asked (workspace_id, reference, ordinal, amount, place)
        LEFT JOIN ledger_account AS free ON free.workspace_id = asked.workspace_id AND free.kind = 'available'
        LEFT JOIN ledger_account AS aside ON aside.workspace_id = asked.workspace_id AND aside.kind = 'held'
        LEFT JOIN ledger_account AS owed ON owed.workspace_id = asked.workspace_id AND owed.kind = 'debt'
        LEFT JOIN ledger_hold AS hold ON hold.reference = asked.reference
        -- With a LIMIT it is looked up for each; as a plain join a plan from the first day would read all charges.
        LEFT JOIN LATERAL (
            SELECT id, effect_mcredits FROM ledger_entry
            WHERE kind = 'charge' AND reference = asked.reference AND ordinal = asked.ordinal LIMIT 1
        ) AS earlier ON true
    ),
    drawn AS (
        SELECT known.*,
               CASE WHEN verdict = 'due' THEN greatest(0, least(amount, on_hold - coalesce(
                   sum(amount) FILTER (WHERE verdict = 'due') OVER (
                       PARTITION BY workspace_id, hold_id ORDER BY place
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
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
        SELECT weighed.*, (ids_begin || lpad(to_hex(place), 8, '0'))::uuid AS new_id,
               count(*) FILTER (WHERE paid AND amount > 0) OVER so_far AS step,
               (sum(amount) FILTER (WHERE paid) OVER so_far)::bigint AS spent,
               count(*) FILTER (WHERE paid AND amount > 0) OVER in_all AS steps,
               coalesce(sum(amount - from_hold) FILTER (WHERE paid) OVER in_all, 0)::bigint AS taken,
               coalesce(sum(from_hold) FILTER (WHERE paid) OVER in_all, 0)::bigint AS freed,
               on_hold - coalesce(sum(from_hold) FILTER (WHERE paid) OVER (PARTITION BY workspace_id, hold_id),
                                  0)::bigint AS rest
        FROM weighed
        WINDOW so_far AS (PARTITION BY workspace_id ORDER BY place ROWS UNBOUNDED PRECEDING),
               in_all AS (PARTITION BY workspace_id)
    ),
    entries AS (
        INSERT INTO ledger_entry (id, workspace_id, sequence, kind, reference, ordinal, effect_mcredits,
                                  balance_after_mcredits, occurred_at)
        SELECT new_id, workspace_id, last + step, 'charge', reference, ordinal, -amount,
               free + aside - owed - spent, booked_at
        FROM judged WHERE paid AND amount > 0
    ),
    postings AS (
        INSERT INTO ledger_posting (entry_id, account_id, side, amount_mcredits)
        SELECT new_id, line.account_id, line.side, line.amount
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
            -- The expiry is indexed, so it is moved only when the end is near.
            expires_at = CASE WHEN hold.state = 'active' AND hold.expires_at < booked_at + (held_until - booked_at) / 2
                              THEN held_until ELSE hold.expires_at END
        FROM (
            SELECT hold_id AS id, max(rest) AS rest, sum(amount)::bigint AS spent
            FROM judged WHERE paid GROUP BY hold_id
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

CREATE OR REPLACE FUNCTION ledger_debit(
    workspaces uuid[], kinds text[], refs text[], keys text[], amounts bigint[], booked_at timestamptz[], sales uuid,
    lock_patience_ms int
) RETURNS TABLE (
    place bigint, outcome text, entry_id uuid, amount bigint, hold_left bigint,
    available bigint, held bigint, debt bigint, sequence bigint
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET enable_memoize = off SET enable_material = off
AS $$
#variable_conflict use_column
DECLARE
    ids_begin text := left(ledger_new_id()::text, 28);
BEGIN
    IF lock_patience_ms > 0 THEN
        PERFORM set_config('lock_timeout', lock_patience_ms || 'ms', true);
    END IF;
    PERFORM FROM ledger_account WHERE kind = 'available' AND workspace_id = ANY (workspaces)
    ORDER BY workspace_id FOR NO KEY UPDATE;
    RETURN QUERY
    WITH known AS (
        SELECT asked.*, free.id AS free_id, coalesce(free.balance_mcredits, 0) AS free, free.sequence AS last,
               aside.balance_mcredits AS aside, owed.balance_mcredits AS owed,
               earlier.id AS earlier_id, -earlier.effect_mcredits AS earlier_amount,
               count(*) FILTER (WHERE earlier.id IS NULL) OVER so_far AS step,
               (sum(asked.amount) FILTER (WHERE earlier.id IS NULL) OVER so_far)::bigint AS spent
        FROM unnest(workspaces, kinds, refs, keys, amounts, booked_at) WITH ORDINALITY
             AS asked (workspace_id, kind, reference, key, amount, booked_at, place)
        LEFT JOIN ledger_account AS free ON free.workspace_id = asked.workspace_id AND free.kind = 'available'
        LEFT JOIN ledger_account AS aside ON aside.workspace_id = asked.workspace_id AND aside.kind = 'held'
        LEFT JOIN ledger_account AS owed ON owed.workspace_id = asked.workspace_id AND owed.kind = 'debt'
        LEFT JOIN LATERAL (
            SELECT id, effect_mcredits FROM ledger_entry
            WHERE workspace_id = asked.workspace_id AND key = asked.key LIMIT 1
        ) AS earlier ON true
        WINDOW so_far AS (PARTITION BY asked.workspace_id ORDER BY asked.place ROWS UNBOUNDED PRECEDING)
    ),
    -- In the order of the asking, as far as what is available reaches: the paid ones are the first of those that are new.
    judged AS MATERIALIZED (
        SELECT weighed.*, (ids_begin || lpad(to_hex(place), 8, '0'))::uuid AS new_id,
               coalesce(max(step) FILTER (WHERE paid) OVER owner, 0) AS steps,
               coalesce(max(spent) FILTER (WHERE paid) OVER owner, 0) AS taken
        FROM (SELECT known.*, earlier_id IS NULL AND spent <= free AS paid FROM known) AS weighed
        WINDOW owner AS (PARTITION BY workspace_id)
    ),
    entries AS (
        INSERT INTO ledger_entry (id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits,
                                  balance_after_mcredits, occurred_at)
        SELECT new_id, workspace_id, last + step, kind, reference, 0, key, -amount,
               free + aside - owed - spent, booked_at
        FROM judged WHERE paid
    ),
    postings AS (
        INSERT INTO ledger_posting (entry_id, account_id, side, amount_mcredits)
        SELECT new_id, line.account_id, line.side, amount
        FROM judged CROSS JOIN LATERAL (VALUES (free_id, 'debit'), (sales, 'credit')) AS line (account_id, side)
        WHERE paid
    ),
    accounts AS (
        UPDATE ledger_account AS account
        SET balance_mcredits = account.balance_mcredits - taken, sequence = account.sequence + steps
        FROM judged
        -- Once for each workspace.
        WHERE paid AND step = 1 AND account.id = free_id
    )
    SELECT place,
           CASE WHEN earlier_id IS NOT NULL THEN 'already'
                WHEN paid THEN 'paid'
                WHEN amount > free - taken THEN 'insufficient'
                ELSE 'again' END,
           CASE WHEN paid THEN new_id ELSE earlier_id END,
           coalesce(earlier_amount, amount), 0::bigint, free - taken, aside, owed, last + steps
    FROM judged ORDER BY place;
END $$;
"""

_CHECKS: str = import_module("ledger.migrations.0003_spend").FORWARD
_CHECKS = _CHECKS[_CHECKS.index("CREATE FUNCTION ledger_entries_are_posted(") :]
_CHECKS = _CHECKS[: _CHECKS.index("CREATE TRIGGER ledger_entry_posted")]
_SPEND: str = import_module("ledger.migrations.0010_lighter_spend").FORWARD
BACKWARD = f"""
{_CHECKS.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")}
{_SPEND[_SPEND.index("CREATE OR REPLACE FUNCTION ledger_charge(") :]}
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0010_lighter_spend")]
    operations = [
        migrations.RunSQL(
            KEY_FORWARD,
            KEY_BACKWARD,
            state_operations=[
                migrations.RemoveConstraint("posting", "ledger_posting_once_per_account"),
                migrations.RemoveField("posting", "id"),
                migrations.AddField(
                    "posting",
                    "pk",
                    models.CompositePrimaryKey(
                        "entry", "account", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RemoveConstraint("posting", "ledger_posting_side_known"),
        migrations.RemoveConstraint("posting", "ledger_posting_amount_in_range"),
        migrations.RemoveConstraint("entry", "ledger_entry_kind_known"),
        migrations.RemoveConstraint("entry", "ledger_entry_has_one_identity"),
        migrations.AlterField("entry", "ordinal", models.IntegerField(default=0)),
    ]
