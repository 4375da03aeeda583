"""What is booked stays as it was booked, whatever the code does."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.models import Account, Entry, PaddleEvent, Posting
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
