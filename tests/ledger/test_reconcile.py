"""Planted faults are found and named."""

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ledger.reconcile import check_books, violations
from tests.ledger.books import NOW, charge, hold, new_workspace

pytestmark = pytest.mark.django_db(transaction=True)


def damage(table: str, change: str) -> None:
    """Writes past the triggers, as nothing in the product can."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            cursor.execute(f"UPDATE {table} SET {change}")  # noqa: S608 - fixed text of this file
        finally:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def test_sound_books_pass() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 2_000)
    charge(workspace_id, "call:1", 0, 1, 2)
    assert list(violations(now=NOW)) == []


@pytest.mark.parametrize(
    ("table", "change", "invariant"),
    [
        ("ledger_account", "balance_mcredits = balance_mcredits + 1 WHERE kind = 'available'", "balances match"),
        ("ledger_hold", "remaining_mcredits = remaining_mcredits + 1", "held accounts match"),
        ("ledger_hold", "charged_mcredits = charged_mcredits + 1", "holds know"),
        ("ledger_hold", "expires_at = '2020-01-01Z'", "no hold outlives"),
        ("ledger_checkout", "granted_mcredits = granted_mcredits + 1", "purchases are booked"),
        ("ledger_posting", "amount_mcredits = amount_mcredits + 1 WHERE side = 'debit'", "entries sum to zero"),
        ("ledger_posting", "entry_id = gen_random_uuid() WHERE side = 'debit'", "postings have their entry"),
        ("ledger_posting", "account_id = gen_random_uuid() WHERE side = 'debit'", "postings have their entry"),
        ("ledger_entry", "sequence = sequence + 1 WHERE kind = 'charge'", "entries are numbered"),
        ("ledger_entry", "balance_after_mcredits = 7 WHERE kind = 'hold'", "entries are numbered"),
        ("ledger_entry", "effect_mcredits = effect_mcredits + 1 WHERE kind = 'purchase'", "entries have the effect"),
        ("ledger_paddleevent", "state = 'pending', received_at = '2020-01-01Z'", "no event of Paddle"),
    ],
)
def test_a_planted_fault_is_found_and_the_command_names_the_row(
    table: str, change: str, invariant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 2_000)
    charge(workspace_id, "call:1", 0)
    damage(table, change)
    found = [violation for violation in violations(now=NOW) if violation.invariant.startswith(invariant)]
    assert found and found[0].row
    with pytest.raises(CommandError):
        call_command("reconcile")
    assert found[0].invariant in capsys.readouterr().err


def test_the_clock_logs_what_is_broken_for_the_operator(caplog: pytest.LogCaptureFixture) -> None:
    hold(new_workspace(mcredits=5_000), "call:1", 2_000)
    assert check_books(now=NOW) == 0
    damage("ledger_hold", "charged_mcredits = charged_mcredits + 1")
    assert check_books(now=NOW) == 1
    assert [record.invariant for record in caplog.records if record.name == "ledger.reconcile"] == [  # type: ignore[attr-defined]
        "holds know what was charged"
    ]
