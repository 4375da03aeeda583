"""Thousands of live calls in the database, each with its hold, made in sets; the books are exact."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from identity.models import User, Workspace
from ledger.models import Hold, RateCard
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
    """So many calls that were all answered at ANSWERED and have not been charged; some workspaces have ten each."""
    ids = workspaces(-(-number // CALLS_PER_WORKSPACE))
    card = RateCard.objects.get(version=1).id
    owners = [ids[place // CALLS_PER_WORKSPACE] for place in range(number)]
    for some in _some(owners):
        with transaction.atomic():
            _calls(some, card)


def _calls(owners: Sequence[UUID], card: UUID) -> None:
    people = [
        User(
            email=f"{uuid7()}@bench.example",
            first_name="Rep",
            last_name="Bench",
            mobile_e164="+12025550100",
            created_at=ANSWERED,
        )
        for _ in owners
    ]
    User.objects.bulk_create(people)
    leads = [
        Lead(
            workspace_id=owner,
            first_name="Lead",
            last_name="Bench",
            phone_e164=f"+1{2_000_000_000 + uuid7().int % 7_999_999_999}",
            created_at=ANSWERED,
        )
        for owner in owners
    ]
    Lead.objects.bulk_create(leads)
    made = [
        Call(
            workspace_id=owner,
            lead=lead,
            user=person,
            idempotency_key="bench",
            status="in_progress",
            rate_card_id=card,
            created_at=ANSWERED,
            answered_at=ANSWERED,
            max_duration_s=14_400,
        )
        for owner, lead, person in zip(owners, leads, people, strict=True)
    ]
    Call.objects.bulk_create(made)
    batch = Batch(workspace_ids=owners, now=ANSWERED)
    for call in made:
        lines = [Line("available", "debit", HELD_MCREDITS), Line("held", "credit", HELD_MCREDITS)]
        reference = call.ledger_reference
        batch.post(batch.books(call.workspace_id), "hold", lines, reference=reference, key=f"hold:{reference}:0")
    Hold.objects.bulk_create(
        Hold(
            workspace_id=call.workspace_id,
            reference=call.ledger_reference,
            remaining_mcredits=HELD_MCREDITS,
            placed_at=ANSWERED,
            expires_at=ANSWERED + timedelta(minutes=10),
        )
        for call in made
    )
    batch.write()


def _some(ids: Sequence[UUID]) -> Iterator[list[UUID]]:
    left = iter(ids)
    while some := list(islice(left, _AT_ONCE)):
        yield some
