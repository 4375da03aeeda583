"""Credit is set aside, spent and freed, each exactly once."""

from datetime import timedelta

import pytest

from ledger import operations, queries
from ledger.models import Hold
from ledger.money import AmountOutOfRange
from tests.ledger.books import LATER, NOW, amounts, broken, charge, hold, new_workspace

pytestmark = pytest.mark.django_db


def settle(total_mcredits: int) -> operations.Settlement:
    return operations.settle(reference="call:1", total_mcredits=total_mcredits, now=NOW)


def test_a_hold_takes_from_what_is_available() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 3_000)
    assert amounts(workspace_id) == (2_000, 3_000, 0)


def test_placing_a_hold_again_changes_nothing() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 3_000)
    hold(workspace_id, "call:1", 3_000)
    assert amounts(workspace_id) == (2_000, 3_000, 0)


def test_a_reference_of_another_workspace_cannot_be_held() -> None:
    hold(new_workspace(mcredits=5_000), "call:1", 3_000)
    other = new_workspace(mcredits=5_000)
    with pytest.raises(operations.ReferenceTaken):
        hold(other, "call:1", 3_000)
    assert amounts(other) == (5_000, 0, 0)


def test_more_than_is_available_is_refused_and_nothing_changes() -> None:
    workspace_id = new_workspace(mcredits=999)
    with pytest.raises(operations.InsufficientCredit):
        hold(workspace_id, "call:1", 1_000)
    assert amounts(workspace_id) == (999, 0, 0)
    assert not Hold.objects.for_workspace(workspace_id).exists()


@pytest.mark.parametrize("mcredits", [0, -1, 10**12 + 1])
def test_amounts_out_of_range_are_refused_with_a_code(mcredits: int) -> None:
    workspace_id = new_workspace(mcredits=5_000)
    with pytest.raises(AmountOutOfRange) as refused:
        hold(workspace_id, "call:1", mcredits)
    assert refused.value.code == "amount_out_of_range"
    assert amounts(workspace_id) == (5_000, 0, 0)


def test_extending_tops_up_to_the_amount_and_repeating_it_adds_nothing() -> None:
    workspace_id = new_workspace(mcredits=9_000)
    hold(workspace_id, "call:1", 3_000)
    charge(workspace_id, "call:1", 0)
    for _ in range(2):
        operations.extend_hold(reference="call:1", remaining_mcredits=3_000, expires_at=LATER, now=NOW)
    assert amounts(workspace_id) == (5_000, 3_000, 0)
    assert broken() == []


def test_settling_charges_only_the_difference_and_frees_the_rest() -> None:
    """Red when the total is charged on top of what was charged live."""
    workspace_id = new_workspace(mcredits=9_000)
    hold(workspace_id, "call:1", 5_000)
    charge(workspace_id, "call:1", 0, 1)
    settled = settle(3_000)
    assert (settled.charged_mcredits, settled.adjusted_mcredits, settled.released_mcredits) == (3_000, 1_000, 2_000)
    assert amounts(workspace_id) == (6_000, 0, 0)
    assert queries.house_balance("sales") == 3_000
    assert broken() == []


def test_settling_gives_back_what_was_charged_too_much() -> None:
    workspace_id = new_workspace(mcredits=9_000)
    hold(workspace_id, "call:1", 5_000)
    charge(workspace_id, "call:1", 0, 1, 2)
    assert settle(2_000).adjusted_mcredits == -1_000
    assert amounts(workspace_id) == (7_000, 0, 0)
    assert queries.house_balance("sales") == 2_000
    assert broken() == []


def test_settling_again_changes_nothing_and_another_total_adjusts() -> None:
    workspace_id = new_workspace(mcredits=9_000)
    hold(workspace_id, "call:1", 5_000)
    settle(3_000)
    assert settle(3_000).adjusted_mcredits == 0
    assert amounts(workspace_id) == (6_000, 0, 0)
    assert settle(4_000).adjusted_mcredits == 1_000
    assert amounts(workspace_id) == (5_000, 0, 0)
    assert broken() == []


def test_what_nobody_can_pay_is_reported_and_never_collected_by_a_repetition() -> None:
    workspace_id = new_workspace(mcredits=2_000)
    hold(workspace_id, "call:1", 1_000)
    assert settle(5_000).uncollected_mcredits == 3_000
    assert amounts(workspace_id) == (0, 0, 0)
    other_purchase = new_workspace(mcredits=5_000)
    assert settle(5_000).uncollected_mcredits == 3_000
    assert amounts(other_purchase) == (5_000, 0, 0)
    assert broken() == []


def test_a_released_hold_frees_everything_once_and_takes_no_more_charges() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:1", 3_000)
    for _ in range(2):
        operations.release_hold(reference="call:1", now=NOW)
    assert amounts(workspace_id) == (5_000, 0, 0)
    assert charge(workspace_id, "call:1", 0) == ["closed"]
    assert amounts(workspace_id) == (5_000, 0, 0)


def test_a_silent_hold_expires_and_a_renewed_one_does_not() -> None:
    workspace_id = new_workspace(mcredits=5_000)
    hold(workspace_id, "call:silent", 1_000)
    hold(workspace_id, "call:alive", 1_000)
    operations.renew_holds(references=["call:alive"], expires_at=LATER + timedelta(hours=1), now=NOW)
    assert operations.release_expired_holds(now=LATER) == 1
    assert operations.release_expired_holds(now=LATER) == 0
    assert amounts(workspace_id) == (4_000, 1_000, 0)


def test_a_call_that_outlives_its_hold_is_charged_from_what_is_available() -> None:
    workspace_id = new_workspace(mcredits=2_000)
    hold(workspace_id, "call:1", 1_000)
    operations.release_expired_holds(now=LATER)
    assert charge(workspace_id, "call:1", 0, 1, 2) == ["charged", "charged", "insufficient"]
    assert amounts(workspace_id) == (0, 0, 0)
    assert broken() == []


def test_unknown_references_are_refused() -> None:
    with pytest.raises(operations.HoldUnknown):
        settle(1_000)
    with pytest.raises(operations.HoldUnknown):
        operations.release_hold(reference="call:1", now=NOW)
