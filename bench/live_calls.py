"""Thousands of live calls in the database, each with its hold, made in sets; the books are exact."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import connection, transaction
from uuid_utils.compat import uuid7

from identity.models import User, Workspace
from ledger.models import RateCard
from ledger.operations import place_hold
from ledger.operations.book import Batch, Line
from voice.models import Call, Lead

ANSWERED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BOUGHT_MCREDITS = 10**9
HELD_MCREDITS = 2_000
CALLS_PER_WORKSPACE = 10
_AT_ONCE = 1_000


def workspaces(number: int) -> list[UUID]:
    """So many workspaces with credit for ever."""
    made = [Workspace(name="Bench", created_at=ANSWERED) for _ in range(number)]
    Workspace.objects.bulk_create(made, batch_size=_AT_ONCE)
    ids = [workspace.id for workspace in made]
    for some in _some(ids):
        with transaction.atomic():
            batch = Batch(workspace_ids=some, now=ANSWERED)
            for workspace_id in some:
                lines = [
                    Line("paddle_clearing", "debit", BOUGHT_MCREDITS),
                    Line("available", "credit", BOUGHT_MCREDITS),
                ]
                batch.post(batch.books(workspace_id), "purchase", lines, reference="bench", key="purchase:bench")
            batch.write()
    return ids


def calls(number: int) -> None:
    """So many calls that were all answered at ANSWERED and have not been charged; every workspace has ten."""
    if number % CALLS_PER_WORKSPACE:
        raise ValueError(f"{number} calls do not fill workspaces of {CALLS_PER_WORKSPACE}")
    patterns = _patterns()
    with connection.cursor() as cursor:
        for some in _some(workspaces(number // CALLS_PER_WORKSPACE)):
            cursor.execute(_CALLS, {**patterns, "workspaces": some, "each": CALLS_PER_WORKSPACE, "held": HELD_MCREDITS})
        cursor.execute("ANALYZE")


def _patterns() -> dict[str, UUID]:
    """One of each row, made as the product makes them and over; the others are copies with keys of their own."""
    owner = workspaces(1)[0]
    person = User.objects.create(
        email=f"{uuid7()}@bench.example",
        first_name="Rep",
        last_name="Bench",
        mobile_e164="+12025550100",
        created_at=ANSWERED,
    )
    lead = Lead.objects.create(
        workspace_id=owner, first_name="Lead", last_name="Bench", phone_e164="+13125550100", created_at=ANSWERED
    )
    call = Call.objects.create(
        workspace_id=owner,
        lead=lead,
        user=person,
        idempotency_key="bench",
        status="completed",
        rate_card_id=RateCard.objects.get(version=1).id,
        created_at=ANSWERED,
        answered_at=ANSWERED,
        ended_at=ANSWERED,
        max_duration_s=14_400,
    )
    hold = place_hold(
        workspace_id=owner,
        amount_mcredits=HELD_MCREDITS,
        reference=call.ledger_reference,
        expires_at=ANSWERED + timedelta(minutes=10),
        now=ANSWERED,
    )
    return {"person": person.id, "lead": lead.id, "call": call.id, "hold": hold.id}


def _some(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    left = iter(ids)
    while some := list(islice(left, _AT_ONCE)):
        yield some


_CALLS = """
WITH wanted AS MATERIALIZED (
    SELECT owner, place, uuidv7() AS person, uuidv7() AS lead, uuidv7() AS call, uuidv7() AS entry
    FROM unnest(%(workspaces)s::uuid[]) AS owner CROSS JOIN generate_series(1, %(each)s) AS place
),
people AS (
    INSERT INTO identity_user (id, email_sealed, mobile_e164_sealed, password, first_name, last_name, is_active,
                               created_at)
    SELECT person, email_sealed, mobile_e164_sealed, password, first_name, last_name, is_active, created_at
    FROM wanted CROSS JOIN identity_user AS pattern WHERE pattern.id = %(person)s
),
leads AS (
    INSERT INTO voice_lead SELECT (jsonb_populate_record(pattern, jsonb_build_object(
        'id', lead, 'workspace_id', owner, 'phone_e164', '+131255501' || lpad(place::text, 2, '0')))).*
    FROM wanted CROSS JOIN voice_lead AS pattern WHERE pattern.id = %(lead)s
),
calls AS (
    INSERT INTO voice_call SELECT (jsonb_populate_record(pattern, jsonb_build_object(
        'id', call, 'workspace_id', owner, 'lead_id', lead, 'user_id', person,
        'status', 'in_progress', 'ended_at', null))).*
    FROM wanted CROSS JOIN voice_call AS pattern WHERE pattern.id = %(call)s
),
holds AS (
    INSERT INTO ledger_hold SELECT (jsonb_populate_record(pattern, jsonb_build_object(
        'id', uuidv7(), 'workspace_id', owner, 'reference', 'call:' || call))).*
    FROM wanted CROSS JOIN ledger_hold AS pattern WHERE pattern.id = %(hold)s
),
entries AS (
    INSERT INTO ledger_entry (id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits,
                              balance_after_mcredits, occurred_at)
    SELECT entry, wanted.owner, account.sequence + place, 'hold', 'call:' || call, 0, 'hold:call:' || call || ':0', 0,
           account.balance_mcredits, hold.placed_at
    FROM wanted
    JOIN ledger_account AS account ON account.workspace_id = wanted.owner AND account.kind = 'available'
    CROSS JOIN ledger_hold AS hold WHERE hold.id = %(hold)s
),
postings AS (
    INSERT INTO ledger_posting (entry_id, account_id, side, amount_mcredits)
    SELECT entry, account.id, CASE account.kind WHEN 'available' THEN 'debit' ELSE 'credit' END, %(held)s
    FROM wanted
    JOIN ledger_account AS account
        ON account.workspace_id = wanted.owner AND account.kind IN ('available', 'held')
)
UPDATE ledger_account
SET balance_mcredits = balance_mcredits + CASE kind WHEN 'available' THEN -1 ELSE 1 END * %(each)s * %(held)s::bigint,
    sequence = sequence + CASE kind WHEN 'available' THEN %(each)s ELSE 0 END
WHERE workspace_id = ANY (%(workspaces)s) AND kind IN ('available', 'held')
"""
