"""Where a call's credits end: each mark is told once, a purchase moves the end, and the call is over by then.

Planted bugs that this catches: marks that are not taken back when credits are bought (no second warning before the true end); a
closing line that stops the rep from hanging up; a duration taken from the Dial that the lead left for the closing line.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from identity.models import Membership
from tests.identity.browser import Browser
from tests.voice.carrier import Placed, give_credit, place, post
from voice import credit_end, metering, queries

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 1_000


@pytest.fixture
def member(make_account: Callable[..., Membership]) -> Membership:
    return make_account()


def answered(member: Membership, *, minutes: int) -> Placed:
    """A conversation that began just now, with credits for so many minutes; the first is charged."""
    give_credit(member, minutes * MINUTE)
    placed = place(member, began_s_ago=5)
    post(*placed.agent("in-progress", at_s=0, sequence=0))
    post(*placed.callee("in-progress", at_s=5, sequence=0))
    at(placed, 0)
    return placed


def at(placed: Placed, second: float) -> int | None:
    """What the clock does in this second of the conversation, and the mark that was told last."""
    answered_at = placed.row.answered_at
    assert answered_at is not None
    now = answered_at + timedelta(seconds=second)
    metering.charge_due_minutes(now=now)
    credit_end.watch_credits(now=now)
    return placed.row.warned_at_s


def test_each_mark_is_told_when_it_comes_and_the_call_ends_with_its_credits(member: Membership) -> None:
    placed = answered(member, minutes=2)
    assert [at(placed, second) for second in (30, 59, 60, 61, 104, 105, 112)] == [None, None, 60, 60, 60, 15, 15]
    assert placed.row.hangup_requested_at is None
    assert at(placed, 113) == 7
    row = placed.row
    assert row.answered_at is not None
    assert row.hangup_requested_at == row.answered_at + timedelta(seconds=120)
    assert (row.minutes_charged, row.charged_mcredits) == (2, 2 * MINUTE)


def test_a_purchase_during_the_call_moves_its_end_and_the_warnings_come_again(member: Membership) -> None:
    placed = answered(member, minutes=1)
    assert at(placed, 46) == 15
    give_credit(member, MINUTE)
    assert at(placed, 47) is None
    assert [at(placed, second) for second in (59, 60, 90, 105)] == [None, 60, 60, 15]
    give_credit(member, MINUTE // 2)
    assert at(placed, 106) == 15, "half a minute is not sold"
    row = placed.row
    assert row.answered_at is not None
    assert queries.seconds_left(row, now=row.answered_at + timedelta(seconds=106)) == 14


def test_a_call_that_its_credits_ended_says_so_and_lasts_until_its_own_leg_is_over(member: Membership) -> None:
    placed = answered(member, minutes=1)
    assert at(placed, 53) == 7
    said = post(*placed.after("answered", DialCallDuration="53"))
    assert "credits are used up" in said.body
    assert placed.row.status == "in_progress"
    post(*placed.callee("completed", at_s=63, sequence=1, CallDuration="58"))
    row = placed.row
    assert (row.status, row.end_reason, row.duration_s) == ("completed", "credits_used_up", 58)
    assert row.charged_mcredits == MINUTE


def test_a_call_that_is_as_long_as_a_call_can_be_says_so(member: Membership) -> None:
    placed = answered(member, minutes=20)
    type(placed.row).objects.get_queryset().filter(id=placed.call_id).update(max_duration_s=120)
    assert [at(placed, second) for second in (60, 105, 113)] == [60, 15, 7]
    post(*placed.callee("completed", at_s=124, sequence=1, CallDuration="119"))
    assert (placed.row.status, placed.row.end_reason) == ("completed", "longest_call")


def test_while_the_closing_line_is_spoken_the_rep_may_hang_up(
    member: Membership, sign_in: Callable[..., Browser]
) -> None:
    placed = answered(member, minutes=1)
    # Its credits end in the seconds to come, by this machine's clock.
    late = datetime.now(UTC) + timedelta(seconds=5)
    type(placed.row).objects.get_queryset().filter(id=placed.call_id).update(warned_at_s=7, hangup_requested_at=late)
    status, _ = sign_in(member).post(f"/api/calls/{placed.call_id}/hangup", {})
    assert status == 200
    asked = placed.row.hangup_requested_at
    assert asked is not None
    assert asked < late
