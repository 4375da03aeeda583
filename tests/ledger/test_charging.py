"""The meter charges every part once, many at a time."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger import live, operations, queries
from ledger.models import Entry
from tests.ledger.books import NOW, amounts, broken, charge, hold, new_workspace

pytestmark = pytest.mark.django_db


def test_a_minute_is_charged_once_however_often_it_is_asked_for() -> None:
    """Red without the look at what is booked, and without the unique key behind it."""
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 3_000)
    assert charge(workspace_id, "call:1", 0) == ["charged"]
    assert charge(workspace_id, "call:1", 0, 1, 1) == ["already_charged", "charged", "already_charged"]
    assert amounts(workspace_id) == (2_000, 1_000, 0)
    assert broken() == []


def test_what_the_hold_lacks_comes_from_what_is_available() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 1_500)
    assert charge(workspace_id, "call:1", 0, 1) == ["charged", "charged"]
    assert amounts(workspace_id) == (3_000, 0, 0)
    assert broken() == []


def test_a_minute_that_cannot_be_paid_is_not_charged_in_part_and_hinders_no_other() -> None:
    poor, rich = new_workspace(mcredits=1_500), new_workspace(mcredits=5_000)
    hold(poor, "call:poor", 500)
    hold(rich, "call:rich", 500)
    charges = [
        operations.Charge(poor, "call:poor", 0, 1_000),
        operations.Charge(poor, "call:poor", 1, 1_000),
        operations.Charge(rich, "call:rich", 0, 1_000),
    ]
    results = operations.capture_due(charges=charges, now=NOW)
    assert [result.outcome for result in results] == ["charged", "insufficient", "charged"]
    assert [result.spendable_mcredits for result in results] == [500, 500, 4_000]
    assert amounts(poor) == (500, 0, 0)
    assert broken() == []


def test_calls_of_one_workspace_never_overspend_together() -> None:
    workspace_id = new_workspace(mcredits=3_000)
    references = [f"call:{number}" for number in range(3)]
    for reference in references:
        hold(workspace_id, reference, 500)
    charges = [operations.Charge(workspace_id, reference, 0, 1_500) for reference in references]
    outcomes = [result.outcome for result in operations.capture_due(charges=charges, now=NOW)]
    # 1,500 are available beside the holds of 500: each charge needs 1,000 of them.
    assert outcomes == ["charged", "insufficient", "insufficient"]
    assert broken() == []


def test_a_charge_against_another_workspaces_hold_is_refused() -> None:
    owner, stranger = new_workspace(mcredits=5_000), new_workspace(mcredits=5_000)
    hold(owner, "call:1", 1_000)
    assert charge(stranger, "call:1", 0) == ["closed"]
    assert charge(owner, "call:unknown", 0) == ["closed"]
    assert (amounts(owner), amounts(stranger)) == ((4_000, 1_000, 0), (5_000, 0, 0))


def test_a_reference_may_be_whatever_text_there_is() -> None:
    """Red when an array is written without minding what means something in it."""
    workspace_id = new_workspace(mcredits=50_000)
    references = ['a "quoted" one', "back\\slash", "{a,b}", "NULL", " ", "é, ü"]
    for reference in references:
        hold(workspace_id, reference, 1_000)
    charges = [operations.Charge(workspace_id, reference, 0, 1_000) for reference in references]
    results = operations.capture_due(charges=charges, now=NOW)
    assert [(result.reference, result.outcome) for result in results] == [(each, "charged") for each in references]
    booked = Entry.objects.for_workspace(workspace_id).filter(kind="charge").order_by("sequence")
    assert list(booked.values_list("reference", flat=True)) == references


def test_the_number_of_statements_does_not_grow_with_the_number_of_calls() -> None:
    def statements(calls: int) -> int:
        charges = []
        for number in range(calls):
            workspace_id = new_workspace(mcredits=5_000)
            hold(workspace_id, f"call:{calls}:{number}", 1_000)
            charges.append(operations.Charge(workspace_id, f"call:{calls}:{number}", 0, 1_000))
        with CaptureQueriesContext(connection) as captured:
            operations.capture_due(charges=charges, now=NOW)
        return len(captured)

    assert statements(1) == statements(20) <= 10


def test_entries_carry_the_running_credit() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 2_000)
    charge(workspace_id, "call:1", 0, 1, 2)
    rows = Entry.objects.for_workspace(workspace_id).order_by("sequence")
    assert [(row.kind, row.effect_mcredits, row.balance_after_mcredits) for row in rows] == [
        ("purchase", 5_000, 5_000),
        ("hold", 0, 5_000),
        ("charge", -1_000, 4_000),
        ("charge", -1_000, 3_000),
        ("charge", -1_000, 2_000),
    ]


def test_a_debit_happens_once_per_key() -> None:
    workspace_id = new_workspace(mcredits=500)

    def ask(key: str) -> operations.Debit:
        return operations.debit(
            workspace_id=workspace_id, key=key, amount_mcredits=200, kind="ai_query", reference="query:1", now=NOW
        )

    assert [ask("one").repeated, ask("one").repeated, ask("two").repeated] == [False, True, False]
    with pytest.raises(operations.InsufficientCredit):
        ask("three")
    assert amounts(workspace_id) == (100, 0, 0)
    assert queries.house_balance("sales") == 400


def test_what_can_be_spent_counts_the_rest_of_the_hold_and_what_is_available() -> None:
    workspace_id = new_workspace(mcredits=5_500)
    hold(workspace_id, "call:1", 2_000)
    charge(workspace_id, "call:1", 0)
    assert live.spendable(["call:1"]) == {"call:1": 4_500}
