"""A call's state follows from what the carrier said of its legs, in whatever order it said it.

Planted bug that this catches: comparing with `>=` instead of `>` in `merged` lets a late `ringing` undo `completed`.
"""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from voice.state import CALL_RANK, LEG_RANK, LegFacts, derive, merged

T0 = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def leg(
    role: str, status: str, answered: int | None = None, ended: int | None = None, duration: int | None = None
) -> LegFacts:
    return LegFacts(
        role,
        status,
        T0 + timedelta(seconds=answered) if answered is not None else None,
        T0 + timedelta(seconds=ended) if ended is not None else None,
        duration,
    )


def test_a_call_without_legs_is_only_intended() -> None:
    assert derive([], hangup_requested=False).status == "intended"


@pytest.mark.parametrize(
    ("legs", "status", "reason"),
    [
        ([leg("agent", "ringing")], "rep_ringing", None),
        ([leg("agent", "in-progress", 1)], "rep_answered", None),
        ([leg("agent", "busy", ended=3)], "busy", "rep_busy"),
        ([leg("agent", "no-answer", ended=30)], "no_answer", "rep_no_answer"),
        ([leg("agent", "in-progress", 1), leg("callee", "ringing")], "callee_ringing", None),
        ([leg("agent", "in-progress", 1), leg("callee", "in-progress", 5)], "in_progress", None),
        ([leg("agent", "in-progress", 1), leg("callee", "busy", ended=5)], "busy", "lead_busy"),
        ([leg("agent", "completed", 1, 70), leg("callee", "completed", 5, 69, 64)], "completed", "hung_up"),
        ([leg("agent", "completed", 1, 70), leg("callee", "failed", ended=9)], "failed", "lead_unreachable"),
    ],
)
def test_the_newest_news_of_both_legs_decides(legs: list[LegFacts], status: str, reason: str | None) -> None:
    facts = derive(legs, hangup_requested=False)
    assert (facts.status, facts.end_reason) == (status, reason)


def test_the_conversation_is_as_long_as_the_carrier_says_of_the_leads_leg() -> None:
    facts = derive([leg("agent", "completed", 1, 70), leg("callee", "completed", 5, 69, 64)], hangup_requested=False)
    assert facts.duration_s == 64


def test_without_the_carriers_figure_the_length_is_the_time_between_answer_and_end() -> None:
    facts = derive([leg("callee", "completed", 5, 69)], hangup_requested=False)
    assert facts.duration_s == 64


def test_a_rep_who_hung_up_before_the_lead_was_rung_leaves_a_question_for_the_carrier() -> None:
    assert derive([leg("agent", "completed", 1, 9)], hangup_requested=False).unresolved


def test_every_order_of_a_legs_statuses_ends_the_same() -> None:
    for order in permutations(["queued", "initiated", "ringing", "in-progress", "completed"]):
        known = leg("callee", "queued", 1, 61, 60)
        for news in order:
            known = merged(known, leg("callee", news))
        assert derive([known], hangup_requested=False).status == "completed"


def test_every_status_that_can_be_derived_has_a_rank() -> None:
    for status in LEG_RANK:
        for role in ("agent", "callee"):
            assert derive([leg(role, status, ended=5)], hangup_requested=False).status in CALL_RANK
