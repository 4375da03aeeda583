"""What is booked stays as it was booked, whatever the code does."""

from typing import Any, get_args
from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.chart import HOUSE_ACCOUNT_IDS
from ledger.models import Account, Entry, PaddleEvent, Posting
from ledger.money import AMOUNT_MAX_MCREDITS
from ledger.schemas import EntryKind
from tests.ledger.books import NOW, hold, new_workspace


def execute(statement: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET effect_mcredits = 1",
        "DELETE FROM ledger_entry",
        "UPDATE ledger_posting SET amount_mcredits = amount_mcredits + 1",
        "DELETE FROM ledger_posting",
        "UPDATE ledger_ratecard SET mcredits_per_minute = 1",
        "DELETE FROM ledger_paddleevent",
        "UPDATE ledger_paddleevent SET payload = '{}'",
        "UPDATE ledger_account SET balance_mcredits = -1 WHERE kind = 'available'",
    ],
)
def test_the_database_refuses_to_change_the_books(statement: str) -> None:
    """Red when a trigger or the constraint on balances is missing."""
    new_workspace(mcredits=5_000)
    with pytest.raises(DatabaseError):
        execute(statement)


@pytest.mark.django_db(transaction=True)
def test_handling_an_event_may_be_noted() -> None:
    new_workspace(mcredits=5_000)
    assert PaddleEvent.objects.update(handled_at=NOW) == 1


@pytest.mark.django_db(transaction=True)
def test_an_entry_without_postings_cannot_be_committed() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    with pytest.raises(IntegrityError):
        Entry.objects.get_queryset().create(
            workspace_id=workspace_id,
            sequence=2,
            kind="hold",
            reference="call:1",
            key="hold:1",
            effect_mcredits=0,
            balance_after_mcredits=5_000,
            occurred_at=NOW,
        )


@pytest.mark.django_db(transaction=True)
def test_an_entry_that_does_not_sum_to_zero_is_refused() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    entry = Entry.objects.for_workspace(workspace_id).get()
    held = Account.objects.get(workspace_id=workspace_id, kind="held")
    with pytest.raises(IntegrityError):
        Posting.objects.create(entry=entry, account=held, side="credit", amount_mcredits=1)


@pytest.mark.django_db(transaction=True)
def test_the_same_charge_cannot_be_written_twice() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 1_000)
    rows = [
        Entry(
            workspace_id=workspace_id,
            sequence=sequence,
            kind="charge",
            reference="call:1",
            ordinal=0,
            effect_mcredits=-1,
            balance_after_mcredits=0,
            occurred_at=NOW,
        )
        for sequence in (3, 4)
    ]
    with pytest.raises(IntegrityError, match="ledger_charge_once_per_ordinal"):
        Entry.objects.get_queryset().bulk_create(rows)


BOOK = """
WITH entry AS (
    INSERT INTO ledger_entry (id, workspace_id, sequence, kind, reference, ordinal, key, effect_mcredits,
                              balance_after_mcredits, occurred_at)
    VALUES (gen_random_uuid(), %(workspace)s, 9, %(kind)s, 'call:1', %(ordinal)s, %(key)s, 0, 5000, now()) RETURNING id
)
INSERT INTO ledger_posting (entry_id, account_id, side, amount_mcredits)
SELECT coalesce(%(entry)s, entry.id), line.* FROM entry
CROSS JOIN (VALUES (%(debited)s::uuid, %(side)s, %(amount)s::bigint), (%(credited)s, 'credit', %(amount)s)) AS line
"""


def book(workspace_id: UUID, **faults: Any) -> None:
    """An entry from available to held as the product writes it, but for the faults."""
    ids = {account.kind: account.id for account in Account.objects.filter(workspace_id=workspace_id)}
    sound: dict[str, Any] = {
        "workspace": workspace_id,
        "kind": "hold",
        "ordinal": 0,
        "key": "hold:1",
        "entry": None,
        "debited": ids["available"],
        "side": "debit",
        "credited": ids["held"],
        "amount": 10,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(BOOK, sound | faults)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", get_args(EntryKind))
def test_every_kind_of_entry_can_be_written(kind: str) -> None:
    """Red when a kind is added without the trigger that knows them all."""
    workspace_id = new_workspace(mcredits=5_000)
    book(workspace_id, kind=kind, key=None if kind == "charge" else "some:1")
    assert Entry.objects.for_workspace(workspace_id).filter(kind=kind, sequence=9).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "faults",
    [
        {"kind": "gift"},
        {"kind": "charge"},
        {"key": None},
        {"ordinal": -1},
        {"entry": UUID(int=1)},
        {"side": "credit"},
        {"side": "both"},
        {"amount": 0},
        {"amount": -10},
        {"amount": AMOUNT_MAX_MCREDITS + 1},
        {"credited": UUID(int=1)},
        {"debited": HOUSE_ACCOUNT_IDS["sales"], "credited": HOUSE_ACCOUNT_IDS["promotions"]},
    ],
    ids=lambda faults: "-".join(f"{name}_{value}" for name, value in faults.items())[:40],
)
def test_the_database_refuses_what_no_entry_is_like(faults: dict[str, Any]) -> None:
    """Red when a condition is missing in the triggers."""
    workspace_id = new_workspace(mcredits=5_000)
    with pytest.raises(IntegrityError):
        book(workspace_id, **faults)
    book(workspace_id)


@pytest.mark.django_db(transaction=True)
def test_nothing_is_posted_to_the_account_of_another_workspace() -> None:
    others = Account.objects.get(workspace_id=new_workspace(mcredits=5_000), kind="held")
    with pytest.raises(IntegrityError):
        book(new_workspace(mcredits=5_000), credited=others.id)
